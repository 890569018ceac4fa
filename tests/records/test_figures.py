from __future__ import annotations

from math import inf
from pathlib import Path

import numpy as np
import pytest

import tbspot
from tbspot.metrics import Estimate, UndefinedError, delong
from tbspot.records.figures import Difference, Figure, figure_of

PACKAGE = Path(tbspot.__file__).parent


def undefined() -> Estimate:
    raise UndefinedError("there is no film")


def test_what_is_undefined_is_null_with_its_reason_or_a_better_one() -> None:
    assert figure_of(undefined, 3) == Figure(value=None, films=3, reason="there is no film")
    assert figure_of(undefined, 3, reason="no film is TB").reason == "no film is TB"


def test_a_figure_without_bound_is_undefined_and_an_interval_without_one_is_left_out() -> None:
    assert figure_of(lambda: Estimate(inf, 2, inf), 3, reason="no case is found") == Figure(
        value=None, films=3, reason="no case is found"
    )
    assert figure_of(lambda: Estimate(4, 2, inf), 3) == Figure(
        value=4, films=3, note="its interval has no upper end"
    )


@pytest.mark.parametrize("end", [0.3, 0.1 + 0.2])
def test_an_interval_without_width_is_left_out_and_noted(end: float) -> None:
    figure = figure_of(lambda: Estimate(0.3, 0.3, end), 3)
    assert (figure.value, figure.low, figure.high) == (0.3, None, None)
    assert "no interval" in str(figure.note)


@pytest.mark.parametrize("scores", [[0.1, 0.2, 0.8, 0.9], [0.5] * 4])
def test_scores_that_tell_all_films_or_none_apart_have_an_auroc_without_an_interval(
    scores: list[float],
) -> None:
    labels = np.array([0, 0, 1, 1])
    figure = figure_of(lambda: delong(labels, np.array(scores)), 4)
    assert figure.value in (0.5, 1)
    assert figure.low is None


def test_an_estimate_that_says_why_it_has_no_interval_has_its_value_and_the_reason() -> None:
    figure = figure_of(lambda: Estimate(0.3, note="no interval: one patient"), 3)
    assert figure == Figure(value=0.3, films=3, note="no interval: one patient")


def test_a_number_alone_is_a_figure_without_an_interval() -> None:
    assert figure_of(lambda: 0.5, 3) == Figure(value=0.5, films=3)


@pytest.mark.parametrize(
    ("p", "words"),
    [(None, ""), (1 / 10_001, "0.0001"), (1 / 100_001, "under 0.0001"), (1, "1.0000")],
)
def test_a_p_value_is_never_shown_as_0(p: float | None, words: str) -> None:
    assert Difference(value=0.1, films=3, p=p).p_words == words


def test_undefined_is_told_by_raising_and_caught_in_two_places_alone() -> None:
    catching = {
        module.relative_to(PACKAGE).as_posix()
        for module in PACKAGE.rglob("*.py")
        if "except UndefinedError" in module.read_text("utf-8")
    }
    assert catching == {"metrics/resampling.py", "records/figures.py"}
