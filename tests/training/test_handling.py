from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch.nn import functional

from tbspot.training.handling import compressed, cropped, lettered
from tbspot.training.views import Strength, draw_views, warp

FILMS = functional.interpolate(
    torch.rand(4, 1, 12, 12, generator=torch.Generator().manual_seed(0)), 96, mode="bilinear"
)
SEEDS = [(7, 0, index) for index in range(4)]
NONE = Strength(**dict.fromkeys((field.name for field in dataclasses.fields(Strength)), 0.0))
AS_IT_IS = torch.eye(3)[:2]


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_a_cropped_view_lacks_at_most_8_percent_of_the_film_on_each_edge() -> None:
    ramp = torch.linspace(0, 1, 101).expand(1, 1, 101, 101)
    for seed in range(10):
        for picture in (ramp, ramp.transpose(2, 3)):
            seen = warp(picture, cropped(AS_IT_IS, _rng(seed)).unsqueeze(0))
            assert 0 < seen.min() <= 0.09
            assert 0.91 <= seen.max() < 1


def test_a_mirrored_view_is_cropped_at_the_films_own_edges() -> None:
    mirror = torch.tensor([[-1.0, 0, 0], [0, 1, 0]])
    straight, mirrored = (
        warp(FILMS, torch.stack([cropped(view, _rng(index)) for index in range(4)]))
        for view in (AS_IT_IS, mirror)
    )
    torch.testing.assert_close(mirrored, straight.flip(-1), atol=1e-5, rtol=0)


def test_letters_are_white_and_stand_near_a_corner() -> None:
    for seed in range(20):
        film = FILMS[seed % 4] * 0.5
        change = lettered(film, _rng(seed)) - film
        assert change.max() > 0.2
        assert change.min() >= -1e-6
        assert change[:, 30:66, 30:66].abs().max() == 0
        assert 0 < (change > 0).float().mean() < 0.1


def test_a_compressed_view_is_nearly_the_film_and_not_the_film() -> None:
    for seed in range(4):
        difference = (compressed(FILMS[seed], _rng(seed)) - FILMS[seed]).abs()
        assert 0.001 < difference.mean() < 0.05


def test_some_views_were_stored_small_and_lost_their_finest_detail() -> None:
    checks = torch.zeros(1, 96, 96)
    checks[:, ::2, ::2] = checks[:, 1::2, 1::2] = 1
    left = [compressed(checks, _rng(seed)).std().item() for seed in range(20)]
    assert min(left) < 0.1
    assert all(compressed(checks, _rng(seed)).shape == checks.shape for seed in range(20))


def test_handling_leaves_what_else_makes_a_view_as_it_was() -> None:
    without = draw_views(FILMS, SEEDS, Strength())
    with_ = draw_views(FILMS, SEEDS, Strength(handling=0.5))
    changed = (without.films != with_.films).flatten(1).any(1)
    assert changed.sum() > 0
    assert torch.equal(draw_views(FILMS, SEEDS, Strength(handling=0.0)).films, without.films)


def test_every_view_is_handled_where_the_chance_is_1() -> None:
    views = draw_views(FILMS, SEEDS, dataclasses.replace(NONE, handling=1.0))
    assert not torch.allclose(views.geometry, AS_IT_IS.expand(4, -1, -1))
    assert views.films.shape == FILMS.shape
    assert views.films.min() >= 0
    assert views.films.max() <= 1
