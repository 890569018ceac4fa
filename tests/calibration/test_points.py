from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn import metrics as reference

from tbspot.calibration.points import point_at, thresholds_of
from tbspot.records.calibration import Plan

SCORES = np.array([0.9] * 9 + [0.1] + [0.8] * 3 + [0.2] * 7)
LABELS = np.array([1] * 10 + [0] * 10)
PLAN = Plan(prevalence=0.1, film_cost=2, test_cost=10)


def test_a_hand_counted_threshold() -> None:
    # Of 1,000 people 100 have TB: 90 are found, 900 x 0.3 = 270 are tested in vain.
    point = point_at(0.5, SCORES, LABELS, PLAN)
    assert point.sensitivity.value == 0.9
    assert point.specificity.value == pytest.approx(0.7)
    assert point.ppv.value == pytest.approx(90 / 360)
    assert point.npv.value == pytest.approx(630 / 640)
    assert point.number_needed_to_test.value == pytest.approx(4)
    assert point.cost_per_case.value == pytest.approx((1000 * 2 + 360 * 10) / 90)


def test_a_film_whose_score_is_the_threshold_reaches_it() -> None:
    assert point_at(0.9, SCORES, LABELS, PLAN).sensitivity.value == 0.9


def test_rates_have_wilsons_intervals() -> None:
    point = point_at(0.5, SCORES, LABELS, PLAN)
    for figure, counted in ((point.sensitivity, 9), (point.specificity, 7)):
        expected = binomtest(counted, 10).proportion_ci(method="wilson")
        assert (figure.low, figure.high) == pytest.approx((expected.low, expected.high))
        assert figure.films == 10


def test_predictive_values_are_scikit_learns_where_the_prevalence_is_the_films_own() -> None:
    random = np.random.default_rng(0)
    labels = np.arange(200) % 4 == 0
    scores = random.random(200) + 0.4 * labels
    point = point_at(0.6, scores, labels.astype(int), Plan(prevalence=0.25))
    passed = scores >= 0.6
    assert point.ppv.value == pytest.approx(reference.precision_score(labels, passed))
    assert point.npv.value == pytest.approx(reference.precision_score(~labels, ~passed))


def test_the_intervals_of_what_follows_are_those_of_a_bootstrap_of_many_films() -> None:
    tb, others, plan = 4000, 6000, Plan(prevalence=0.05, film_cost=1, test_cost=12)
    found, false = 3600, 1200
    labels = np.repeat([1, 0], [tb, others])
    scores = np.zeros(tb + others)
    scores[:found] = scores[tb : tb + false] = 1
    point = point_at(0.5, scores, labels, plan)
    random = np.random.default_rng(0)
    sensitivity = random.binomial(tb, found / tb, 20_000) / tb
    positive = random.binomial(others, false / others, 20_000) / others
    cases, vain = 0.05 * sensitivity, 0.95 * positive
    samples = {
        "ppv": cases / (cases + vain),
        "npv": 0.95 * (1 - positive) / (0.95 * (1 - positive) + 0.05 - cases),
        "number_needed_to_test": (cases + vain) / cases,
        "cost_per_case": (1 + 12 * (cases + vain)) / cases,
    }
    for name, drawn in samples.items():
        figure = getattr(point, name)
        assert (figure.low, figure.high) == pytest.approx(
            tuple(np.percentile(drawn, [2.5, 97.5])), rel=0.01
        )


def test_no_false_alarm_among_few_films_does_not_make_every_positive_certain() -> None:
    point = point_at(0.85, SCORES, LABELS, Plan(prevalence=0.01))
    assert point.ppv.value == 1
    assert point.ppv.low is not None
    assert point.ppv.low < 0.05


def test_a_threshold_above_all_scores_has_reasons_in_place_of_predictions() -> None:
    point = point_at(1, SCORES, LABELS, PLAN)
    assert (point.sensitivity.value, point.specificity.value) == (0, 1)
    assert point.ppv.reason == "no film reaches the threshold"
    assert point.number_needed_to_test.reason == "no film with TB reaches the threshold"
    assert point.npv.value == pytest.approx(0.9)


def test_a_threshold_that_finds_no_case_has_no_cost_of_one() -> None:
    point = point_at(0.85, np.where(LABELS == 1, 0.1, 0.9), LABELS, PLAN)
    assert point.ppv.value == 0
    assert point.cost_per_case.reason == "no film with TB reaches the threshold"


def test_the_lowest_threshold_lets_every_film_pass_and_says_nothing_of_those_left() -> None:
    point = point_at(0.1, SCORES, LABELS, PLAN)
    assert point.npv.reason == "every film reaches the threshold"
    assert point.number_needed_to_test.value == pytest.approx(10)


def test_without_costs_a_case_has_none() -> None:
    point = point_at(0.5, SCORES, LABELS, Plan(prevalence=0.1, film_cost=2))
    assert point.cost_per_case.reason == "the costs are not given"


def test_there_are_as_many_thresholds_as_different_scores() -> None:
    assert thresholds_of(SCORES).tolist() == [0.1, 0.2, 0.8, 0.9]
