"""Drawn lateral views of a chest, for the gate: no lateral film is at hand.

Takes a random generator; gives pictures `[SIZE, SIZE]` in [0, 1]. Rough, and only as good as the
few things they show: one lung field between breastbone and spine, the heart in front, two domes of
the diaphragm, ribs that run obliquely, and the shoulders over the top.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tbspot.drawings.anatomy import centres, smooth_noise, step
from tbspot.images import resize

__all__ = ["draw_lateral"]

SIZE = 160
Picture = NDArray[np.floating[Any]]


class _Side(NamedTuple):
    """Lines of one chest from the side, as shares of the picture."""

    x: Picture
    y: Picture
    front: Picture
    back: Picture
    diaphragm: Picture
    apex: float
    base: float


def draw_lateral(random: np.random.Generator) -> NDArray[np.float32]:
    """One lateral view, facing either way, cut as closely as films are."""
    side = _plan(random)
    lungs, trunk = _lungs(side, random), _trunk(side, random)
    held_back = trunk * (1 + _parts(side, random)) - 0.55 * lungs
    held_back += 0.03 * lungs * smooth_noise(random, (SIZE, SIZE), 0.012 * SIZE)
    low, high = np.quantile(held_back, (0.005, 0.995))
    share = (held_back - low) / (high - low)
    film = 1 / (1 + np.exp(-random.uniform(3, 6) * (share - random.uniform(0.4, 0.65))))
    edge = random.integers(0, SIZE // 6, 2)
    film = film[:, edge[0] : SIZE - edge[1]][:, :: random.choice((-1, 1))]
    film = (film - film.min()) / np.ptp(film)
    return resize(np.ascontiguousarray(film, np.float32), SIZE, SIZE)


def _plan(random: np.random.Generator) -> _Side:
    y, x = centres(SIZE)[:, None], centres(SIZE)[None, :]
    apex, base = random.uniform(0.04, 0.14), random.uniform(0.76, 0.94)
    depth, middle = random.uniform(0.26, 0.36), random.uniform(0.46, 0.54)
    share = ((y - apex) / (base - apex)).clip(0, 1)
    front = middle - depth * (0.35 + 0.65 * np.sin(math.pi * (0.12 + 0.5 * share)))
    back = middle + depth * (0.45 + 0.55 * np.sin(math.pi * (0.1 + 0.75 * share)))
    across = ((x - front) / (back - front)).clip(0, 1)
    dome = random.uniform(0.1, 0.17) * np.cos(1.7 * across)
    return _Side(x, y, front, back, base - dome - 0.02, apex, base)


def _lungs(side: _Side, random: np.random.Generator) -> Picture:
    """Both lungs, one over the other, each over its own dome; the heart lies over them."""
    domes = (side.diaphragm, side.diaphragm + random.uniform(0.01, 0.05))
    sides = np.minimum(side.x - side.front, side.back - side.x)
    round_top = side.y - side.apex - 0.06 * (1 - sides / 0.15).clip(0, 1)
    both = [step(np.minimum(np.minimum(sides, dome - side.y), round_top), 0.025) for dome in domes]
    right, up = side.x - side.front - 0.17, side.y - side.base + random.uniform(0.2, 0.28)
    heart = step(1 - np.hypot(right / random.uniform(0.15, 0.22), up / 0.2), 0.4)
    lungs: Picture = (both[0] + both[1]) / 2 * (1 - random.uniform(0.6, 0.9) * heart)
    return lungs


def _trunk(side: _Side, random: np.random.Generator) -> Picture:
    wall = random.uniform(0.05, 0.1)
    inside = np.minimum(side.x - side.front + wall, side.back + 1.3 * wall - side.x)
    shoulders = step(side.apex + 0.12 - side.y, 0.1)
    trunk: Picture = ((inside + random.uniform(0, 0.15) * shoulders) / 0.1).clip(0, 1) ** 0.5
    return trunk


def _parts(side: _Side, random: np.random.Generator) -> Picture:
    """Abdomen, spine, hila, windpipe, ribs and arms."""
    x, y, middle = side.x, side.y, (side.front + side.back) / 2
    share = ((y - side.apex) / (side.base - side.apex)).clip(0, 1)
    vertebrae = 0.22 + 0.07 * np.cos(y * (2 * math.pi / random.uniform(0.05, 0.07)))
    column = (x - side.back + 0.06 + 0.03 * np.sin(math.pi * share)) / 0.05
    parts = np.exp(-(column**2)) * vertebrae * (1.15 - 0.5 * share)
    parts += 0.12 * step(y - side.diaphragm, 0.02)
    parts += 0.2 * np.exp(-(((x - middle) / 0.05) ** 2) - ((y - 0.42) / 0.06) ** 2)
    parts -= 0.16 * np.exp(-(((x - middle) / 0.02) ** 2)) * step(0.36 - y, 0.06)
    cage = step(np.minimum(x - side.front, side.back - x) + 0.02, 0.02) * step(side.base - y, 0.1)
    spacing, fall = random.uniform(0.075, 0.1), random.uniform(0.25, 0.6)
    for shift in (0, random.uniform(0.2, 0.5)):
        phase = ((y - side.apex - fall * (side.back - x)) / spacing + shift) % 1
        parts += 0.07 * cage * step(0.25 - np.abs(phase - 0.5), 0.12)
    arm = 0.14 - np.hypot(x - middle - random.uniform(-0.12, 0.2), 0.8 * (y - 0.02))
    with_arms: Picture = parts + random.uniform(0.1, 0.6) * step(arm, 0.12)
    return with_arms
