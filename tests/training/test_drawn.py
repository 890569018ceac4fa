from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from tbspot.images import read_pixels
from tbspot.maps.lungs import lung_field
from tbspot.training.drawn import draw_into

SEEDS = [(7, 0, index) for index in range(4)]


@pytest.fixture(scope="module")
def films(drawn: Path) -> Tensor:
    """Four drawn films without TB, `[4, 1, 128, 128]`."""
    paths = sorted((drawn / "imgs" / "health").iterdir())[:4]
    return torch.from_numpy(np.stack([read_pixels(path) for path in paths])).unsqueeze(1)


def test_lesions_are_drawn_into_the_films_that_chance_names_and_into_no_others(
    films: Tensor,
) -> None:
    made = draw_into(films, [1.0, 0.0, 1.0, 0.0], SEEDS)
    assert made.drawn.tolist() == [1, 0, 1, 0]
    assert torch.equal(made.films[1::2], films[1::2])
    assert made.places[1::2].max() == 0
    for number in (0, 2):
        change = (made.films[number] - films[number]).abs()
        assert change.sum() > 0
        assert change[made.places[number] == 1].sum() > 0.9 * change.sum()


def test_a_draw_is_the_same_whichever_films_it_is_made_with(films: Tensor) -> None:
    together = draw_into(films, [1.0] * 4, SEEDS)
    alone = draw_into(films[2:3], [1.0], SEEDS[2:3])
    assert torch.equal(alone.films[0], together.films[2])
    assert torch.equal(alone.places[0], together.places[2])


def test_the_same_film_is_shown_with_and_without_lesions(films: Tensor) -> None:
    """What makes pairs: within one source nothing but the lesion tells them apart."""
    seeds = [(7, epoch, 0) for epoch in range(40)]
    made = draw_into(films[:1].expand(40, -1, -1, -1), [0.5] * 40, seeds)
    assert 10 < made.drawn.sum() < 30
    assert torch.equal(made.films[made.drawn == 0][0], films[0])


def test_a_lung_field_that_is_known_draws_the_same_as_one_that_is_found(films: Tensor) -> None:
    asked = []

    def field_of(number: int) -> NDArray[np.bool_]:
        asked.append(number)
        return lung_field(films[number, 0].numpy())

    found = draw_into(films, [1.0, 0.0, 1.0, 0.0], SEEDS)
    known = draw_into(films, [1.0, 0.0, 1.0, 0.0], SEEDS, field_of)
    assert sorted(asked) == [0, 2]
    assert torch.equal(found.films, known.films)
    assert torch.equal(found.places, known.places)


def test_the_films_that_were_given_are_not_changed(films: Tensor) -> None:
    before = films.clone()
    draw_into(films, [1.0] * 4, SEEDS)
    assert torch.equal(films, before)
