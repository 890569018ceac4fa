"""A ridge logistic regression, and what it says of films that it has not seen.

Takes features `[n, k]`, labels and patients; gives log odds. Small and plain on purpose: what it
can tell apart needs no deep net.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

__all__ = ["Logistic", "out_of_fold"]

FOLDS = 5
Features = NDArray[np.float64]


class Logistic:
    """Fitted on standardised features; features that never change are left out.

    Args:
        features: `[n, k]`.
        labels: `[n]`, 1 or 0, both present.
        penalty: of the squared weights, against the sum of the films' losses.
    """

    def __init__(self, features: Features, labels: NDArray[np.int_], penalty: float = 1.0) -> None:
        self._mean = features.mean(axis=0)
        deviation = features.std(axis=0)
        self._scale = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation > 0)
        scaled = (features - self._mean) * self._scale
        wanted = labels.astype(np.float64)

        def loss(weights: Features) -> tuple[float, Features]:
            odds = scaled @ weights[1:] + weights[0]
            value = np.logaddexp(0, odds).sum() - wanted @ odds
            wrong = expit(odds) - wanted
            slope = np.concatenate([[wrong.sum()], scaled.T @ wrong + penalty * weights[1:]])
            return float(value + penalty / 2 * weights[1:] @ weights[1:]), slope

        start = np.zeros(1 + features.shape[1])
        self._weights = minimize(loss, start, jac=True, method="L-BFGS-B").x

    def __call__(self, features: Features) -> Features:
        """Log odds of label 1, `[n]`."""
        scaled = (features - self._mean) * self._scale
        odds: Features = scaled @ self._weights[1:] + self._weights[0]
        return odds


def out_of_fold(
    features: Features, labels: NDArray[np.int_], patients: Sequence[str], seed: int
) -> Features:
    """Log odds `[n]` of each film by a regression on films of other patients, in five folds.

    Args:
        features: `[n, k]`.
        labels: `[n]`, both present.
        patients: of the films; a patient's films are in one fold.
        seed: of the division.
    """
    folds = _folds(labels, patients, seed)
    odds = np.empty(len(labels))
    for fold in range(FOLDS):
        held = folds == fold
        if held.any():
            odds[held] = Logistic(features[~held], labels[~held])(features[held])
    return odds


def _folds(labels: NDArray[np.int_], patients: Sequence[str], seed: int) -> NDArray[np.int_]:
    """The fold of each film; patients with and without a film of label 1 are dealt out alike."""
    _, numbers = np.unique(np.asarray(patients), return_inverse=True)
    with_one = np.bincount(numbers, labels) > 0
    shuffled = np.random.default_rng(seed).permutation(len(with_one))
    dealt = np.empty(len(with_one), np.int_)
    dealt[shuffled[np.argsort(with_one[shuffled], kind="stable")]] = np.arange(len(dealt)) % FOLDS
    folds: NDArray[np.int_] = dealt[numbers]
    return folds
