import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import norm, rankdata

from tbspot.numerics import TWO_SIDED_95, probability, ranks, sigmoid


@given(st.floats(-1e4, 1e4))
def test_a_probability_is_scipys_to_the_bit_where_its_own_does_not_underflow(logit: float) -> None:
    expected = float(expit(logit))
    if logit > -700:
        assert probability(logit) == expected
    else:
        assert probability(logit) == pytest.approx(expected, abs=1e-300)


@pytest.mark.parametrize(("kind", "places"), [(np.float32, 1e-6), (np.float64, 1e-15)])
def test_probabilities_of_an_array_are_scipys_in_its_own_type(kind: type, places: float) -> None:
    logits = np.concatenate([np.linspace(-80, 80, 9999), [-1e4, 1e4]]).astype(kind)
    found = sigmoid(logits)
    assert found.dtype == kind
    np.testing.assert_allclose(found, expit(logits), rtol=places)


@given(
    arrays(
        np.float32,
        array_shapes(max_dims=2, max_side=9),
        elements=st.integers(-3, 3).map(lambda number: number / 4),
    )
)
def test_ranks_are_scipys_to_the_bit(values: NDArray[np.float32]) -> None:
    assert np.array_equal(ranks(values), rankdata(values))


def test_the_quantile_is_scipys() -> None:
    assert norm.ppf(0.975) == TWO_SIDED_95
