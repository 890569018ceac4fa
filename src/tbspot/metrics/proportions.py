"""Intervals of shares of films, and of ratios of two independent figures, in closed form.

Takes counts or estimates; gives estimates. They hold where a bootstrap does not: when no film, or
every film, is counted, all resamples are alike. Which films are counted is left to others.
"""

from __future__ import annotations

from math import inf, sqrt

from tbspot.metrics.resampling import Estimate, UndefinedError
from tbspot.numerics import TWO_SIDED_95

__all__ = ["mover_ratio", "wilson"]


def wilson(counted: float, films: int) -> Estimate:
    """A share of films with Wilson's 95 % interval (Wilson 1927, doi 10.2307/2276774).

    Args:
        counted: of the films; a fraction where films are planned for.
        films: how many.

    Raises:
        UndefinedError: there is no film.
    """
    if films == 0:
        raise UndefinedError("there is no film it applies to")
    value, squared = counted / films, TWO_SIDED_95**2
    centre = (value + squared / (2 * films)) / (1 + squared / films)
    half = TWO_SIDED_95 * sqrt(value * (1 - value) / films + squared / (4 * films**2))
    half /= 1 + squared / films
    # At 0 and 1 the limit is exact; rounding would leave it beside the value.
    low = 0.0 if counted == 0 else centre - half
    high = 1.0 if counted == films else centre + half
    return Estimate(value, low, high)


def mover_ratio(above: Estimate, below: Estimate) -> Estimate:
    """A quotient of two independent figures, neither negative, with a 95 % interval.

    Newcombe's MOVER-R (2016, doi 10.1177/0962280213502144) from the two intervals. A limit
    without bound is infinite.

    Raises:
        UndefinedError: both figures are 0.
    """
    if above.value == below.value == 0:
        raise UndefinedError("it is 0 divided by 0")
    product = above.value * below.value
    top = above.low * (2 * above.value - above.low)
    bottom = below.high * (2 * below.value - below.high)
    low = top / (product + _root(product, top, bottom)) if top > 0 else 0.0
    top = above.high * (2 * above.value - above.high)
    bottom = below.low * (2 * below.value - below.low)
    high = (product + _root(product, top, bottom)) / bottom if bottom > 0 else inf
    return Estimate(above.value / below.value if below.value else inf, low, high)


def _root(product: float, top: float, bottom: float) -> float:
    # Not negative but for rounding, where a limit equals its value.
    return sqrt(max(0.0, product**2 - top * bottom))
