import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from scipy import ndimage

from tbspot.maps.boxes import normalise
from tbspot.maps.components import Components, find_components, label_components


def by_scipy(mask: NDArray[np.bool_], values: NDArray[np.float32]) -> Components:
    labels, count = ndimage.label(mask, np.ones((3, 3), bool))
    corners = [
        (columns.start, rows.start, columns.stop, rows.stop)
        for rows, columns in ndimage.find_objects(labels)
    ]
    inside = [labels == number for number in range(1, count + 1)]
    return Components(
        np.array(corners, np.int_).reshape(-1, 4),
        np.array([one.sum() for one in inside], np.int_),
        np.array([values[one].max() for one in inside], np.float32),
    )


def assert_same(mask: NDArray[np.bool_], values: NDArray[np.float32]) -> None:
    for ours, theirs in zip(find_components(mask, values), by_scipy(mask, values), strict=True):
        assert ours.dtype == theirs.dtype
        assert np.array_equal(ours, theirs)


@settings(max_examples=300)
@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=12)), st.integers(0, 99))
def test_components_are_scipys_to_the_bit_and_in_its_order(
    mask: NDArray[np.bool_], seed: int
) -> None:
    values = np.random.default_rng(seed).normal(size=mask.shape).astype(np.float32)
    assert_same(mask, values)


def test_components_of_a_normalised_map_are_scipys_at_every_threshold() -> None:
    evidence = np.random.default_rng(0).normal(size=(24, 24)).astype(np.float32)
    normalised = normalise(evidence)
    for threshold in (0.05, 0.2, 0.5, 0.9, 1.0):
        assert_same(normalised >= threshold, normalised)


def test_a_spiral_is_one_component_however_late_its_arms_meet() -> None:
    mask = np.zeros((31, 31), bool)
    place, step = np.array([0, 0]), np.array([0, 1])
    mask[0, 0] = True
    for length in [30, *np.repeat(np.arange(30, 0, -2), 2).tolist()]:
        for _ in range(length):
            place = place + step
            mask[tuple(place)] = True
        step = np.array([step[1], -step[0]])
    assert_same(mask, mask.astype(np.float32))
    assert find_components(mask, mask.astype(np.float32)).areas.tolist() == [mask.sum()]


def test_a_run_at_the_end_of_a_row_does_not_touch_one_at_the_start_of_the_next() -> None:
    mask = np.zeros((3, 5), bool)
    mask[0, 3:] = mask[1, :2] = mask[2, 4] = True
    found = find_components(mask, mask.astype(np.float32))
    assert found.corners.tolist() == [[3, 0, 5, 1], [0, 1, 2, 2], [4, 2, 5, 3]]


def test_an_empty_mask_and_a_full_one_have_none_and_one() -> None:
    values = np.ones((4, 6), np.float32)
    assert len(find_components(np.zeros((4, 6), bool), values).areas) == 0
    full = find_components(np.ones((4, 6), bool), values)
    assert full.corners.tolist() == [[0, 0, 6, 4]]
    assert full.areas.tolist() == [24]


@settings(max_examples=200)
@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=12)))
def test_labels_are_scipys_numbers_of_the_components(mask: NDArray[np.bool_]) -> None:
    assert np.array_equal(label_components(mask), ndimage.label(mask, np.ones((3, 3), bool))[0])
