from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tbspot.training.settings import Strength
from tbspot.training.views import draw_views, warp

FILMS = torch.rand(4, 1, 48, 48, generator=torch.Generator().manual_seed(0))
SEEDS = [(7, 0, index) for index in range(4)]
NONE = Strength(**dict.fromkeys((field.name for field in dataclasses.fields(Strength)), 0.0))
GEOMETRY_ALONE = dataclasses.replace(NONE, mirror=0.5, scale=0.15, rotation=8.0, shift=0.05)


def _centre(maps: Tensor) -> Tensor:
    """Centre of mass `[n, 2]` of maps `[n, 1, h, w]`, in shares of the film."""
    height, width = maps.shape[-2:]
    mass = maps.sum((1, 2, 3))
    rows = (torch.arange(height) + 0.5) / height
    columns = (torch.arange(width) + 0.5) / width
    y = (maps.sum((1, 3)) * rows).sum(1) / mass
    x = (maps.sum((1, 2)) * columns).sum(1) / mass
    return torch.stack([x, y], 1)


def test_a_view_is_the_same_whichever_films_it_is_drawn_with() -> None:
    together = draw_views(FILMS, SEEDS, Strength(erase=0.5))
    for index, seed in enumerate(SEEDS):
        alone = draw_views(FILMS[index : index + 1], [seed], Strength(erase=0.5))
        assert torch.equal(alone.geometry[0], together.geometry[index])
        torch.testing.assert_close(alone.films[0], together.films[index], atol=1e-6, rtol=0)


def test_films_epochs_and_runs_have_views_of_their_own() -> None:
    film = FILMS[:1]
    views = [
        draw_views(film, [seed], Strength()).films for seed in [(7, 0, 0), (7, 1, 0), (8, 0, 0)]
    ]
    assert not torch.equal(views[0], views[1])
    assert not torch.equal(views[0], views[2])


def test_views_are_in_bounds_and_of_the_films_shape() -> None:
    strong = Strength(brightness=0.9, contrast=0.9, noise=0.5, erase=1.0)
    views = draw_views(FILMS, SEEDS, strong)
    assert views.films.shape == FILMS.shape
    assert views.films.dtype == torch.float32
    assert views.films.min() >= 0
    assert views.films.max() <= 1


def test_without_any_strength_a_view_is_its_film() -> None:
    views = draw_views(FILMS, SEEDS, NONE)
    torch.testing.assert_close(views.films, FILMS.clamp(min=1e-4), atol=1e-5, rtol=0)


def test_a_mirrored_view_is_the_film_from_right_to_left() -> None:
    views = draw_views(FILMS, SEEDS, dataclasses.replace(NONE, mirror=1.0))
    torch.testing.assert_close(views.films, FILMS.flip(-1).clamp(min=1e-4), atol=1e-5, rtol=0)
    torch.testing.assert_close(warp(FILMS, views.geometry), FILMS.flip(-1), atol=1e-5, rtol=0)


@pytest.mark.parametrize("cells", [8, 12, 24])
def test_a_map_on_its_own_grid_follows_the_film(cells: int) -> None:
    films = torch.zeros(32, 1, 96, 96)
    films[:, :, 24:40, 56:80] = 1
    maps = functional.interpolate(films, size=(cells, cells), mode="area")
    views = draw_views(films, [(1, 2, index) for index in range(32)], GEOMETRY_ALONE)
    moved = _centre(warp(maps, views.geometry))
    # A fifth of a cell: coarse maps are resampled coarsely.
    torch.testing.assert_close(moved, _centre(views.films - 1e-4), atol=0.2 / cells, rtol=0)
    assert (moved[:, 0] < 0.5).any()
    assert (moved[:, 0] > 0.5).any()


def test_a_moved_film_has_no_black_frame() -> None:
    views = draw_views(torch.full_like(FILMS, 0.6), SEEDS, GEOMETRY_ALONE)
    torch.testing.assert_close(views.films, torch.full_like(FILMS, 0.6), atol=1e-5, rtol=0)


def test_the_blur_takes_detail_and_keeps_the_mean() -> None:
    blurred = draw_views(FILMS, SEEDS, dataclasses.replace(NONE, blur=3.0)).films
    assert (blurred.std((1, 2, 3)) < 0.7 * FILMS.std((1, 2, 3))).any()
    torch.testing.assert_close(blurred.mean((1, 2, 3)), FILMS.mean((1, 2, 3)), atol=0.02, rtol=0)


def test_an_erased_rectangle_is_grey_and_at_most_a_quarter_of_the_film() -> None:
    erased = draw_views(FILMS, SEEDS, dataclasses.replace(NONE, erase=1.0)).films
    for view, film in zip(erased, FILMS.clamp(min=1e-4), strict=True):
        changed = view[0][(view - film).abs()[0] > 1e-5]
        assert changed.unique().numel() == 1
        assert 0.2 <= changed[0].item() <= 0.8
        assert 0.15**2 - 0.02 <= changed.numel() / film.numel() <= 0.25
