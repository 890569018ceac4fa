import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tbspot.metrics import box_iou, lesions_found, mask_iou, match_boxes

corner = st.integers(0, 12)
side = st.integers(1, 8)


def boxes_of(*corners: tuple[float, ...]) -> np.ndarray:
    return np.array(corners, np.float64).reshape(-1, 4)


def drawn_mask(box: np.ndarray) -> np.ndarray:
    mask = np.zeros((24, 24), bool)
    x0, y0, x1, y1 = box.astype(int)
    mask[y0:y1, x0:x1] = True
    return mask


def test_the_iou_of_two_masks_is_their_shared_share() -> None:
    first, second = np.zeros((2, 4, 4), bool)
    first[:2], second[1:3, :2] = True, True
    assert mask_iou(first, second) == 2 / 10


def test_an_empty_prediction_counts_zero_even_against_an_empty_truth() -> None:
    empty, full = np.zeros((4, 4), bool), np.ones((4, 4), bool)
    assert mask_iou(empty, full) == 0
    assert mask_iou(empty, empty) == 0
    assert mask_iou(full, full) == 1


@given(corner, corner, side, side, corner, corner, side, side)
def test_the_iou_of_boxes_is_that_of_their_masks_counted_pixel_by_pixel(
    x: int, y: int, w: int, h: int, u: int, v: int, p: int, q: int
) -> None:
    first, second = boxes_of((x, y, x + w, y + h)), boxes_of((u, v, u + p, v + q))
    places = {(i, j) for i in range(x, x + w) for j in range(y, y + h)}
    others = {(i, j) for i in range(u, u + p) for j in range(v, v + q)}
    counted = len(places & others) / len(places | others)
    assert box_iou(first, second)[0, 0] == pytest.approx(counted)
    assert mask_iou(drawn_mask(first[0]), drawn_mask(second[0])) == pytest.approx(counted)


def test_boxes_that_only_touch_have_nothing_in_common() -> None:
    assert box_iou(boxes_of((0, 0, 2, 2)), boxes_of((2, 0, 4, 2), (2, 2, 4, 4))).tolist() == [
        [0, 0]
    ]


def test_a_lesion_is_found_by_any_box_that_overlaps_it_enough() -> None:
    truth = boxes_of((0, 0, 10, 10), (20, 20, 30, 30), (40, 40, 50, 50))
    predicted = boxes_of((0, 0, 10, 3), (0, 0, 10, 4), (20, 20, 30, 22))
    assert lesions_found(predicted, truth, 0.3) == 1
    assert lesions_found(predicted, truth, 0.2) == 2
    assert lesions_found(np.empty((0, 5)), truth, 0.3) == 0


def test_an_iou_of_exactly_the_limit_is_reached_whatever_the_film_measures() -> None:
    # Brought to a grid of 512 places, the half of a box has an IoU of 0.5 less a last place.
    truth = boxes_of((99, 53, 229, 190)) * (512 / 3000)
    half = boxes_of((99, 53, 164, 190)) * (512 / 3000)
    assert box_iou(half, truth)[0, 0] < 0.5
    assert lesions_found(half, truth, 0.5) == 1
    assert match_boxes(half, truth, 0.5).all()
    assert lesions_found(half, truth, 0.5001) == 0
