from __future__ import annotations

import numpy as np
import pytest
import torch

from tbspot.training.halves import choose_halves, halved, sides_of

SEEDS = [(7, 0, index) for index in range(200)]


def _maps(*places: tuple[int, ...]) -> torch.Tensor:
    """One map `[6, 6]` a tuple of columns, each with evidence in those."""
    maps = torch.full((len(places), 6, 6), 0.05)
    for number, columns in enumerate(places):
        maps[number, 2, list(columns)] = 0.9
    return maps


def test_the_side_with_nearly_all_evidence_is_the_side_with_tb() -> None:
    maps = _maps((0,), (2,), (3, 4), (5,), (1, 4), ())
    assert sides_of(maps, 0.1).tolist() == [-1, -1, 1, 1, 0, 0]


def test_evidence_in_the_middle_is_on_neither_side() -> None:
    maps = torch.zeros(1, 5, 5)
    maps[0, 2, 2] = 1
    assert sides_of(maps, 0.1).tolist() == [0]


def test_both_halves_of_a_film_with_a_side_are_shown_about_as_often_as_chance_says() -> None:
    kept = choose_halves(np.full(200, -1, np.int8), 0.6, SEEDS)
    assert (kept != 0).mean() == pytest.approx(0.6, abs=0.1)
    assert kept[kept != 0].mean() == pytest.approx(0, abs=0.25)


@pytest.mark.parametrize(("side", "chance"), [(0, 1.0), (1, 0.0)])
def test_a_film_without_a_side_or_a_chance_stays_whole(side: int, chance: float) -> None:
    assert not choose_halves(np.full(200, side, np.int8), chance, SEEDS).any()


def test_a_choice_is_the_same_whichever_films_it_is_made_with() -> None:
    sides = np.ones(200, np.int8)
    together = choose_halves(sides, 0.5, SEEDS)
    assert choose_halves(sides[7:8], 0.5, SEEDS[7:8]).tolist() == together[7:8].tolist()


@pytest.mark.parametrize("width", [6, 7])
def test_a_half_is_shown_with_its_mirror_image(width: int) -> None:
    films = torch.rand(3, 1, 4, width, generator=torch.Generator().manual_seed(0))
    before = films.clone()
    made = halved(films, np.array([-1, 0, 1], np.int8))
    half = width // 2
    assert torch.equal(films, before)
    assert torch.equal(made[1], films[1])
    assert torch.equal(made[0, ..., :half], films[0, ..., :half])
    assert torch.equal(made[2, ..., -half:], films[2, ..., -half:])
    for number in (0, 2):
        assert torch.equal(made[number], made[number].flip(-1))
