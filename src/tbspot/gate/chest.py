"""Does a picture look like a frontal chest film, upright and whole?

Takes a film's pixels; gives the probability of each thing it may be, from edge directions and
brightness on a small grid and a linear rule that `runs/fit_gate.py` fits. What follows is left to
verdict.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tbspot.images import resize
from tbspot.numerics import ranks

__all__ = ["KINDS", "RULE_FILE", "features", "look", "threshold"]

KINDS = ("chest", "inverted", "turned", "part", "pair", "lateral", "other")
RULE_FILE = "chest.json"
SIDE = 64
CELLS = 8
DIRECTIONS = 6
BRIGHTNESS = 3  # makes a cell's brightness vary about as much as its edges


def look(film: NDArray[np.float32]) -> Mapping[str, float]:
    """Probability of each of `KINDS` for `[height, width]`; they sum to 1."""
    rule = _rule()
    weights, offsets = np.array(rule["weights"]), np.array(rule["offsets"])
    odds = weights @ features(film) + offsets
    chances = np.exp(odds - odds.max())
    chances /= chances.sum()
    return dict(zip(KINDS, chances.tolist(), strict=True))


def features(film: NDArray[np.float32]) -> NDArray[np.float64]:
    """How strong edges of each direction are in each cell, then how bright each cell is, `[448]`.

    Grey values are replaced by their ranks first, so exposure and window do not matter; the
    square root keeps one strong edge, such as a collimator's, from hiding the others.
    """
    ranked = ranks(resize(film, SIDE, SIDE).round(3)).reshape(SIDE, SIDE)
    down, right = np.gradient(ranked)
    direction = (np.arctan2(down, right) / (2 * np.pi)) % 1 * DIRECTIONS
    below = np.floor(direction).astype(int)
    share = direction - below
    cell = np.arange(SIDE) // (SIDE // CELLS)
    place = (cell[:, None] * CELLS + cell) * DIRECTIONS
    strength = np.hypot(down, right)
    sums = np.zeros(CELLS * CELLS * DIRECTIONS)
    np.add.at(sums, place + below % DIRECTIONS, strength * (1 - share))
    np.add.at(sums, place + (below + 1) % DIRECTIONS, strength * share)
    mean = sums.mean()
    edges = np.sqrt(sums / mean) - 1 if mean > 0 else sums
    cells = ranked.reshape(CELLS, SIDE // CELLS, CELLS, SIDE // CELLS).mean(axis=(1, 3))
    shares = (cells.ravel() - 0.5) / SIDE**2  # of the pixels that are darker, about
    return np.concatenate([edges, BRIGHTNESS * (shares - 0.5)])


def threshold(*, strict: bool = False) -> float:
    """The least probability of `chest` at which a film counts as one, of `runs/fit_gate.py`.

    Args:
        strict: for a negative, or what lies inside a border. Of each picture several of these are
            tried, so that what is no chest film would find one that passes; more is asked of them.
    """
    return float(_rule()["strict" if strict else "threshold"])


@cache
def _rule() -> dict[str, Any]:
    rule: dict[str, Any] = json.loads(files("tbspot.gate").joinpath(RULE_FILE).read_text("utf-8"))
    return rule
