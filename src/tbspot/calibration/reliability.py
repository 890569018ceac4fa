"""Whether scores are probabilities: reliability curve, ECE, Brier, temperature.

Takes scores and labels; gives figures with intervals. They hold for the share of TB among these
films, which is rarely that of a programme.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tbspot.metrics import Estimate, UndefinedError, bootstrap, wilson
from tbspot.numerics import TWO_SIDED_95, sigmoid
from tbspot.records.calibration import Reliability, ReliabilityBin
from tbspot.records.figures import Drawing, Figure, figure_of

__all__ = ["fit_temperature", "reliability_of"]

BINS = 10
FOLDS = 5
# A score of 0 or 1 has no logit; float32 probabilities are no finer than this.
LEAST_SCORE = 1e-7
GREATEST_SLOPE = 1e3


def reliability_of(
    scores: NDArray[np.float64], labels: NDArray[np.int_], drawing: Drawing
) -> Reliability:
    """The figures of scores in [0, 1]; of other scores, the reason why there are none."""
    by_chance = float(labels.mean() * (1 - labels.mean()))
    if scores.min() < 0 or scores.max() > 1:
        nothing = Figure(value=None, films=len(labels), reason="the scores are not in [0, 1]")
        return Reliability(
            bins=(),
            ece=nothing,
            brier=nothing,
            brier_by_chance=by_chance,
            temperature=nothing,
            ece_scaled=nothing,
            brier_scaled=nothing,
        )
    ece, brier = _errors(scores, labels, drawing)
    temperature, scaled = _scaled(scores, labels, drawing.seed)
    ece_scaled, brier_scaled = (
        _errors(scaled, labels, drawing)
        if scaled is not None
        else [Figure(value=None, films=len(labels), reason=temperature.reason)] * 2
    )
    return Reliability(
        bins=_bins(scores, labels),
        ece=ece,
        brier=brier,
        brier_by_chance=by_chance,
        temperature=temperature,
        ece_scaled=ece_scaled,
        brier_scaled=brier_scaled,
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


def _errors(
    scores: NDArray[np.float64], labels: NDArray[np.int_], drawing: Drawing
) -> tuple[Figure, Figure]:
    """Expected calibration error (Naeini et al. 2015) over bins of as many films, and Brier."""
    members = _members(scores).astype(np.float64)
    squared = (scores - labels) ** 2

    def figures(counts: NDArray[np.float64]) -> NDArray[np.float64]:
        # Over a bin, |mean score - share of TB| times its films is |sum of the differences|.
        errors = np.abs((counts * (scores - labels)) @ members.T).sum(axis=1)
        return np.stack([errors, counts @ squared], axis=1) / len(labels)

    one_group = np.zeros(len(labels), np.int_)
    resampled = bootstrap(one_group, figures, resamples=drawing.resamples, seed=drawing.seed)
    ece, brier = (figure_of(partial(resampled.estimate, place), len(labels)) for place in (0, 1))
    note = "above 0 even for true probabilities, the more so the fewer the films"
    return ece.model_copy(update={"note": note}), brier


def fit_temperature(scores: NDArray[np.float64], labels: NDArray[np.int_]) -> Estimate:
    """The temperature of greatest likelihood (Guo et al. 2017, arXiv 1706.04599).

    Its inverse is the slope of a logistic regression on the logit without an intercept, whose
    information gives the 95 % interval; an end without bound is infinite.

    Raises:
        UndefinedError: no temperature above 0 and below infinity is the best.
    """
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
    scores: NDArray[np.float64], labels: NDArray[np.int_], seed: int
) -> tuple[Figure, NDArray[np.float64] | None]:
    """The temperature, and the scores scaled by what was fitted on the films of other folds."""
    films = len(labels)
    folds = np.random.default_rng(seed).permutation(films) % FOLDS
    scaled = np.empty(films)

    def fit() -> Estimate:
        whole = fit_temperature(scores, labels)
        for fold in range(FOLDS):
            held = folds == fold
            temperature = fit_temperature(scores[~held], labels[~held]).value
            scaled[held] = sigmoid(_logits(scores[held]) / temperature)
        return whole

    temperature = figure_of(fit, films)
    return temperature, None if temperature.value is None else scaled
