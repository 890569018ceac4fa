from __future__ import annotations

import numpy as np
import pytest

from tbspot.drawings import draw_film
from tbspot.images import resize
from tbspot.maps.lungs import lung_field


def overlaps() -> np.ndarray:
    """Of 24 drawn films: IoU of field and true lungs, and the share of the lungs found."""
    figures = []
    for number in range(24):
        film = draw_film(("health", "sick", "tb")[number % 3], 512, (11, number))
        field = lung_field(film.pixels.astype(np.float32) / 255)
        both = (field & film.lungs).sum()
        figures.append((both / (field | film.lungs).sum(), both / film.lungs.sum()))
    return np.array(figures)


def test_the_field_of_drawn_films_holds_their_lungs_with_a_margin() -> None:
    iou, found = overlaps().T
    assert found.mean() > 0.93
    assert found.min() > 0.75
    assert iou.mean() > 0.68


def test_a_film_without_contrast_has_a_field_of_the_same_form() -> None:
    field = lung_field(np.full((60, 80), 0.5, np.float32))
    assert field.shape == (512, 512)
    assert 0.1 < field.mean() < 0.6


def test_the_field_does_not_depend_on_exposure() -> None:
    film = draw_film("tb", 256, (3,)).pixels.astype(np.float32) / 255
    assert (lung_field(film) == lung_field(film**1.5)).mean() > 0.97


@pytest.mark.parametrize("side", [64, 300])
def test_the_field_does_not_depend_on_the_size(side: int) -> None:
    film = draw_film("tb", 512, (3,)).pixels.astype(np.float32) / 255
    assert (lung_field(film) == lung_field(resize(film, side, side))).mean() > 0.97
