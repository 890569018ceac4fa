"""A net that is not one: its map is the film's own brightness, so that answers are known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tbspot.description import Description
from tbspot.engine.engine import Answer, Engine

__all__ = ["DESCRIPTION", "bright", "bright_engine"]

DESCRIPTION = Description(name="bright", version="v1", size=64, baseline="none")


def bright(films: NDArray[np.float32]) -> Answer:
    """Mean brightness of blocks of 8 x 8 pixels as map, its mean as logit."""
    count, height, width = films.shape
    maps = films.reshape(count, height // 8, 8, width // 8, 8).mean((2, 4))
    return maps.mean((1, 2)), maps


def bright_engine(**changes: object) -> Engine:
    """An engine of it, with a changed description."""
    return Engine(DESCRIPTION.model_copy(update={"output_stride": 8, **changes}), "fake", bright)
