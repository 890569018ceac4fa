from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from tbspot.metrics import Estimate, UndefinedError, mover_ratio, wilson


@given(st.integers(1, 400), st.data())
def test_the_interval_of_a_share_is_scipys_wilson(films: int, data: st.DataObject) -> None:
    counted = data.draw(st.integers(0, films))
    expected = binomtest(counted, films).proportion_ci(method="wilson")
    estimate = wilson(counted, films)
    assert estimate.value == counted / films
    assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_no_film_has_no_share() -> None:
    with pytest.raises(UndefinedError, match="no film"):
        wilson(0, 0)


def test_the_ratio_of_two_shares_covers_the_true_one_about_95_times_in_100() -> None:
    random = np.random.default_rng(1)
    films, above, below = 60, 0.3, 0.9
    drawn = random.binomial(films, [above, below], (3000, 2))
    intervals = [mover_ratio(wilson(a, films), wilson(b, films)) for a, b in drawn]
    covered = np.mean([one.low <= above / below <= one.high for one in intervals])
    assert 0.94 <= covered <= 0.97


def test_the_ratio_of_many_films_has_the_interval_of_a_bootstrap() -> None:
    random = np.random.default_rng(2)
    samples = random.binomial(2000, [0.3, 0.8], (20_000, 2))
    low, high = np.percentile(samples[:, 0] / samples[:, 1], [2.5, 97.5])
    estimate = mover_ratio(wilson(600, 2000), wilson(1600, 2000))
    assert (estimate.low, estimate.high) == pytest.approx((low, high), rel=0.01)


@given(st.integers(1, 50), st.integers(1, 50), st.data())
def test_a_ratio_lies_in_its_interval(films: int, others: int, data: st.DataObject) -> None:
    above = wilson(data.draw(st.integers(0, films)), films)
    below = wilson(data.draw(st.integers(0, others)), others)
    if above.value == below.value == 0:
        with pytest.raises(UndefinedError):
            mover_ratio(above, below)
        return
    estimate = mover_ratio(above, below)
    assert 0 <= estimate.low <= estimate.value * (1 + 1e-12)
    assert estimate.value <= estimate.high * (1 + 1e-12)


def test_none_of_some_divided_by_all_is_still_uncertain() -> None:
    estimate = mover_ratio(wilson(0, 30), wilson(20, 20))
    assert (estimate.value, estimate.low) == (0, 0)
    assert estimate.high > wilson(0, 30).high


def test_a_ratio_to_nothing_found_has_no_upper_limit() -> None:
    estimate = mover_ratio(wilson(20, 20), wilson(0, 20))
    assert estimate.value == estimate.high == np.inf
    assert estimate.low > 1


def test_a_ratio_of_figures_without_spread_is_exact() -> None:
    assert mover_ratio(Estimate(3, 3, 3), Estimate(2, 2, 2)) == Estimate(1.5, 1.5, 1.5)
