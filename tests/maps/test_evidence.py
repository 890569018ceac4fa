import numpy as np
import pytest
from numpy.typing import NDArray

from engines import bright, bright_engine
from tbspot.description import Description
from tbspot.errors import TbspotError
from tbspot.maps.evidence import evidence_of, observe

RAW = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)


def test_evidence_is_the_closed_form_above_the_films_median() -> None:
    evidence = evidence_of(RAW, Description(name="m", baseline="median"))
    assert np.array_equal(evidence, RAW - np.median(RAW))
    assert evidence.dtype == np.float32


def test_without_a_baseline_logit_evidence_is_the_raw_map() -> None:
    assert np.array_equal(evidence_of(RAW, Description(name="m", baseline="none")), RAW)


def test_probability_evidence_is_the_sigmoid_of_a_places_logit_with_the_nets_bias() -> None:
    description = Description(name="m", evidence="probability", bias=-0.7, baseline="none")
    assert evidence_of(RAW, description) == pytest.approx(1 / (1 + np.exp(-(RAW - 0.7))), abs=1e-6)


def test_the_baseline_is_taken_off_after_the_sigmoid() -> None:
    description = Description(name="m", evidence="probability", baseline="median")
    assert np.median(evidence_of(RAW, description)) == 0


def test_evidence_lies_where_the_film_is_bright() -> None:
    film = np.zeros((200, 100), np.float32)
    film[150:, :25] = 1
    _, evidence = observe(film, bright_engine().description, bright)
    assert evidence.shape == (8, 8)
    assert evidence.max() == evidence[7, 0] > 0.99
    assert evidence[3, 4] == 0


def test_the_mirrored_view_is_turned_back_before_it_is_averaged_in() -> None:
    film = np.random.default_rng(1).random((64, 64)).astype(np.float32)
    _, plain = observe(film, bright_engine().description, bright)
    _, both = observe(film, bright_engine(mirror=True).description, bright)
    assert both == pytest.approx(plain, abs=1e-6)


def test_sizes_are_averaged_on_the_grid_of_the_largest() -> None:
    film = np.full((64, 64), 0.5, np.float32)
    logit, evidence = observe(film, bright_engine().description, bright, (0.5, 1.0, 1.5))
    assert logit == pytest.approx(0.5)
    assert evidence.shape == (12, 12)
    assert evidence == pytest.approx(0.5)


def test_the_logit_is_divided_by_the_temperature() -> None:
    film = np.full((64, 64), 0.5, np.float32)
    assert observe(film, bright_engine(temperature=4.0).description, bright)[0] == 0.125


@pytest.mark.parametrize("value", [np.nan, np.inf, -1e31, 1e38])
@pytest.mark.parametrize("broken", ["logits", "maps"])
def test_an_answer_that_no_heat_map_can_hold_is_refused(value: float, broken: str) -> None:
    def ask(films: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        logits, maps = bright(films)
        if broken == "maps":
            return logits, maps + np.float32(value)
        return logits * np.float32(value * np.inf), maps

    description = Description(name="m", size=64, baseline="none")
    said = "model m gives no finite answer for a film; .* another model"
    with pytest.raises(TbspotError, match=said):
        observe(np.ones((64, 64), np.float32), description, ask)
