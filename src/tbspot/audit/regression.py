"""What a regression says of films of patients that it has not learned from.

Takes features `[n, k]`, labels and patients; gives log odds. The regression is scikit-learn's, and
plain on purpose: what it can tell apart needs no deep net.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tbspot.metrics import UndefinedError

__all__ = ["out_of_fold"]

FOLDS = 5
# Finer than AUROCs can show, and never the reason why a fit ends.
TOLERANCE, STEPS = 1e-6, 10_000


def out_of_fold(
    features: NDArray[np.float64], labels: NDArray[np.int_], patients: Sequence[str], seed: int
) -> NDArray[np.float64]:
    """Log odds `[n]` of each film by a ridge logistic regression on films of other patients.

    Five folds; in each, features are standardised and weights are penalised as scikit-learn does
    by default (C = 1).

    Args:
        features: `[n, k]`.
        labels: `[n]`, 1 or 0.
        patients: of the films; a patient's films are in one fold.
        seed: of the division.

    Raises:
        UndefinedError: without the films of a fold there is none of one of the labels.
    """
    folds = _folds(labels, patients, seed)
    odds = np.empty(len(labels))
    for fold in np.unique(folds):
        held = folds == fold
        if len(np.unique(labels[~held])) < 2:
            raise UndefinedError("all films of a class are of one patient or of few")
        regression = make_pipeline(
            StandardScaler(), LogisticRegression(tol=TOLERANCE, max_iter=STEPS)
        )
        odds[held] = regression.fit(features[~held], labels[~held]).decision_function(
            features[held]
        )
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
