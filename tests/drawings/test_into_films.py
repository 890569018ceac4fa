from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from tbspot.drawings import draw_film
from tbspot.drawings.into_films import WithLesions, draw_lesions
from tbspot.images import resize

SIZE = 192


@pytest.fixture(scope="module")
def healthy() -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """A drawn film without TB, and its lung field."""
    drawn = draw_film("health", SIZE, (3,))
    return drawn.pixels.astype(np.float32) / np.float32(255), drawn.lungs


@pytest.fixture(scope="module")
def many(healthy: tuple[NDArray[np.float32], NDArray[np.bool_]]) -> list[WithLesions]:
    return [draw_lesions(*healthy, np.random.default_rng(seed)) for seed in range(60)]


def test_a_film_changes_within_the_rectangles_and_never_outside_of_its_lungs(
    healthy: tuple[NDArray[np.float32], NDArray[np.bool_]], many: list[WithLesions]
) -> None:
    for one in many:
        change = np.abs(one.film - healthy[0])
        assert change[one.mask].sum() > 0.9 * change.sum()
        assert not change[~ndimage.binary_dilation(healthy[1], iterations=10)].any()


def test_each_rectangle_is_filled_from_edge_to_edge(
    healthy: tuple[NDArray[np.float32], NDArray[np.bool_]], many: list[WithLesions]
) -> None:
    """A rectangle larger than what is seen would teach maps to reach too far."""
    for one in many:
        change = np.abs(one.film - healthy[0]) > 1e-3
        for axis in (0, 1):
            assert (change & one.mask).any(axis).sum() >= 0.85 * one.mask.any(axis).sum()


def test_lesions_are_small_and_large(many: list[WithLesions]) -> None:
    areas = np.array([one.mask.mean() for one in many])
    assert np.quantile(areas, 0.1) < 0.03
    assert 0.04 < np.median(areas) < 0.12
    assert np.quantile(areas, 0.9) > 0.15


def test_most_lesions_lie_in_the_upper_half_of_the_lungs(
    healthy: tuple[NDArray[np.float32], NDArray[np.bool_]], many: list[WithLesions]
) -> None:
    rows = np.flatnonzero(healthy[1].any(axis=1))
    middle = rows.mean()
    above = [np.nonzero(one.mask)[0].mean() < middle for one in many]
    assert np.mean(above) > 0.6


def test_lesions_are_lighter_and_the_film_keeps_its_range(
    healthy: tuple[NDArray[np.float32], NDArray[np.bool_]], many: list[WithLesions]
) -> None:
    lightest = np.quantile(healthy[0], 0.995)
    for one in many:
        assert one.film.dtype == np.float32
        lighter = one.film[one.mask].mean() - healthy[0][one.mask].mean()
        assert lighter > 0.005
        assert one.film.min() >= 0
        assert one.film.max() <= max(1.0, lightest)


def test_a_drawn_lesion_is_no_sharper_than_its_film(
    healthy: tuple[NDArray[np.float32], NDArray[np.bool_]],
) -> None:
    """On a film as blurred as one of a third of its side, what is drawn adds no finer detail."""
    blurred = ndimage.gaussian_filter(healthy[0], 1.0)

    def finest(picture: NDArray[np.float32]) -> float:
        return float(np.abs(picture - ndimage.gaussian_filter(picture, 0.6)).mean())

    for seed in range(10):
        one = draw_lesions(blurred, healthy[1], np.random.default_rng(seed))
        added = one.film - blurred
        assert finest(added) < 0.12 * float(np.abs(added).mean())


def test_many_lesions_are_faint(
    healthy: tuple[NDArray[np.float32], NDArray[np.bool_]], many: list[WithLesions]
) -> None:
    """As many of TB are: a net that knows dense ones alone outlines their cores."""
    lighter = [(one.film - healthy[0])[one.mask].mean() for one in many]
    assert np.median(lighter) < 0.075
    assert np.quantile(lighter, 0.1) < 0.03
    assert np.quantile(lighter, 0.9) > 0.1


def test_the_same_numbers_draw_the_same_lesions_and_others_do_not(
    healthy: tuple[NDArray[np.float32], NDArray[np.bool_]], many: list[WithLesions]
) -> None:
    again = draw_lesions(*healthy, np.random.default_rng(0))
    np.testing.assert_array_equal(again.film, many[0].film)
    assert not np.array_equal(many[0].film, many[1].film)


def test_a_film_without_a_lung_field_stays_as_it_is(
    healthy: tuple[NDArray[np.float32], NDArray[np.bool_]],
) -> None:
    one = draw_lesions(healthy[0], np.zeros_like(healthy[1]), np.random.default_rng(0))
    np.testing.assert_array_equal(one.film, healthy[0])
    assert not one.mask.any()


def test_nothing_is_drawn_into_a_blank_film() -> None:
    blank = np.full((128, 128), 0.4, np.float32)
    one = draw_lesions(blank, np.ones_like(blank, np.bool_), np.random.default_rng(1))
    np.testing.assert_array_equal(one.film, blank)
    assert not one.boxes


def test_the_film_that_was_given_is_not_changed(
    healthy: tuple[NDArray[np.float32], NDArray[np.bool_]],
) -> None:
    before = healthy[0].copy()
    draw_lesions(*healthy, np.random.default_rng(1))
    np.testing.assert_array_equal(healthy[0], before)


@pytest.mark.parametrize("shape", [(1024, 501), (301, 777)])
def test_boxes_lie_in_the_film_whatever_its_form(shape: tuple[int, int]) -> None:
    film = np.random.default_rng(0).uniform(0.2, 0.8, shape).astype(np.float32)
    for seed in range(6):
        one = draw_lesions(film, np.ones(shape, np.bool_), np.random.default_rng(seed))
        for box in one.boxes:
            assert 0 <= box.top < box.bottom <= shape[0]
            assert 0 <= box.left < box.right <= shape[1]
            changed = (one.film != film)[box.top : box.bottom, box.left : box.right]
            assert changed.mean() > 0.5


@pytest.mark.parametrize("size", [48, 64, 128])
def test_lesions_are_drawn_into_films_of_any_size(size: int) -> None:
    drawn = draw_film("health", size, (5,))
    film = drawn.pixels.astype(np.float32) / np.float32(255)
    for seed in range(8):
        one = draw_lesions(film, drawn.lungs, np.random.default_rng(seed))
        assert one.film.shape == film.shape
        assert np.isfinite(one.film).all()


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 2), (2, 2), (3, 3), (2, 2000), (2000, 2), (100, 30_000)]
)
def test_what_is_drawn_into_a_tiny_or_narrow_film_lies_on_it(
    healthy: tuple[NDArray[np.float32], NDArray[np.bool_]], shape: tuple[int, int]
) -> None:
    film = resize(healthy[0], *shape)
    for seed in range(8):
        made = draw_lesions(film, np.ones(shape, np.bool_), np.random.default_rng(seed))
        assert np.isfinite(made.film).all()
        for box in made.boxes:
            assert 0 <= box.top < box.bottom <= shape[0]
            assert 0 <= box.left < box.right <= shape[1]
