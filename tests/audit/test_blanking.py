from __future__ import annotations

import numpy as np

from tbspot.audit.blanking import SHARES, blank, without_detail
from tbspot.audit.model import Model


def test_blanking_what_was_found_costs_the_score_and_blanking_elsewhere_does_not(
    lamp: Model, bright: np.ndarray
) -> None:
    output = lamp.predict(bright)
    result = blank(lamp, bright, output, np.random.default_rng(0))
    assert result is not None
    assert result.found > 3
    assert result.random < 1
    assert abs(result.rest) < 0.1


def test_the_map_knows_better_than_chance_what_a_score_depends_on(
    lamp: Model, bright: np.ndarray
) -> None:
    output = lamp.predict(bright)
    result = blank(lamp, bright, output, np.random.default_rng(0))
    assert result is not None
    for curve in (result.deletion, result.deletion_random):
        assert curve[0] == output.score
    for curve in (result.insertion, result.insertion_random):
        assert curve[-1] == output.score
    assert result.deletion[-1] == result.insertion[0]
    assert np.trapezoid(result.deletion, SHARES) < np.trapezoid(result.deletion_random, SHARES)
    assert np.trapezoid(result.insertion, SHARES) > np.trapezoid(result.insertion_random, SHARES)


def test_a_film_on_which_nothing_is_found_has_nothing_to_blank(lamp: Model) -> None:
    dark = np.full((90, 120), 0.2, np.float32)
    assert blank(lamp, dark, lamp.predict(dark), np.random.default_rng(0)) is None


def test_a_film_without_detail_keeps_its_size_and_its_grey(bright: np.ndarray) -> None:
    film = bright[:100]
    empty = without_detail(film)
    assert empty.shape == film.shape
    assert abs(empty.mean() - film.mean()) < 0.05
    assert np.ptp(empty) < 0.5 * np.ptp(film)
