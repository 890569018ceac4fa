from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from tbspot.audit.regression import _folds, out_of_fold
from tbspot.metrics import UndefinedError, auroc


def films(count: int = 120, width: int = 20, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 3 // 2
    features = random.normal(5, 3, (count, width))
    features[:, 0] += 2 * labels
    return features, labels


def test_a_feature_that_never_changes_does_no_harm() -> None:
    features, labels = films()
    patients = [str(number) for number in range(len(labels))]
    with_constant = np.column_stack([features, np.ones(len(labels))])
    ours = out_of_fold(with_constant, labels, patients, seed=0)
    assert ours == pytest.approx(out_of_fold(features, labels, patients, seed=0), abs=1e-4)


def test_a_film_is_told_by_scikit_learns_regression_on_the_other_folds() -> None:
    features, labels = films(count=60)
    patients = [str(number) for number in range(len(labels))]
    odds = out_of_fold(features, labels, patients, seed=3)
    folds = _folds(labels, patients, seed=3)
    learned = folds != folds[0]
    scaler = StandardScaler().fit(features[learned])
    reference = LogisticRegression(tol=1e-10, max_iter=10_000)
    reference.fit(scaler.transform(features[learned]), labels[learned])
    theirs = reference.decision_function(scaler.transform(features[:1]))
    assert odds[:1] == pytest.approx(theirs, abs=1e-4)


def test_a_class_that_one_patient_has_cannot_be_learned_without_that_patient() -> None:
    features, labels = films(count=60)
    patients = ["one" if label else str(number) for number, label in enumerate(labels)]
    with pytest.raises(UndefinedError, match="of one patient or of few"):
        out_of_fold(features, labels, patients, seed=0)


def test_what_can_be_told_is_source_aurocs_films_that_were_not_seen() -> None:
    features, labels = films(width=1)
    patients = [str(number) for number in range(len(labels))]
    assert auroc(labels, out_of_fold(features, labels, patients, seed=0)) > 0.6


def test_noise_tells_nothing_however_many_features_it_has() -> None:
    random = np.random.default_rng(1)
    labels = np.arange(200) % 2
    odds = out_of_fold(random.normal(size=(200, 300)), labels, list(map(str, range(200))), seed=0)
    assert 0.4 < auroc(labels, odds) < 0.6


def test_films_of_one_patient_do_not_tell_of_each_other() -> None:
    random = np.random.default_rng(2)
    # Two like films a patient: only a film's twin could tell its label.
    features = np.repeat(random.normal(size=(200, 200)), 2, axis=0)
    labels = np.repeat(random.permutation(np.arange(200) % 2), 2)
    twins = [str(number // 2) for number in range(400)]
    alone = [str(number) for number in range(400)]
    assert auroc(labels, out_of_fold(features, labels, twins, seed=0)) < 0.6
    assert auroc(labels, out_of_fold(features, labels, alone, seed=0)) > 0.8
