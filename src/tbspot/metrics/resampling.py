"""Intervals and paired tests by resampling patients, and how a figure says that it has no value.

Takes one number a film, or functions of how often each film was drawn; gives estimates with
percentile intervals. Films of one patient are alike, so a patient is drawn with all of them. What
the numbers are is left to the modules beside this one; the same films and seed give the same
resamples, so figures of several models on the same films are paired.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Cuts",
    "Estimate",
    "Patients",
    "Resampled",
    "UndefinedError",
    "bootstrap",
    "interval_of",
    "numbered",
    "ratios",
    "resample",
    "sign_flip_p",
    "unless_undefined",
]

# Who each film `[n]` is of, in words or numbers; `None` where each is of a patient of its own.
Patients = NDArray[np.str_] | NDArray[np.int_] | None

# Films drawn at a time, over all samples of a block: memory does not grow with the films.
BLOCK = 100_000
PERCENTILES = (2.5, 97.5)
# Two sums of the same numbers in another order may differ in the last place; and rates are
# quotients of counts: 1 - 0.9 must still admit 1 of 10.
ROUNDING = 1e-12

Value = TypeVar("Value")
Other = TypeVar("Other")


class UndefinedError(ValueError):
    """Why a figure cannot be computed, as a clause that follows its name.

    Metrics raise it, and nothing returns it: a figure without a value is never 0. It becomes null
    with that reason in one place, `figure_of` of records/figures.py.
    """


def unless_undefined(compute: Callable[[], Value], otherwise: Other) -> Value | Other:
    """What is computed, or `otherwise` where it is undefined and nobody asks for the reason."""
    try:
        return compute()
    except UndefinedError:
        return otherwise


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval.

    Attributes:
        value: the figure.
        low: lower end of the interval.
        high: upper end; an end that is not known is infinite.
        note: why there is no interval at all.
    """

    value: float
    low: float = -inf
    high: float = inf
    note: str = ""


@dataclass(frozen=True, eq=False)
class Resampled:
    """Figures of some films, and of bootstrap samples of them; NaN where they have no value.

    Attributes:
        values: `[k]`.
        samples: `[resamples, k]`.
    """

    values: NDArray[np.float64]
    samples: NDArray[np.float64]

    def estimate(self, column: int = 0) -> Estimate:
        """One of the figures with its percentile interval.

        Raises:
            UndefinedError: it applies to none of the films.
        """
        value = float(self.values[column])
        if not np.isfinite(value):
            raise UndefinedError("there is no film it applies to")
        return Estimate(value, *interval_of(self.samples[:, column]))


@dataclass(frozen=True)
class Cuts:
    """Scores as cut points, from the highest down: what is above each, in one cumulative sum.

    Box detection and classification share it; their curves differ only in what they count.

    Attributes:
        order: indices that sort the scores; equal scores keep their order.
        ends: places in that order after which a cut can fall: between two equal scores it cannot.
    """

    order: NDArray[np.intp]
    ends: NDArray[np.intp]

    @classmethod
    def of(cls, scores: NDArray[np.float64]) -> Cuts:
        """Order `scores` `[n]`."""
        order = np.argsort(-scores, kind="stable")
        return cls(order, np.flatnonzero(np.diff(scores[order], append=-np.inf)))

    def above(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum of `weights` `[b, n]` at or above each cut, `[b, cuts]`."""
        sums: NDArray[np.float64] = weights[:, self.order].cumsum(axis=1)[:, self.ends]
        return sums


def resample(
    groups: NDArray[np.int_],
    figures: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    *,
    resamples: int,
    seed: int,
    patients: Patients = None,
) -> NDArray[np.float64]:
    """Figures of bootstrap samples of patients, each with all films, `[resamples, k]`.

    Args:
        groups: the group of each film, from 0. In every sample each group keeps its number of
            patients, as do the patients with films of several groups; one patient who would be
            drawn by itself is drawn with another group of patients that shares a group of films.
        figures: takes how often each film was drawn `[b, films]`, gives figures `[b, k]`.
        resamples: how many samples to draw.
        seed: of the draws.
        patients: of the films.
    """
    random = np.random.default_rng(seed)
    whose = numbered(patients, len(groups))
    strata = _strata(groups, whose)
    drawn = []
    for rows in _blocks(resamples, len(groups)):
        counts = np.zeros((rows, strata.size))
        for stratum in np.unique(strata):
            members = np.flatnonzero(strata == stratum)
            even = np.full(len(members), 1 / len(members))
            counts[:, members] = random.multinomial(len(members), even, size=len(counts))
        drawn.append(figures(counts.take(whose, axis=1)))
    return np.concatenate(drawn)


def numbered(patients: Patients, films: int) -> NDArray[np.intp]:
    """The number of each film's patient `[films]`, from 0 in the order of their first films."""
    if patients is None:
        return np.arange(films)
    _, firsts, whose = np.unique(patients, return_index=True, return_inverse=True)
    order: NDArray[np.intp] = firsts.argsort().argsort()
    return order[whose]


def _strata(groups: NDArray[np.int_], whose: NDArray[np.intp]) -> NDArray[np.intp]:
    """The stratum of each patient: the group of the films, or the groups that they reach over.

    A patient alone in a stratum would be drawn exactly once each time, as if known for certain: it
    joins the smallest stratum that shares a group with it, where there is one.
    """
    patients = whose.max(initial=-1) + 1
    ends = np.empty((patients, 2), np.int_)
    ends[whose] = groups[:, None]
    np.minimum.at(ends[:, 0], whose, groups)
    np.maximum.at(ends[:, 1], whose, groups)
    kinds, inverse = np.unique(ends, axis=0, return_inverse=True)
    strata: NDArray[np.intp] = inverse.reshape(-1)
    for kind, (low, high) in enumerate(kinds):
        sizes = np.bincount(strata, minlength=len(kinds))
        shares = (kinds[:, 0] <= high) & (kinds[:, 1] >= low) & (sizes > 0)
        shares[kind] = False
        if sizes[kind] == 1 and shares.any():
            near = np.flatnonzero(shares)
            strata[strata == kind] = near[sizes[near].argmin()]
    return strata


def _blocks(resamples: int, films: int) -> Iterator[int]:
    """How many samples to draw at a time."""
    most = max(1, BLOCK // max(1, films))
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


def bootstrap(
    groups: NDArray[np.int_],
    figures: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    *,
    resamples: int,
    seed: int,
    patients: Patients = None,
) -> Resampled:
    """Figures of the films as they are, beside those of `resample`, which has the arguments."""
    values = figures(np.ones((1, len(groups))))[0]
    samples = resample(groups, figures, resamples=resamples, seed=seed, patients=patients)
    return Resampled(values, samples)


def ratios(
    numerators: NDArray[np.float64],
    denominators: NDArray[np.float64],
    *,
    resamples: int,
    seed: int,
    patients: Patients = None,
) -> Resampled:
    """Figures that are a sum over films divided by another.

    A mean over the films to which a figure applies has 1 as their denominator and 0 as the
    others'.

    Args:
        numerators: `[films, k]`.
        denominators: `[films, k]`, not negative.
        resamples: how many samples to draw.
        seed: of the draws.
        patients: of the films.
    """

    def figures(counts: NDArray[np.float64]) -> NDArray[np.float64]:
        above, below = counts @ numerators, counts @ denominators
        return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)

    one_group = np.zeros(len(numerators), np.int_)
    return bootstrap(one_group, figures, resamples=resamples, seed=seed, patients=patients)


def sign_flip_p(
    differences: NDArray[np.float64], *, resamples: int, seed: int, patients: Patients = None
) -> float:
    """Two-sided p-value of a mean paired difference under random signs, one for each patient.

    The observed signs are counted as one of the permutations, so p is never 0.

    Raises:
        UndefinedError: there are no pairs.
    """
    if not len(differences):
        raise UndefinedError("there are no pairs")
    random = np.random.default_rng(seed)
    observed = abs(differences.mean()) - ROUNDING
    sums = np.bincount(numbered(patients, len(differences)), differences)
    extreme = 0
    for rows in _blocks(resamples, len(differences)):
        signs = random.integers(0, 2, (rows, len(sums)), np.int8) * 2.0 - 1
        extreme += int((np.abs(signs @ sums) / len(differences) >= observed).sum())
    return (extreme + 1) / (resamples + 1)
