from __future__ import annotations

import numpy as np
import pytest

from tbspot.calibration.groups import groups_of

THRESHOLD = 0.25


def test_each_value_of_a_column_is_a_sub_group(draw_scores) -> None:
    sex = ["f", "m", "m", ""] * 100
    scored = draw_scores(columns={"sex": tuple(sex)})
    groups, notes = groups_of(scored, THRESHOLD)
    assert [(one.column, one.name) for one in groups] == [
        ("sex", "f"),
        ("sex", "m"),
        ("sex", "not stated"),
    ]
    assert notes == ()
    men = np.array(sex) == "m"
    tb = scored.labels[men] == 1
    assert groups[1].tb == tb.sum()
    assert groups[1].sensitivity.value == (scored.scores[men][tb] >= THRESHOLD).mean()
    assert groups[1].specificity.value == (scored.scores[men][~tb] < THRESHOLD).mean()
    assert not groups[1].few


def test_a_cell_that_says_not_stated_is_of_the_sub_group_of_those_that_say_nothing(
    draw_scores,
) -> None:
    sex = ("f", "m", "not stated", "") * 100
    groups, _ = groups_of(draw_scores(columns={"sex": sex}), THRESHOLD)
    assert [one.name for one in groups] == ["f", "m", "not stated"]


def test_ages_are_cut_where_who_cuts_them(draw_scores) -> None:
    ages = tuple(str(5 + place % 80) for place in range(400))
    groups, _ = groups_of(draw_scores(columns={"Age": ages}), THRESHOLD)
    assert [one.name for one in groups] == [
        "under 15",
        "15 to under 25",
        "25 to under 35",
        "35 to under 45",
        "45 to under 55",
        "55 to under 65",
        "65 and over",
    ]
    assert groups[0].tb + groups[0].others == sum(int(age) < 15 for age in ages)


def test_ages_of_few_different_values_are_cut_there_too(draw_scores) -> None:
    ages = ("20", "25", "30", "") * 100
    groups, _ = groups_of(draw_scores(columns={"age": ages}), THRESHOLD)
    assert [one.name for one in groups] == ["15 to under 25", "25 to under 35", "not stated"]


@pytest.mark.parametrize("ages", [("<15", "15-24"), ("", "")])
def test_ages_in_words_are_sub_groups_as_they_are(draw_scores, ages: tuple[str, str]) -> None:
    groups, _ = groups_of(draw_scores(columns={"age": ages * 200}), THRESHOLD)
    assert [one.name for one in groups] == sorted(filter(None, ages))


def test_other_measurements_are_cut_into_quarters(draw_scores) -> None:
    weights = tuple(f"{40 + place % 40}" for place in range(400))
    groups, _ = groups_of(draw_scores(columns={"weight": weights}), THRESHOLD)
    assert [one.tb + one.others for one in groups] == pytest.approx([100] * 4, abs=5)
    assert groups[0].name == "under 49.75"


def test_a_group_without_tb_has_reasons_in_place_of_figures(draw_scores) -> None:
    hiv = tuple("yes" if place < 390 else "no" for place in range(400))
    groups, _ = groups_of(draw_scores(columns={"hiv": hiv}), THRESHOLD)
    assert groups[0].name == "no"
    assert groups[0].few
    assert groups[0].sensitivity.reason == "no film with TB belongs to it"
    assert groups[0].auroc.value is None


def test_names_of_single_films_are_no_sub_groups_and_this_is_said(draw_scores) -> None:
    names = tuple(f"film {place}" for place in range(400))
    groups, notes = groups_of(draw_scores(columns={"film": names}), THRESHOLD)
    assert groups == ()
    assert notes == ("column 'film' has 400 different values and is not taken for sub-groups",)


def test_a_column_of_one_value_divides_nothing(draw_scores) -> None:
    assert groups_of(draw_scores(columns={"site": ("a",) * 400}), THRESHOLD) == ((), ())


def test_quarters_of_large_numbers_that_are_close_have_each_a_name(draw_scores) -> None:
    days = tuple(str(20240101 + place % 28) for place in range(400))
    groups, _ = groups_of(draw_scores(columns={"film_date": days}), THRESHOLD)
    assert [one.name for one in groups] == [
        "under 20240107",
        "20240107 to under 20240114",
        "20240114 to under 20240121",
        "20240121 and over",
    ]
    close = tuple(f"1.{place % 28:010}" for place in range(400))
    groups, _ = groups_of(draw_scores(columns={"ratio": close}), THRESHOLD)
    assert len({one.name for one in groups}) == 4


def test_a_word_among_ages_is_not_stated_and_noted(draw_scores) -> None:
    ages = ("20", "30", "40", "unknown") + ("20", "30", "40", "") * 99
    groups, notes = groups_of(draw_scores(columns={"age": ages}), THRESHOLD)
    assert [one.name for one in groups] == [
        "15 to under 25",
        "25 to under 35",
        "35 to under 45",
        "not stated",
    ]
    assert groups[-1].tb + groups[-1].others == 100
    assert notes == (
        "column 'age' has cells that are no number, counted as not stated: 1 (first: 'unknown')",
    )
