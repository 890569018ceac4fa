from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from tbspot.calibration.choosing import precision_notes, reached, threshold_for
from tbspot.calibration.digits import above, told_apart, up_to
from tbspot.calibration.points import point_at, thresholds_of
from tbspot.metrics import wilson
from tbspot.records.calibration import OperatingPoint, Plan

PLAN = Plan(prevalence=0.1)


def points(scores: np.ndarray, labels: np.ndarray) -> list[OperatingPoint]:
    return [point_at(one, scores, labels, PLAN) for one in thresholds_of(scores)]


def two_classes(tb: list[float], others: list[float]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(tb + others), np.array([1] * len(tb) + [0] * len(others))


@given(st.integers(0, 1000), st.floats(0.05, 0.99))
def test_the_threshold_is_the_highest_of_scikit_learns_curve_that_finds_enough(
    seed: int, wanted: float
) -> None:
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(50) % 3 == 0).astype(int)
    scores = np.round(random.random(50) + 0.3 * labels, 1)
    _, found, thresholds = roc_curve(labels, scores, drop_intermediate=False)
    expected = thresholds[found >= wanted - 1e-12].max()
    assert threshold_for(scores, labels, wanted) == expected


def test_nine_of_ten_cases_are_ninety_percent() -> None:
    scores, labels = two_classes([float(place) for place in range(10)], [0.5])
    assert threshold_for(scores, labels, 0.9) == 1


def test_thresholds_that_reach_the_target_are_named() -> None:
    scores, labels = two_classes([0.4] + [0.8] * 19, [0.2] * 8 + [0.6] * 2)
    target = reached(points(scores, labels), 0.9, 0.7)
    assert target.met == (0.4, 0.8)
    assert target.met_surely is None
    assert target.sentence == (
        "Thresholds above 0.2 and up to 0.8 reach WHO's target for a triage test (sensitivity 90%, "
        "specificity 70%); none does so with the lower ends of both intervals."
    )


def test_with_many_films_the_intervals_reach_the_target_too() -> None:
    scores, labels = two_classes([0.8] * 190 + [0.1] * 10, [0.2] * 160 + [0.9] * 40)
    target = reached(points(scores, labels), 0.9, 0.7)
    assert target.met_surely == (0.8, 0.8)
    assert "lower ends of both intervals do too" in target.sentence


def test_a_target_that_no_threshold_reaches_is_one_plain_sentence() -> None:
    scores, labels = two_classes([0.4, 0.6] * 10, [0.5, 0.3] * 10)
    target = reached(points(scores, labels), 0.95, 0.8)
    assert target.met is None
    assert target.sentence == (
        "No threshold reaches the target (sensitivity 95%, specificity 80%) on these films."
    )


def test_a_target_close_to_one_is_said_as_it_was_wanted() -> None:
    scores, labels = two_classes([0.4, 0.6] * 10, [0.5, 0.3] * 10)
    sentence = reached(points(scores, labels), 0.995, 0.07).sentence
    assert "(sensitivity 99.5%, specificity 7%)" in sentence


def test_few_films_are_warned_of_with_the_number_that_would_do() -> None:
    scores, labels = two_classes([0.8] * 27 + [0.1] * 3, [0.2] * 800 + [0.9] * 100)
    (note,) = precision_notes(point_at(0.5, scores, labels, PLAN))
    assert "the sensitivity at the chosen threshold is known to 22.2 points only" in note
    assert "about 141 films with TB are needed and there are 30" in note
    # Wilson's interval of 141 x 0.9 films is the first of at most 10 points.
    widths = {films: wilson(0.9 * films, films) for films in (140, 141)}
    assert widths[140].high - widths[140].low > 0.1 >= widths[141].high - widths[141].low


@pytest.mark.parametrize(("found", "films"), [(76, 80), (26, 30), (300, 382), (130, 139)])
def test_more_films_are_needed_than_there_are(found: int, films: int) -> None:
    scores, labels = two_classes([0.8] * found + [0.1] * (films - found), [0.2] * 900)
    for note in precision_notes(point_at(0.5, scores, labels, PLAN)):
        needed = re.search(r"about ([\d,]+) films with TB", note)
        assert needed is not None
        assert int(needed[1].replace(",", "")) > films


def test_thresholds_near_one_are_written_so_that_they_reach_the_target() -> None:
    tb, others = [0.99996 + place * 1e-7 for place in range(90)] + [0.5] * 10, [0.1, 0.2] * 50
    scores, labels = two_classes(tb, others)
    target = reached(points(scores, labels), 0.9, 0.7)
    assert target.met == (0.5, 0.99996)
    written = re.search(r"above (\S+) and up to (\S+) reach", target.sentence)
    assert written is not None
    assert (written[1], written[2]) == ("0.2", "0.9999")
    typed = point_at(float(written[2]), scores, labels, PLAN)
    assert (typed.sensitivity.value, typed.specificity.value) == (0.9, 1.0)


def test_thresholds_that_only_the_lower_ends_tell_apart_are_named_each() -> None:
    scores, labels = two_classes([0.8] * 190 + [0.1] * 10, [0.2] * 160 + [0.9] * 40)
    sentence = reached(points(scores, labels), 0.9, 0.7).sentence
    assert sentence.startswith("Thresholds above 0.2 and up to 0.8 reach ")
    assert "; of those above 0.2 and up to 0.8 the lower ends" in sentence


@given(st.lists(st.floats(-1e6, 1e6) | st.floats(0.99, 1), min_size=2, max_size=30, unique=True))
def test_a_written_threshold_divides_the_films_as_it_does_itself(scores: list[float]) -> None:
    every = np.array(scores)
    for below, threshold in pairwise(sorted(scores)):
        written = up_to(threshold, below)
        assert float(written) <= threshold
        assert ((every >= float(written)) == (every >= threshold)).all()
        assert below <= float(above(below, float(written))) < float(written)


def test_numbers_have_as_many_digits_as_tell_them_apart() -> None:
    assert told_apart([0.25, 0.5, 1], 3) == ["0.25", "0.5", "1"]
    assert told_apart([0.99996, 0.99997, 0.99997], 3) == ["0.99996", "0.99997", "0.99997"]
    assert told_apart([20240108, 20240109]) == ["20240108", "20240109"]


@pytest.mark.parametrize("found", [0, 30])
def test_a_rate_of_none_or_all_is_not_taken_for_certain(found: int) -> None:
    scores, labels = two_classes([0.8] * found + [0.1] * (30 - found), [0.2] * 900)
    (note,) = precision_notes(point_at(0.5, scores, labels, PLAN))
    assert "about 83 films with TB" in note
