"""How well scores tell TB from not TB.

Takes labels (1 = TB, 0 = not) and scores; gives AUROC with DeLong's interval, average precision
and operating points with bootstrap intervals. Which films they are of is left to evaluation/.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tbspot.metrics.resampling import (
    ROUNDING,
    Cuts,
    Estimate,
    Patients,
    UndefinedError,
    bootstrap,
    numbered,
)
from tbspot.numerics import TWO_SIDED_95, ranks

__all__ = [
    "auroc",
    "average_precision",
    "delong",
    "roc_points",
    "sensitivity_at",
    "source_label_auroc",
    "specificity_at",
]

# Films of one patient do not say how those of others differ.
ONE_PATIENT = "no interval: it needs films of two patients of each class"

Rates = NDArray[np.float64]


def auroc(labels: NDArray[np.int_], scores: NDArray[np.float64]) -> float:
    """Share of pairs of a TB and another film in which TB scores higher; a tie counts half.

    Raises:
        UndefinedError: one of the classes is absent.
    """
    return float(_placements(labels, scores)[0].mean())


def delong(
    labels: NDArray[np.int_], scores: NDArray[np.float64], patients: Patients = None
) -> Estimate:
    """AUROC with DeLong's 95 % interval, cut at 0 and 1; none where a class is of one patient.

    DeLong et al. 1988 (doi 10.2307/2531595), by ranks as in Sun and Xu 2014
    (doi 10.1109/LSP.2014.2337313); of patients with several films as in Obuchowski 1997
    (doi 10.2307/2533958), which is DeLong's where each has one.

    Raises:
        UndefinedError: one of the classes is absent.
    """
    of_tb, of_others = _placements(labels, scores)
    value = float(of_tb.mean())
    if not _are_of_several(labels, patients):
        return Estimate(value, note=ONE_PATIENT)
    whose, is_tb = numbered(patients, len(labels)), labels == 1
    half = TWO_SIDED_95 * np.sqrt(_variance(of_tb, of_others, whose[is_tb], whose[~is_tb]))
    return Estimate(value, float(max(0, value - half)), float(min(1, value + half)))


def _are_of_several(labels: NDArray[np.int_], patients: Patients) -> bool:
    """Whether the films of each class are of two patients or more."""
    whose = numbered(patients, len(labels))
    return min(len(np.unique(whose[labels == one])) for one in (0, 1)) > 1


def _variance(
    of_tb: NDArray[np.float64],
    of_others: NDArray[np.float64],
    tb_patients: NDArray[np.intp],
    other_patients: NDArray[np.intp],
) -> float:
    """Of the AUROC, from both classes' placements: their deviations are summed for each patient."""
    patients = len(np.union1d(tb_patients, other_patients))
    sums, variance = [], 0.0
    for placements, whose in ((of_tb, tb_patients), (of_others, other_patients)):
        total = np.bincount(whose, placements - placements.mean(), minlength=patients)
        own = total[np.unique(whose)]
        films, clusters = len(placements), len(own)
        variance += (own**2).sum() / (clusters - 1) * (clusters / films) / films
        sums.append(total / films)
    # Of patients with films of both classes; of the others one of the sums is 0.
    shared = 2 * patients / (patients - 1) * (sums[0] * sums[1]).sum()
    # Where the two cancel, what is left of them is rounding, of either sign.
    is_rounding = variance + shared <= ROUNDING * (variance + abs(shared))
    return 0.0 if is_rounding else float(variance + shared)


def _placements(
    labels: NDArray[np.int_], scores: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each TB film the share of others below it; for each other the share of TB above it."""
    tb, others = _by_class(labels, scores)
    ranked = ranks(np.concatenate([tb, others]))
    below = (ranked[: len(tb)] - ranks(tb)) / len(others)
    above = 1 - (ranked[len(tb) :] - ranks(others)) / len(tb)
    return below, above


def _by_class(
    labels: NDArray[np.int_], scores: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    tb, others = scores[labels == 1], scores[labels == 0]
    if not len(tb) or not len(others):
        absent = "TB" if not len(tb) else "film without TB"
        raise UndefinedError(f"there is no {absent} among the {len(labels)} films")
    return tb, others


@dataclass(frozen=True)
class _Ranking:
    labels: NDArray[np.int_]
    cuts: Cuts
    patients: Patients

    @classmethod
    def of(
        cls, labels: NDArray[np.int_], scores: NDArray[np.float64], patients: Patients = None
    ) -> _Ranking:
        _by_class(labels, scores)
        return cls(labels, Cuts.of(scores), patients)

    def rates(self, counts: NDArray[np.float64]) -> tuple[Rates, Rates]:
        """True and false positive rates `[b, 1 + cuts]`, from the cut above all films down."""
        true = self.cuts.above(counts * (self.labels == 1))
        false = self.cuts.above(counts * (self.labels == 0))
        start = ((0, 0), (1, 0))
        return np.pad(_shares(true), start), np.pad(_shares(false), start)

    def estimate(
        self,
        figure: Callable[[Rates, Rates], NDArray[np.float64]],
        *,
        resamples: int,
        seed: int,
    ) -> Estimate:
        """A figure of the rates with an interval from resamples within each class.

        There is none where a class is of one patient: each sample would have the same films of it.
        """
        if not _are_of_several(self.labels, self.patients):
            (value,) = figure(*self.rates(np.ones((1, len(self.labels)))))
            return Estimate(float(value), note=ONE_PATIENT)

        def figures(counts: NDArray[np.float64]) -> NDArray[np.float64]:
            true, false = self.rates(counts)
            drawn = np.isfinite(true[:, -1] + false[:, -1])
            return np.where(drawn, figure(true, false), np.nan)[:, None]

        return bootstrap(
            self.labels, figures, resamples=resamples, seed=seed, patients=self.patients
        ).estimate()


def _shares(sums: NDArray[np.float64]) -> Rates:
    """Cumulative sums `[b, cuts]` of a class as shares of all; NaN where none was drawn."""
    whole = sums[:, -1:]
    return np.divide(sums, whole, out=np.full_like(sums, np.nan), where=whole > 0)


def average_precision(
    labels: NDArray[np.int_],
    scores: NDArray[np.float64],
    *,
    resamples: int,
    seed: int,
    patients: Patients = None,
) -> Estimate:
    """Precision at each cut, weighted by the recall it adds (no interpolation).

    Raises:
        UndefinedError: one of the classes is absent.
    """
    ranking = _Ranking.of(labels, scores, patients)
    tb, others = np.count_nonzero(labels == 1), np.count_nonzero(labels == 0)

    def figure(true: Rates, false: Rates) -> NDArray[np.float64]:
        found, wrong = true[:, 1:] * tb, false[:, 1:] * others
        # A cut above every drawn film has nothing found and adds no recall.
        precision = np.divide(found, found + wrong, out=np.zeros_like(found), where=found > 0)
        averaged: NDArray[np.float64] = (np.diff(true, axis=1) * precision).sum(axis=1)
        return averaged

    return ranking.estimate(figure, resamples=resamples, seed=seed)


def sensitivity_at(
    labels: NDArray[np.int_],
    scores: NDArray[np.float64],
    specificity: float,
    *,
    resamples: int,
    seed: int,
    patients: Patients = None,
) -> Estimate:
    """Highest sensitivity of a cut with at least this specificity.

    Raises:
        UndefinedError: one of the classes is absent.
    """

    def figure(true: Rates, false: Rates) -> NDArray[np.float64]:
        best: NDArray[np.float64] = np.where(false <= 1 - specificity + ROUNDING, true, 0).max(1)
        return best

    ranking = _Ranking.of(labels, scores, patients)
    return ranking.estimate(figure, resamples=resamples, seed=seed)


def specificity_at(
    labels: NDArray[np.int_],
    scores: NDArray[np.float64],
    sensitivity: float,
    *,
    resamples: int,
    seed: int,
    patients: Patients = None,
) -> Estimate:
    """Highest specificity of a cut with at least this sensitivity.

    Raises:
        UndefinedError: one of the classes is absent.
    """

    def figure(true: Rates, false: Rates) -> NDArray[np.float64]:
        best: NDArray[np.float64] = np.where(true >= sensitivity - ROUNDING, 1 - false, 0).max(1)
        return best

    ranking = _Ranking.of(labels, scores, patients)
    return ranking.estimate(figure, resamples=resamples, seed=seed)


def roc_points(labels: NDArray[np.int_], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The ROC curve's points `[n, 2]`: false and true positive rate, from (0, 0) to (1, 1).

    Raises:
        UndefinedError: one of the classes is absent.
    """
    true, false = _Ranking.of(labels, scores).rates(np.ones((1, len(labels))))
    return np.stack([false[0], true[0]], axis=1)


def source_label_auroc(labels: NDArray[np.int_], sources: Sequence[str]) -> float:
    """AUROC of a film's source alone, its score the share of TB among the source's other films.

    Each pair of a TB and another film is scored without the two of them, and a pair from one
    source is a tie: otherwise a source's own label would be told from the films left over. So is a
    pair from two sources whose order hangs on the very films that are left out: of 500 in 1,000
    and 501 in 1,000 each pair would be told against what its sources say, and the AUROC be 0.38.
    For that it is never under 0.5 where each source has two films or more, and too high where
    chance alone deals TB out: 0.55 on average of 2 sources of 40 films, 0.60 of 10 of 20.

    Raises:
        UndefinedError: one of the classes is absent.
    """
    _by_class(labels, labels.astype(np.float64))
    numbers = np.unique(np.asarray(sources), return_inverse=True)[1]
    films, tb = np.bincount(numbers), np.bincount(numbers, labels)
    # Of a source's only film nothing is left over to tell by: even chances.
    unknown = np.full(len(films), 0.5)
    of_tb = np.divide(tb - 1, films - 1, out=unknown.copy(), where=films > 1)
    of_others = np.divide(tb, films - 1, out=unknown.copy(), where=films > 1)
    higher = of_tb[:, None] > of_others[None, :]
    wins = 0.5 + (higher.astype(np.float64) - higher.T) / 2
    pairs = tb[:, None] * (films - tb)[None, :]
    return float((wins * pairs).sum() / pairs.sum())
