"""A model that can be worked out by hand: its evidence is brightness, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from tbspot.audit.model import Model
from tbspot.description import Description
from tbspot.engine.engine import Engine
from tbspot.maps.cutting import cut_of

SIZE, PLACES = 64, 16


@pytest.fixture
def lamp() -> Model:
    """Evidence is how far a place is above grey; the logit is eight times the brightest's."""
    description = Description(name="lamp", version="1", size=SIZE, baseline="none")

    def ask(films: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        block = SIZE // PLACES
        blocks = films.reshape(len(films), PLACES, block, PLACES, block).mean((2, 4))
        maps = (blocks - 0.5).astype(np.float32)
        return 8 * maps.max((1, 2)), maps

    return Model("lamp", Engine(description, "by hand", ask), cut_of(description))


def spot(x: int, y: int, side: int = 128, width: int = 24) -> np.ndarray:
    """A dark film with a bright square whose corner is at x, y."""
    film = np.full((side, side), 0.1, np.float32)
    film[y : y + width, x : x + width] = 0.9
    return film


@pytest.fixture
def bright() -> np.ndarray:
    """A dark film of 128 pixels, bright from (24, 48) to (48, 72)."""
    return spot(24, 48)
