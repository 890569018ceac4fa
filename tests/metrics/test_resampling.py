import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tbspot.metrics import (
    Estimate,
    UndefinedError,
    interval_of,
    numbered,
    ratios,
    resample,
    sign_flip_p,
)


def mean_of(values: np.ndarray, **settings: int) -> Estimate:
    settings = {"resamples": 10_000, "seed": 0} | settings
    return ratios(values[:, None], np.ones((len(values), 1)), **settings).estimate()


def test_the_interval_of_a_mean_agrees_with_scipys_percentile_bootstrap() -> None:
    values = np.random.default_rng(1).beta(1, 3, 80)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=10_000, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    ours = mean_of(values)
    assert ours.value == pytest.approx(values.mean())
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.003)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    values = np.random.default_rng(1).random(30)
    assert mean_of(values, resamples=600) == mean_of(values, resamples=600)
    assert mean_of(values, resamples=600) != mean_of(values, resamples=600, seed=1)


def test_figures_of_the_same_films_are_paired() -> None:
    first = np.random.default_rng(3).random(40)
    values = np.stack([first, first + 0.25], axis=1)
    samples = resample(
        np.zeros(40, int), lambda counts: counts @ values / 40, resamples=700, seed=5
    )
    assert np.allclose(samples[:, 1] - samples[:, 0], 0.25)


def test_groups_keep_their_size_in_every_sample() -> None:
    groups = np.array([0, 1, 1, 0, 0, 2])
    sizes = np.stack([groups == group for group in range(3)], axis=1)
    drawn = resample(groups, lambda counts: counts @ sizes, resamples=1200, seed=0)
    assert drawn.shape == (1200, 3)
    assert (drawn == [3, 2, 1]).all()


def test_a_ratio_is_the_quotient_of_sums_and_not_the_mean_of_quotients() -> None:
    numerators, denominators = np.array([[1.0], [0.0]]), np.array([[1.0], [3.0]])
    estimate = ratios(numerators, denominators, resamples=100, seed=0).estimate()
    assert estimate.value == 1 / 4


def test_films_to_which_a_figure_does_not_apply_do_not_move_it() -> None:
    values = np.array([[0.2], [0.4], [0.0]])
    estimate = ratios(values, np.array([[1.0], [1], [0]]), resamples=100, seed=0).estimate()
    assert estimate.value == pytest.approx(0.3)


def test_a_figure_that_applies_to_no_film_is_undefined_beside_one_that_does() -> None:
    numerators, denominators = np.ones((3, 2)), np.array([[1.0, 0]] * 3)
    resampled = ratios(numerators, denominators, resamples=10, seed=0)
    assert resampled.estimate(0) == Estimate(1, 1, 1)
    with pytest.raises(UndefinedError, match="no film it applies to"):
        resampled.estimate(1)
    nothing = ratios(np.empty((0, 1)), np.empty((0, 1)), resamples=10, seed=0)
    with pytest.raises(UndefinedError, match="no film it applies to"):
        nothing.estimate()


def test_samples_without_a_value_are_left_out_of_the_interval() -> None:
    assert interval_of(np.array([np.nan, 0.5, 0.5])) == (0.5, 0.5)
    with pytest.raises(UndefinedError, match="no value in any resample"):
        interval_of(np.array([np.nan]))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(0, 99))
def test_the_interval_lies_within_the_values(numbers: list[float], seed: int) -> None:
    values = np.array(numbers)
    estimate = mean_of(values, resamples=200, seed=seed)
    assert values.min() - 1e-9 <= estimate.low <= estimate.high <= values.max() + 1e-9


def test_the_p_value_agrees_with_counting_every_choice_of_signs() -> None:
    differences = np.array([0.3, 0.1, -0.05, 0.2, 0.15, -0.1, 0.25, 0.05])
    signs = np.array(np.meshgrid(*[[-1, 1]] * 8)).reshape(8, -1).T
    exact = (np.abs(signs @ differences) >= abs(differences.sum()) - 1e-12).mean()
    assert sign_flip_p(differences, resamples=20_000, seed=0) == pytest.approx(exact, abs=0.006)


def test_no_difference_at_all_has_p_one_and_a_great_one_never_p_zero() -> None:
    assert sign_flip_p(np.zeros(20), resamples=999, seed=0) == 1
    assert sign_flip_p(np.ones(100), resamples=999, seed=0) == 1 / 1000


def test_without_pairs_there_is_no_p_value() -> None:
    with pytest.raises(UndefinedError, match="no pairs"):
        sign_flip_p(np.empty(0), resamples=9, seed=0)


def test_patients_with_one_film_each_are_drawn_to_the_bit_as_films_are() -> None:
    random = np.random.default_rng(4)
    values, ones, groups = random.random((37, 2)), np.ones((37, 2)), random.integers(0, 2, 37)
    patients = np.array([f"{name:02}" for name in random.permutation(37)])
    settings = {"resamples": 6_000, "seed": 3}  # several blocks

    def drawn(counts: np.ndarray) -> np.ndarray:
        return counts

    films = resample(groups, drawn, **settings)
    assert np.array_equal(resample(groups, drawn, **settings, patients=patients), films)
    by_film = ratios(values, ones, **settings)
    by_patient = ratios(values, ones, **settings, patients=patients)
    assert np.array_equal(by_patient.samples, by_film.samples)
    differences = values[:, 0] - values[:, 1]
    assert sign_flip_p(differences, **settings, patients=patients) == sign_flip_p(
        differences, **settings
    )


def test_a_film_ten_times_is_worth_one() -> None:
    random = np.random.default_rng(0)
    values, settings = random.random((8, 1)), {"resamples": 2_000, "seed": 0}
    ten, patients = np.repeat(values, 10, axis=0), np.repeat(list("hgfedcba"), 10)
    once = ratios(values, np.ones((8, 1)), **settings).estimate()
    often = ratios(ten, np.ones((80, 1)), **settings, patients=patients).estimate()
    assert (often.value, often.low, often.high) == pytest.approx((once.value, once.low, once.high))
    differences = values[:, 0] - 0.4
    assert sign_flip_p(np.repeat(differences, 10), **settings, patients=patients) == sign_flip_p(
        differences, **settings
    )


def test_a_patient_is_drawn_with_all_films_and_groups_keep_their_patients() -> None:
    patients = np.array(["b", "a", "b", "c", "d", "d", "e"])
    groups = np.array([0, 0, 0, 1, 1, 0, 1])  # d has a film of both
    counts = resample(groups, lambda counts: counts, resamples=500, seed=0, patients=patients)
    assert (counts[:, 0] == counts[:, 2]).all()
    assert (counts[:, 4] == counts[:, 5]).all()
    # d alone would be drawn once each time: it joins a and b, the smaller, or first, of the two.
    assert (counts[:, 0] + counts[:, 1] + counts[:, 4] == 3).all()
    assert (counts[:, 3] + counts[:, 6] == 2).all()
    assert set(counts[:, 4]) == {0, 1, 2, 3}


def test_a_patient_alone_with_films_of_a_class_is_drawn_with_those_of_both() -> None:
    patients, groups = np.array([0, 1, 1, 2, 2, 3, 4]), np.array([1, 1, 0, 1, 0, 0, 0])
    counts = resample(groups, lambda counts: counts, resamples=500, seed=0, patients=patients)
    assert (counts[:, 0] + counts[:, 1] + counts[:, 3] == 3).all()
    assert (counts[:, 5] + counts[:, 6] == 2).all()
    assert set(counts[:, 0]) == {0, 1, 2, 3}


def test_patients_are_numbered_by_their_first_films() -> None:
    assert numbered(np.array(["b", "a", "b", "c"]), 4).tolist() == [0, 1, 0, 2]
    assert numbered(None, 3).tolist() == [0, 1, 2]
    assert numbered(np.array([], np.str_), 0).tolist() == []
