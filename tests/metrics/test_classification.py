from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr, ndtri
from sklearn import metrics as reference

from tbspot.metrics import (
    Estimate,
    UndefinedError,
    auroc,
    average_precision,
    delong,
    roc_points,
    sensitivity_at,
    source_label_auroc,
    specificity_at,
)

SETTINGS = {"resamples": 300, "seed": 0}


def films(seed: int, count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores of both classes, with ties."""
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(count) % 3 == 0).astype(int)
    return labels, np.round(random.random(count) + 0.3 * labels, 1)


@given(st.integers(0, 10_000))
def test_auroc_and_average_precision_are_scikit_learns(seed: int) -> None:
    labels, scores = films(seed)
    assert auroc(labels, scores) == pytest.approx(reference.roc_auc_score(labels, scores))
    ours = average_precision(labels, scores, resamples=1, seed=0).value
    assert ours == pytest.approx(reference.average_precision_score(labels, scores))


@given(st.integers(0, 10_000))
def test_operating_points_are_read_off_scikit_learns_curve(seed: int) -> None:
    labels, scores = films(seed)
    false, true, _ = reference.roc_curve(labels, scores, drop_intermediate=False)
    sensitivity = sensitivity_at(labels, scores, 0.9, resamples=1, seed=0).value
    specificity = specificity_at(labels, scores, 0.9, resamples=1, seed=0).value
    assert sensitivity == pytest.approx(true[1 - false >= 0.9 - 1e-9].max())
    assert specificity == pytest.approx((1 - false)[true >= 0.9 - 1e-9].max())
    points = roc_points(labels, scores)
    assert np.allclose(points, np.stack([false, true], axis=1))


def test_nine_of_ten_is_ninety_percent() -> None:
    labels = np.array([0] * 10 + [1] * 10)
    scores = np.array([*range(1, 10), 30, 0, *range(11, 20)], float)
    assert sensitivity_at(labels, scores, 0.9, **SETTINGS).value == 0.9
    assert specificity_at(labels, scores, 0.9, **SETTINGS).value == 0.9


def test_the_area_under_a_hand_counted_ranking() -> None:
    # Pairs: 0.9 beats 0.8 and 0.3; 0.3 loses to 0.8 and ties with 0.3: 2.5 of 4.
    assert auroc(np.array([1, 0, 1, 0]), np.array([0.9, 0.8, 0.3, 0.3])) == 2.5 / 4


def test_delongs_interval_by_its_definition_over_all_pairs() -> None:
    labels, scores = films(3)
    tb, others = scores[labels == 1], scores[labels == 0]
    pairs = (tb[:, None] > others) + 0.5 * (tb[:, None] == others)
    variance = pairs.mean(1).var(ddof=1) / len(tb) + pairs.mean(0).var(ddof=1) / len(others)
    half = ndtri(0.975) * np.sqrt(variance)
    estimate = delong(labels, scores)
    assert estimate.value == pytest.approx(pairs.mean())
    assert (estimate.low, estimate.high) == pytest.approx(
        (pairs.mean() - half, pairs.mean() + half)
    )


def test_delongs_interval_covers_the_true_area_about_95_times_in_100() -> None:
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1], 60)
    # Two normal classes whose means are d apart have the area Phi(d / sqrt 2): 0.8 here.
    distance = np.sqrt(2) * ndtri(0.8)
    covered = 0
    for _ in range(400):
        estimate = delong(labels, random.normal(size=120) + distance * labels)
        covered += estimate.low <= 0.8 <= estimate.high
    assert 0.92 <= covered / 400 <= 0.98


def test_a_perfect_ranking_keeps_its_interval_within_one() -> None:
    labels = np.array([0, 0, 1, 1])
    assert delong(labels, labels.astype(float)) == Estimate(1, 1, 1)


@given(st.integers(0, 10_000))
def test_an_increasing_change_of_scores_changes_no_figure(seed: int) -> None:
    labels, scores = films(seed, 30)
    changed = np.exp(3 * scores) - 7
    assert auroc(labels, changed) == auroc(labels, scores)
    assert auroc(labels, -scores) == pytest.approx(1 - auroc(labels, scores))
    assert sensitivity_at(labels, changed, 0.9, **SETTINGS) == sensitivity_at(
        labels, scores, 0.9, **SETTINGS
    )


@pytest.mark.parametrize("figure", [auroc, delong, roc_points])
@pytest.mark.parametrize(("only", "absent"), [(1, "film without TB"), (0, "TB")])
def test_one_class_alone_leaves_every_figure_undefined(
    figure: Callable[..., object], only: int, absent: str
) -> None:
    with pytest.raises(UndefinedError, match=f"no {absent} among the 3 films"):
        figure(np.full(3, only), np.array([0.1, 0.2, 0.3]))


@pytest.mark.parametrize("patients", [None, np.arange(4) // 2, np.array([7, 7, 7, 8])])
def test_a_class_of_one_patient_or_film_has_every_figure_and_no_interval(
    patients: np.ndarray | None,
) -> None:
    labels = np.array([0, 0, 1, 1]) if patients is not None else np.array([0, 0, 0, 1])
    scores = np.array([0.1, 0.2, 0.3, 0.4])
    drawn = {**SETTINGS, "patients": patients}
    for estimate in (
        delong(labels, scores, patients),
        average_precision(labels, scores, **drawn),
        sensitivity_at(labels, scores, 0.9, **drawn),
        specificity_at(labels, scores, 0.9, **drawn),
    ):
        assert (estimate.value, estimate.low, estimate.high) == (1, -np.inf, np.inf)
        assert "two patients of each class" in estimate.note


def test_the_source_alone_is_a_perfect_score_when_it_is_the_label() -> None:
    assert source_label_auroc(np.array([1, 1, 0, 0]), ["a", "a", "b", "b"]) == 1


def test_the_source_alone_tells_nothing_within_one_source() -> None:
    assert source_label_auroc(np.array([1, 1, 0, 0, 0]), ["a"] * 5) == 0.5


def test_the_source_label_is_scored_without_the_pair_itself() -> None:
    labels = np.array([1, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 0])
    sources = np.repeat(["a", "b", "c"], 4)
    found = {name: int(labels[sources == name].sum()) for name in "abc"}

    def is_higher(one: str, other: str) -> bool:
        """Of a TB film of one source, and one without of another, neither counted."""
        return (found[one] - 1) / 3 > found[other] / 3

    wins = [
        0.5 + (is_higher(one, other) - is_higher(other, one)) / 2
        for one in sources[labels == 1]
        for other in sources[labels == 0]
    ]
    # b is above c, and a above b, by one film alone.
    assert is_higher("a", "c")
    assert not is_higher("a", "b")
    assert source_label_auroc(labels, sources.tolist()) == pytest.approx(np.mean(wins))


@pytest.mark.parametrize(("first", "second"), [((500, 1000), (501, 1000)), ((10, 20), (10, 21))])
def test_sources_that_differ_by_one_film_tell_next_to_nothing(
    first: tuple[int, int], second: tuple[int, int]
) -> None:
    """Whichever has more TB: each pair, left out, would say the contrary."""
    labels, names = [], []
    for name, (tb, films) in (("a", first), ("b", second)):
        labels += [1] * tb + [0] * (films - tb)
        names += [name] * films
    assert source_label_auroc(np.array(labels), names) == 0.5


@pytest.mark.parametrize("sources", [2, 3, 10])
def test_sources_of_the_same_share_of_tb_tell_nothing(sources: int) -> None:
    """Also of different sizes: 1 in 3 is 2 in 6."""
    labels, names = [], []
    for number in range(sources):
        times = 1 + number % 2
        labels += [1, 0, 0] * times
        names += [f"s{number}"] * 3 * times
    assert source_label_auroc(np.array(labels), names) == 0.5


def test_a_source_of_one_film_tells_nothing() -> None:
    assert source_label_auroc(np.array([1, 0]), ["a", "b"]) == 0.5


@given(st.integers(0, 10_000))
def test_obuchowskis_interval_is_delongs_to_the_bit_where_each_patient_has_one_film(
    seed: int,
) -> None:
    labels, scores = films(seed)
    patients = np.random.default_rng(seed).permutation(len(labels))
    tb, others = scores[labels == 1], scores[labels == 0]
    of_tb = np.array([(others < one).mean() + (others == one).mean() / 2 for one in tb])
    of_others = np.array([(tb > one).mean() + (tb == one).mean() / 2 for one in others])
    half = ndtri(0.975) * np.sqrt(of_tb.var(ddof=1) / len(tb) + of_others.var(ddof=1) / len(others))
    estimate = delong(labels, scores, patients)
    assert estimate == delong(labels, scores)
    assert estimate.high == pytest.approx(min(1, of_tb.mean() + half))


def test_films_of_one_patient_are_no_more_than_one_for_the_auroc() -> None:
    labels, scores = films(2, 20)
    patients = np.repeat(np.arange(20), 10)
    once, often = delong(labels, scores), (np.repeat(labels, 10), np.repeat(scores, 10))
    assert vars(delong(*often, patients)) == pytest.approx(vars(once))
    for figure in (average_precision, sensitivity_at, specificity_at):
        share = () if figure is average_precision else (0.9,)
        ours = figure(*often, *share, **SETTINGS, patients=patients)
        assert vars(ours) == pytest.approx(vars(figure(labels, scores, *share, **SETTINGS)))


def test_the_interval_covers_the_true_area_where_patients_have_films_of_both_classes() -> None:
    random = np.random.default_rng(0)
    patients = np.repeat(np.arange(100), 4)
    # Of a patient's score 0.8 is the patient's own; films of two patients differ as N(1, 2).
    area = ndtr(1 / np.sqrt(2))
    covered = np.zeros(2)
    for _ in range(300):
        share = np.array([0, 0.5, 1])[np.arange(100) % 3][patients]
        labels = (random.random(400) < share).astype(int)
        scores = np.sqrt(0.8) * random.normal(size=100)[patients]
        scores += np.sqrt(0.2) * random.normal(size=400) + labels
        for place, whose in enumerate((patients, None)):
            estimate = delong(labels, scores, whose)
            covered[place] += estimate.low <= area <= estimate.high
    assert 0.9 <= covered[0] / 300 <= 0.98
    assert covered[1] / 300 < 0.85


def test_a_variance_that_cancels_is_not_below_0_by_rounding() -> None:
    for seed in range(200):
        random = np.random.default_rng(seed)
        count = int(random.integers(20, 60))
        # Both films of a patient score alike, one with TB and one without.
        scores, patients = np.repeat(random.random(count).round(3), 2), np.arange(2 * count) // 2
        estimate = delong(np.arange(2 * count) % 2, scores, patients)
        assert estimate.value == pytest.approx(0.5)
        assert estimate.low == estimate.high


def test_the_only_patient_with_films_of_both_classes_is_not_drawn_once_each_time() -> None:
    random = np.random.default_rng(0)
    labels = np.repeat([1, 0, 1, 0], [3, 27, 6, 30])
    # The first patient has most films that TB is hard to tell on.
    patients = np.concatenate([np.zeros(30, int), np.arange(1, 37)])
    scores = random.normal(size=66) + 3 * labels
    scores[:3] -= 5
    one_each = sensitivity_at(labels, scores, 0.9, **SETTINGS, patients=patients)
    assert one_each.high == 1


def test_two_classes_that_share_one_patient_are_drawn_without_a_value_at_times() -> None:
    labels, patients = np.array([1, 1, 0, 0]), np.array([0, 1, 1, 2])
    scores = np.array([0.9, 0.1, 0.4, 0.2])
    for figure in (average_precision, sensitivity_at, specificity_at):
        share = () if figure is average_precision else (0.9,)
        estimate = figure(labels, scores, *share, **SETTINGS, patients=patients)
        assert 0 <= estimate.low < estimate.high <= 1
