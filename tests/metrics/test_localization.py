import numpy as np
import pytest

from tbspot.metrics import UndefinedError, energy_inside, one_sided, pointing, points_to_side

SIDE = 64
LEFT_BOX = np.array([[10.0, 10, 20, 20]])


def peak_at(x: int, y: int) -> np.ndarray:
    normalised = np.full((SIDE, SIDE), 0.1, np.float32)
    normalised[y, x] = 1
    return normalised


@pytest.mark.parametrize(
    ("x", "y", "hit"), [(10, 10, 1), (19, 19, 1), (20, 15, 0), (15, 9, 0), (40, 40, 0)]
)
def test_the_maximum_hits_a_box_when_it_lies_in_its_half_open_rectangle(
    x: int, y: int, hit: int
) -> None:
    assert pointing(peak_at(x, y), LEFT_BOX) == hit


@pytest.mark.parametrize(("x", "y", "hit"), [(34, 15, 1), (35, 15, 0), (28, 31, 1), (31, 31, 0)])
def test_the_tolerance_is_a_distance_in_pixels_of_the_grid(x: int, y: int, hit: int) -> None:
    # From the box's last pixel (19, 19): 15 and 16 to the right; (9, 12) = 15 and (12, 12) > 15.
    assert pointing(peak_at(x, y), LEFT_BOX, 15) == hit


def test_places_that_share_the_maximum_count_by_their_share() -> None:
    normalised = np.zeros((SIDE, SIDE), np.float32)
    normalised[12, 12] = normalised[12, 13] = normalised[12, 14] = normalised[50, 50] = 1
    assert pointing(normalised, LEFT_BOX) == 0.75
    assert pointing(np.ones((SIDE, SIDE), np.float32), LEFT_BOX) == 100 / SIDE**2


def test_a_blank_map_points_nowhere() -> None:
    assert pointing(np.zeros((SIDE, SIDE), np.float32), LEFT_BOX, 15) == 0


def test_boxes_are_one_sided_when_none_crosses_the_midline() -> None:
    assert one_sided(LEFT_BOX, SIDE)
    assert one_sided(np.array([[32.0, 0, 64, 64]]), SIDE)
    assert not one_sided(np.array([[31.0, 0, 64, 64]]), SIDE)
    assert not one_sided(np.array([[0.0, 0, 9, 9], [40, 0, 50, 9]]), SIDE)
    assert not one_sided(np.empty((0, 4)), SIDE)


def test_the_side_with_the_greater_sum_is_the_one_pointed_to() -> None:
    assert points_to_side(peak_at(5, 60), LEFT_BOX) == 1
    assert points_to_side(peak_at(60, 15), LEFT_BOX) == 0
    assert points_to_side(peak_at(60, 15), np.array([[32.0, 0, 40, 9]])) == 1


def test_equal_halves_point_to_no_side() -> None:
    half = np.random.default_rng(0).random((SIDE, SIDE // 2)).astype(np.float32)
    assert points_to_side(np.hstack([half, half[:, ::-1]]), LEFT_BOX) == 0


def test_a_two_sided_film_has_no_true_side() -> None:
    with pytest.raises(UndefinedError, match="one side"):
        points_to_side(peak_at(0, 0), np.array([[0.0, 0, 64, 64]]))


def test_the_energy_inside_is_the_maps_share_in_the_truth() -> None:
    normalised = np.zeros((4, 4), np.float32)
    normalised[0], normalised[1] = 1, 0.5
    truth = np.zeros((4, 4), bool)
    truth[:, 0] = True
    assert energy_inside(normalised, truth) == pytest.approx(1.5 / 6)
    assert energy_inside(np.ones((4, 4), np.float32), truth) == truth.mean()


def test_a_blank_map_has_no_energy_to_share_out() -> None:
    with pytest.raises(UndefinedError, match="zero everywhere"):
        energy_inside(np.zeros((4, 4), np.float32), np.ones((4, 4), bool))
