"""Intervals and paired tests by resampling films.

Takes one number a film, or functions of how often each film was drawn; gives estimates with
percentile intervals. What the numbers are is left to the modules beside this one; the same films
and seed give the same resamples, so figures of several models on the same films are paired.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tbspot.metrics.undefined import UndefinedError

__all__ = ["Estimate", "interval_of", "ratio_estimates", "resample", "sign_flip_p"]

# Films drawn at a time, over all samples of a block: memory does not grow with the films.
BLOCK = 100_000
PERCENTILES = (2.5, 97.5)
# Two sums of the same numbers in another order may differ in the last place.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


def resample(
    groups: NDArray[np.int_],
    figures: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    *,
    resamples: int,
    seed: int,
) -> NDArray[np.float64]:
    """Figures of bootstrap samples of films, `[resamples, k]`.

    Args:
        groups: the group of each film; each keeps its number of films in every sample.
        figures: takes how often each film was drawn `[b, films]`, gives figures `[b, k]`.
        resamples: how many samples to draw.
        seed: of the draws.
    """
    random = np.random.default_rng(seed)
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    drawn = []
    for rows in _blocks(resamples, len(groups)):
        counts = np.zeros((rows, len(groups)))
        for films in members:
            even = np.full(len(films), 1 / len(films))
            counts[:, films] = random.multinomial(len(films), even, size=len(counts))
        drawn.append(figures(counts))
    return np.concatenate(drawn)


def _blocks(resamples: int, films: int) -> Iterator[int]:
    """How many samples to draw at a time."""
    most = max(1, BLOCK // films)
    for start in range(0, resamples, most):
        yield min(most, resamples - start)


def interval_of(samples: NDArray[np.float64]) -> tuple[float, float]:
    """The 95 % percentile interval of one figure's samples; samples without a value are left out.

    Raises:
        UndefinedError: no sample has a value.
    """
    if not np.isfinite(samples).any():
        raise UndefinedError("it has no value in any resample")
    low, high = np.nanpercentile(samples, PERCENTILES)
    return float(low), float(high)


def ratio_estimates(
    numerators: NDArray[np.float64],
    denominators: NDArray[np.float64],
    *,
    resamples: int,
    seed: int,
) -> list[Estimate | UndefinedError]:
    """Figures that are a sum over films divided by another, with bootstrap intervals.

    A mean over the films to which a figure applies has 1 as their denominator and 0 as the
    others'.

    Args:
        numerators: `[films, k]`.
        denominators: `[films, k]`, not negative.
        resamples: how many samples to draw.
        seed: of the draws.

    Returns:
        One estimate a column, or the reason why it has none.
    """
    films, columns = numerators.shape
    if films == 0:
        return [UndefinedError("there is no film it applies to")] * columns

    def figures(counts: NDArray[np.float64]) -> NDArray[np.float64]:
        above, below = counts @ numerators, counts @ denominators
        return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)

    values = figures(np.ones((1, films)))[0]
    one_group = np.zeros(films, np.int_)
    samples = resample(one_group, figures, resamples=resamples, seed=seed)
    return [
        Estimate(float(value), *interval_of(samples[:, column]))
        if np.isfinite(value)
        else UndefinedError("there is no film it applies to")
        for column, value in enumerate(values)
    ]


def sign_flip_p(differences: NDArray[np.float64], *, resamples: int, seed: int) -> float:
    """Two-sided p-value of a mean paired difference under random signs.

    The observed signs are counted as one of the permutations, so p is never 0.

    Raises:
        UndefinedError: there are no pairs.
    """
    if not len(differences):
        raise UndefinedError("there are no pairs")
    random = np.random.default_rng(seed)
    observed = abs(differences.mean()) - ROUNDING
    extreme = 0
    for rows in _blocks(resamples, len(differences)):
        signs = random.integers(0, 2, (rows, len(differences)), np.int8) * 2.0 - 1
        extreme += int((np.abs(signs @ differences) / len(differences) >= observed).sum())
    return (extreme + 1) / (resamples + 1)
