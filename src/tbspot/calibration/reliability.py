"""Whether scores are probabilities: reliability curve, ECE, Brier, temperature.

Takes scores with their truth; gives figures with intervals. They hold for the share of TB among
these films, which is rarely that of a programme.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tbspot.calibration.scored import Scored
from tbspot.metrics import Estimate, UndefinedError, numbered, ratios, wilson
from tbspot.numerics import TWO_SIDED_95, sigmoid
from tbspot.records.calibration import Reliability, ReliabilityBin
from tbspot.records.figures import Drawing, Figure, figure_of

__all__ = ["fit_temperature", "reliability_of"]

BINS = 10
FOLDS = 5
WITHIN_CHANCE = 0.95
# A score of 0 or 1 has no logit; float32 probabilities are no finer than this.
LEAST_SCORE = 1e-7
GREATEST_SLOPE = 1e3


def reliability_of(scored: Scored, drawing: Drawing) -> Reliability:
    """The figures of scores in [0, 1]; of other scores, the reason why there are none.

    Args:
        scored: the films; those of one patient are drawn together, and are in one fold.
        drawing: of intervals, and of the folds that a temperature is fitted on.
    """
    scores, labels = scored.scores, scored.labels
    whose = numbered(scored.patients, len(labels))
    are_shares = bool(scores.min() >= 0 and scores.max() <= 1)

    @cache
    def scaled() -> NDArray[np.float64]:
        return _scaled(scores, labels, whose, drawing.seed)

    def figure(compute: Callable[[], Estimate]) -> Figure:
        if not are_shares:
            return Figure(value=None, films=len(labels), reason="the scores are not in [0, 1]")
        return figure_of(compute, len(labels))

    return Reliability(
        bins=_bins(scores, labels) if are_shares else (),
        ece=figure(lambda: _ece(scores, labels, whose, drawing)),
        brier=figure(lambda: _brier(scores, labels, whose, drawing)),
        brier_by_chance=float(labels.mean() * (1 - labels.mean())),
        temperature=figure(lambda: fit_temperature(scores, labels)),
        ece_scaled=figure(lambda: _ece(scaled(), labels, whose, drawing)),
        brier_scaled=figure(lambda: _brier(scaled(), labels, whose, drawing)),
    )


def _members(scores: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which films each bin holds, `[bins, n]`: as many each, but equal scores together."""
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, BINS + 1)[1:-1]))
    bins = np.searchsorted(edges, scores)
    members: NDArray[np.bool_] = bins == np.unique(bins)[:, None]
    return members


def _bins(scores: NDArray[np.float64], labels: NDArray[np.int_]) -> tuple[ReliabilityBin, ...]:
    return tuple(
        ReliabilityBin(
            films=int(films.sum()),
            score=float(scores[films].mean()),
            tb=_share(labels[films]),
        )
        for films in _members(scores)
    )


def _share(labels: NDArray[np.int_]) -> Figure:
    return figure_of(lambda: wilson(int(labels.sum()), len(labels)), len(labels))


def _ece(
    scores: NDArray[np.float64],
    labels: NDArray[np.int_],
    whose: NDArray[np.intp],
    drawing: Drawing,
) -> Estimate:
    """Expected calibration error (Naeini et al. 2015) over bins of as many films."""
    films, members = len(labels), _members(scores).astype(np.float64)

    def error(truth: NDArray[np.float64]) -> float:
        # Over a bin, |mean score - share of TB| times its films is |sum of the differences|.
        return float(np.abs(members @ (scores - truth)).sum() / films)

    # Chance alone makes it greater than 0, and a bootstrap adds that once more: no interval holds
    # it. What chance alone makes of it is what it can be compared with.
    random = np.random.default_rng(drawing.seed)
    patients = whose.max() + 1
    by_chance = [
        error((random.random(patients)[whose] < scores).astype(np.float64))
        for _ in range(drawing.resamples)
    ]
    usual = float(np.quantile(by_chance, WITHIN_CHANCE))
    note = (
        "no interval, as chance alone makes it greater than 0: probabilities that are exactly "
        f"right have up to {usual:.3f} on as many films (95 in 100 times)"
    )
    return Estimate(error(labels.astype(np.float64)), note=note)


def _brier(
    scores: NDArray[np.float64],
    labels: NDArray[np.int_],
    whose: NDArray[np.intp],
    drawing: Drawing,
) -> Estimate:
    """Mean squared error."""
    return ratios(
        ((scores - labels) ** 2)[:, None],
        np.ones((len(labels), 1)),
        resamples=drawing.resamples,
        seed=drawing.seed,
        patients=whose,
    ).estimate()


def fit_temperature(scores: NDArray[np.float64], labels: NDArray[np.int_]) -> Estimate:
    """The temperature of greatest likelihood (Guo et al. 2017, arXiv 1706.04599).

    Its inverse is the slope of a logistic regression on the logit without an intercept, whose
    information gives the 95 % interval; an end without bound is infinite.

    Raises:
        UndefinedError: a class is absent, or no temperature above 0 and below infinity is the best.
    """
    if len(np.unique(labels)) < 2:
        raise UndefinedError("a temperature needs films with TB and films without")
    logits = _logits(scores)
    signed = np.where(labels == 1, logits, -logits)

    def gain(slope: float) -> float:
        """How fast the likelihood's logarithm rises with the slope; it only ever slows down."""
        return float((signed * sigmoid(-slope * signed)).mean())

    if gain(0) <= 0:
        raise UndefinedError("no temperature is better than a score of 0.5 for every film")
    if gain(GREATEST_SLOPE) >= 0:
        raise UndefinedError("a score of 0.5 separates the classes, so no temperature is the best")
    slope = _end_of(gain)
    chances = sigmoid(slope * logits)
    half = TWO_SIDED_95 / np.sqrt((logits**2 * chances * (1 - chances)).sum())
    highest = 1 / (slope - half) if slope > half else np.inf
    return Estimate(1 / slope, float(1 / (slope + half)), float(highest))


def _end_of(gain: Callable[[float], float]) -> float:
    """Where a gain that falls from above 0 at 0 to below at `GREATEST_SLOPE` is 0."""
    low, high = 0.0, GREATEST_SLOPE
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if gain(middle) > 0 else (low, middle)
    return middle


def _logits(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    bounded = scores.clip(LEAST_SCORE, 1 - LEAST_SCORE)
    logits: NDArray[np.float64] = np.log(bounded) - np.log1p(-bounded)
    return logits


def _scaled(
    scores: NDArray[np.float64], labels: NDArray[np.int_], whose: NDArray[np.intp], seed: int
) -> NDArray[np.float64]:
    """The scores `[n]`, each scaled by what was fitted on patients of other folds.

    Raises:
        UndefinedError: the other folds lack a class, or there is no best temperature for them.
    """
    folds = (np.random.default_rng(seed).permutation(whose.max() + 1) % FOLDS)[whose]
    scaled = np.empty(len(labels))
    for fold in np.unique(folds):
        held = folds == fold
        if len(np.unique(labels[~held])) < 2:
            raise UndefinedError("it needs films of several patients of each class")
        temperature = fit_temperature(scores[~held], labels[~held]).value
        scaled[held] = sigmoid(_logits(scores[held]) / temperature)
    return scaled
