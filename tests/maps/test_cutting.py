import pytest

from tbspot.choices import MapRule
from tbspot.description import Description
from tbspot.errors import TbspotError
from tbspot.maps.cutting import Cut, cut_of

TUNED = Description(name="m", map_rule="tuned", map_threshold=0.4, area_share=0.08)


def test_the_threshold_that_the_model_carries_is_used() -> None:
    assert cut_of(TUNED) == Cut("tuned", 0.4)


def test_the_box_free_rule_takes_the_models_share_of_the_area() -> None:
    assert cut_of(TUNED, "quantile") == Cut("quantile", 0.08)


def test_otsu_needs_no_share() -> None:
    assert cut_of(TUNED, "otsu") == Cut("otsu", None)


def test_a_share_that_is_given_goes_before_the_models() -> None:
    assert cut_of(TUNED, None, 0.6) == Cut("tuned", 0.6)
    assert cut_of(TUNED, "quantile", 0.1) == Cut("quantile", 0.1)


@pytest.mark.parametrize(("rule", "value"), [("tuned", None), ("quantile", None), ("tuned", 1.5)])
def test_a_rule_without_its_share_is_one_clear_sentence(rule: MapRule, value: float | None) -> None:
    with pytest.raises(TbspotError, match="give `map_threshold`"):
        cut_of(Description(name="m"), rule, value)


@pytest.mark.parametrize("value", [2.0, 0.0, float("nan"), "x"])
def test_a_share_that_is_none_is_told_as_such(value: float) -> None:
    with pytest.raises(TbspotError, match="is no share; give `map_threshold` between 0 and 1"):
        cut_of(TUNED, None, value)


def test_a_rule_that_there_is_not_is_told_as_such() -> None:
    with pytest.raises(TbspotError, match="no `map_rule` 'x'; use one of tuned, otsu, quantile"):
        cut_of(TUNED, "x", 0.3)  # type: ignore[arg-type]


@pytest.mark.parametrize("description", [TUNED, Description(name="m")])
def test_a_share_for_a_rule_that_takes_none_is_not_passed_over(description: Description) -> None:
    with pytest.raises(TbspotError, match="leave out `map_threshold`"):
        cut_of(description, "otsu", 0.3)
