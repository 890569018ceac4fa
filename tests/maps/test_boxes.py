import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tbspot.maps.boxes import (
    SIDE,
    find_boxes,
    find_regions,
    mask_of,
    normalise,
    on_grid,
    rectangle_mask,
    threshold_of,
)


def two_lesions() -> NDArray[np.float32]:
    normalised = np.zeros((100, 100), np.float32)
    normalised[10:20, 30:50] = 1.0
    normalised[60:80, 5:15] = 0.5
    return normalised


def test_normalise_gives_zero_to_one_on_the_protocols_grid() -> None:
    normalised = normalise(np.random.default_rng(0).normal(size=(16, 16)).astype(np.float32))
    assert normalised.shape == (SIDE, SIDE)
    assert normalised.dtype == np.float32
    assert normalised.min() == 0
    assert normalised.max() == 1


def test_a_map_without_positive_evidence_stays_zero_and_has_no_box() -> None:
    for evidence in (np.zeros((8, 8), np.float32), np.full((8, 8), -1, np.float32)):
        normalised = normalise(evidence)
        assert not normalised.any()
        for rule, value in (("tuned", 0.3), ("otsu", None), ("quantile", 0.1)):
            assert len(find_boxes(normalised, threshold_of(normalised, rule, value))) == 0  # type: ignore[arg-type]


def test_a_map_with_nan_is_refused_rather_than_shown_as_empty() -> None:
    with pytest.raises(ValueError, match="finite"):
        normalise(np.full((4, 4), np.nan, np.float32))


def test_the_resize_keeps_a_place_over_its_own_pixels() -> None:
    evidence = np.zeros((16, 16), np.float32)
    evidence[3, 12] = 1
    rows, columns = np.nonzero(normalise(evidence, 512) > 0.9)
    assert (rows.mean() + 0.5) / 512 == pytest.approx(3.5 / 16)
    assert (columns.mean() + 0.5) / 512 == pytest.approx(12.5 / 16)


@given(st.integers(-20, 20), st.floats(0.1, 0.9))
def test_scaling_the_evidence_does_not_move_boxes(exponent: int, threshold: float) -> None:
    evidence = np.random.default_rng(1).normal(size=(8, 8)).astype(np.float32)
    scaled = normalise(evidence * np.float32(2.0**exponent), 64)
    assert np.array_equal(
        find_boxes(scaled, threshold), find_boxes(normalise(evidence, 64), threshold)
    )


def test_boxes_are_half_open_rectangles_of_components_best_first() -> None:
    assert find_boxes(two_lesions(), 0.4).tolist() == [[30, 10, 50, 20, 1], [5, 60, 15, 80, 0.5]]


def test_places_that_touch_at_a_corner_are_one_component() -> None:
    normalised = np.zeros((20, 20), np.float32)
    normalised[2:4, 2:4] = normalised[4:6, 4:6] = 1
    assert find_boxes(normalised, 0.5).tolist() == [[2, 2, 6, 6, 1]]


def test_a_component_under_a_thousandth_of_the_film_is_dropped() -> None:
    normalised = np.zeros((100, 100), np.float32)
    normalised[0, :9] = 1
    assert len(find_boxes(normalised, 0.5)) == 0
    normalised[0, :10] = 1
    assert len(find_boxes(normalised, 0.5)) == 1


def test_a_threshold_of_zero_does_not_take_the_places_without_evidence() -> None:
    assert mask_of(two_lesions(), 0.0).sum() == 200 + 200


def test_the_tuned_threshold_is_the_share_of_the_maximum() -> None:
    assert threshold_of(two_lesions(), "tuned", 0.42) == 0.42


def test_the_quantile_rule_leaves_its_share_of_the_films_area() -> None:
    normalised = np.random.default_rng(2).random((200, 200)).astype(np.float32)
    area = mask_of(normalised, threshold_of(normalised, "quantile", 0.07)).mean()
    assert area == pytest.approx(0.07, abs=1e-4)


def test_otsus_threshold_has_the_greatest_variance_between_classes() -> None:
    random = np.random.default_rng(3)
    normalised = np.concatenate([random.beta(2, 12, 3000), random.beta(9, 3, 1000)])
    normalised = normalised.astype(np.float32).reshape(40, 100)

    def between(threshold: float) -> float:
        above = normalised >= threshold
        means = normalised[above].mean() - normalised[~above].mean()
        return float(above.mean() * (1 - above.mean()) * means**2)

    best = max(between(t) for t in np.linspace(0.05, 0.95, 400))
    assert between(threshold_of(normalised, "otsu", None)) == pytest.approx(best, rel=1e-3)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.5, 129 / 256), (254.9 / 256, 1.0)])
def test_otsus_threshold_parts_two_levels_wherever_they_lie(low: float, high: float) -> None:
    normalised = np.full((8, 8), low, np.float32)
    normalised[2:5, 2:5] = high
    threshold = threshold_of(normalised, "otsu", None)
    assert np.array_equal(normalised >= threshold, normalised == np.float32(high))


@pytest.mark.parametrize("value", [None, 0.0, 1.0, -0.1])
def test_a_rule_without_its_share_is_an_error(value: float | None) -> None:
    with pytest.raises(ValueError, match="share between 0 and 1"):
        threshold_of(two_lesions(), "quantile", value)


def test_the_rectangle_mask_is_the_union_of_the_boxes() -> None:
    mask = rectangle_mask(np.array([[0.0, 0, 4, 2, 1], [2, 1, 6, 3, 0.5]]), 8)
    assert mask.sum() == 8 + 8 - 2
    assert mask[0, 3]
    assert mask[2, 5]
    assert not mask[2, 1]


def test_a_box_that_leaves_the_grid_is_cut_at_its_edge() -> None:
    assert rectangle_mask(np.array([[-5.0, 6, 3, 20]]), 8).sum() == 3 * 2


def test_a_box_between_two_centres_of_places_is_the_place_in_which_it_lies() -> None:
    # A film of 1024 pixels has two a place.
    placed = on_grid(
        np.array([[6.0, 1.2, 6.4, 1.8], [0.0, 0, 8, 4], [1023.2, 0, 1024, 9]]), 1024, 1024
    )
    assert placed.tolist() == [[3, 0, 4, 1], [0, 0, 4, 2], [511, 0, 512, 4.5]]
    assert rectangle_mask(placed[:1])[0, 3]
    assert not rectangle_mask(
        on_grid(np.array([[-3.0, 0, -2.5, 9], [1024.5, 0, 1025, 9]]), 1024, 1024)
    ).any()
    assert on_grid(np.empty((0, 4)), 9, 9).shape == (0, 4)


def test_no_boxes_are_an_empty_mask() -> None:
    assert not rectangle_mask(np.empty((0, 5)), 8).any()


@given(st.integers(0, 99), st.floats(0.2, 0.9))
def test_a_box_is_the_bounding_rectangle_of_the_region_of_its_number(
    seed: int, threshold: float
) -> None:
    evidence = np.random.default_rng(seed).normal(size=(8, 8)).astype(np.float32)
    normalised = normalise(evidence, 64)
    boxes, regions = find_boxes(normalised, threshold), find_regions(normalised, threshold)
    assert regions.max(initial=0) == len(boxes)
    for number, (x0, y0, x1, y1, peak) in enumerate(boxes, 1):
        rows, columns = np.nonzero(regions == number)
        found = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert found == (x0, y0, x1, y1)
        assert normalised[regions == number].max() == np.float32(peak)
