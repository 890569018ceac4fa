from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import expit, logit
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss

from tbspot.calibration import Scored
from tbspot.calibration.reliability import fit_temperature, reliability_of
from tbspot.metrics import UndefinedError
from tbspot.records.figures import Drawing, Figure

DRAWING = Drawing(resamples=300, seed=0)


def sharpened(scored: Scored, temperature: float) -> np.ndarray:
    return expit(temperature * logit(scored.scores))


def test_brier_and_the_curve_are_scikit_learns(draw_scores) -> None:
    scored = draw_scores()
    result = reliability_of(scored, DRAWING)
    assert result.brier.value == pytest.approx(brier_score_loss(scored.labels, scored.scores))
    shares, means = calibration_curve(scored.labels, scored.scores, n_bins=10, strategy="quantile")
    assert [one.tb.value for one in result.bins] == pytest.approx(shares.tolist())
    assert [one.score for one in result.bins] == pytest.approx(means.tolist())
    films = np.array([one.films for one in result.bins])
    assert films.sum() == 400
    expected = (films * np.abs(shares - means)).sum() / 400
    assert result.ece.value == pytest.approx(expected)
    assert result.brier_by_chance == pytest.approx(0.25 * 0.75)


def test_the_temperature_is_the_inverse_slope_of_scikit_learns_logistic_regression(
    draw_scores,
) -> None:
    scored = draw_scores()
    scores = sharpened(scored, 1.5)
    fitted = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-8).fit(
        logit(scores)[:, None], scored.labels
    )
    assert fit_temperature(scores, scored.labels).value == pytest.approx(
        1 / fitted.coef_[0, 0], rel=1e-5
    )


def test_the_temperature_is_where_brents_method_finds_it(draw_scores) -> None:
    scored = draw_scores()
    scores = sharpened(scored, 1.5)
    signed = np.where(scored.labels == 1, 1, -1) * logit(scores.clip(1e-7, 1 - 1e-7))
    slope = brentq(lambda slope: (signed * expit(-slope * signed)).mean(), 0, 1e3, xtol=1e-14)
    assert fit_temperature(scores, scored.labels).value == pytest.approx(1 / slope, rel=1e-9)


def test_the_temperatures_interval_covers_the_true_one_about_95_times_in_100(draw_scores) -> None:
    covered = 0
    for seed in range(400):
        scored = draw_scores(seed=seed, share=0.5)
        random = np.random.default_rng(seed)
        labels = (random.random(400) < scored.scores).astype(int)
        estimate = fit_temperature(sharpened(scored, 2), labels)
        covered += estimate.low <= 2 <= estimate.high
    assert 0.93 <= covered / 400 <= 0.97


def test_scaling_sets_overconfident_scores_right(draw_scores) -> None:
    scored = draw_scores(4000)
    result = reliability_of(replace(scored, scores=sharpened(scored, 3)), DRAWING)
    assert result.temperature.value == pytest.approx(3, rel=0.1)
    assert result.ece_scaled.value is not None
    assert result.ece.value is not None
    assert result.ece_scaled.value < result.ece.value / 2
    assert result.brier_scaled.value == pytest.approx(
        brier_score_loss(scored.labels, scored.scores), rel=0.02
    )


def test_scores_that_are_not_probabilities_have_thresholds_but_no_reliability(draw_scores) -> None:
    scored = draw_scores()
    result = reliability_of(replace(scored, scores=100 * scored.scores), DRAWING)
    assert result.bins == ()
    assert result.ece.reason == result.temperature.reason == "the scores are not in [0, 1]"


def test_scores_of_0_and_1_have_a_temperature() -> None:
    scores, labels = np.array([0.0, 1.0] * 20), np.array([0, 1] * 19 + [1, 0])
    estimate = fit_temperature(scores, labels)
    assert np.isfinite(estimate.value)


def test_scores_that_separate_the_classes_have_no_best_temperature() -> None:
    scores, labels = np.array([0.2, 0.9] * 20), np.array([0, 1] * 20)
    with pytest.raises(UndefinedError, match="separates the classes"):
        fit_temperature(scores, labels)
    result = reliability_of(Scored("drawn", scores, labels), DRAWING)
    assert result.brier_scaled.value is None
    assert "separates" in (result.temperature.reason or "")


def test_scores_that_run_against_tb_have_no_temperature() -> None:
    scores, labels = np.array([0.2, 0.9] * 20), np.array([1, 0] * 19 + [0, 1])
    with pytest.raises(UndefinedError, match=r"better than a score of 0\.5"):
        fit_temperature(scores, labels)


def test_a_temperature_that_few_films_do_not_bound_says_so() -> None:
    scores = np.array([0.6, 0.4] * 20)
    labels = np.array([1, 0] * 11 + [0, 1] * 9)
    result = reliability_of(Scored("drawn", scores, labels), DRAWING)
    assert result.temperature.value is not None
    assert result.temperature.note == "its interval has no upper end"


def test_the_ece_stands_beside_what_chance_alone_makes_of_right_scores() -> None:
    above = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        scores = random.random(200)
        right = (random.random(200) < scores).astype(int)
        ece = reliability_of(Scored("", scores, right), Drawing(200, seed)).ece
        assert (ece.low, ece.high) == (None, None)
        assert ece.value is not None
        above += ece.value > usual_of(ece)
    # Of scores that are right 5 in 100 are above it.
    assert 2 <= above <= 20


def test_scores_that_are_far_off_are_above_what_chance_makes_of_right_ones(draw_scores) -> None:
    scored = draw_scores(1000)
    ece = reliability_of(replace(scored, scores=sharpened(scored, 3)), DRAWING).ece
    assert ece.value is not None
    assert ece.value > usual_of(ece)


def test_films_of_one_patient_make_chance_greater(draw_scores) -> None:
    scored = draw_scores(400)
    patients = np.arange(400) // 8
    alone = reliability_of(scored, DRAWING).ece
    ece = reliability_of(replace(scored, patients=patients), DRAWING).ece
    assert ece.value == alone.value
    assert usual_of(ece) > usual_of(alone)


@pytest.mark.parametrize("patients", [np.full(400, "anon"), np.repeat(["p1", "p0"], [100, 300])])
def test_films_of_one_patient_in_a_class_have_a_temperature_that_no_others_can_judge(
    draw_scores, patients: np.ndarray
) -> None:
    result = reliability_of(draw_scores(patients=patients), DRAWING)
    assert result.temperature.value is not None
    assert result.brier.value is not None
    for figure in (result.ece_scaled, result.brier_scaled):
        assert figure.reason == "it needs films of several patients of each class"


@pytest.mark.parametrize("labels", [[], [1, 1, 1], [0, 0, 0]])
def test_no_temperature_is_fitted_on_films_of_one_class_or_none(labels: list[int]) -> None:
    scores = np.array([0.2, 0.7, 0.6])[: len(labels)]
    with pytest.raises(UndefinedError, match="films with TB and films without"):
        fit_temperature(scores, np.array(labels, int))


def usual_of(ece: Figure) -> float:
    found = re.search(r"up to (0\.\d+) on as many films", ece.note or "")
    assert found is not None
    return float(found[1])
