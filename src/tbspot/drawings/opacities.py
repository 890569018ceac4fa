"""Findings that are not TB: effusion, round nodule, lung-base haze, enlarged heart.

Takes a chest and a random generator; gives one finding and draws it into an attenuation picture:
smooth where TB is patchy, mostly low where TB is mostly high. TB is left to lesions.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.random import Generator

from tbspot.drawings.anatomy import SIDES, Chest, Picture, centres, step

__all__ = ["Opacity", "OpacityKind", "add_opacity", "plan_opacity", "random_kind"]

OpacityKind = Literal["effusion", "nodule", "haze", "heart"]


@dataclass(frozen=True)
class Opacity:
    """One finding: where its middle is and how large and dense it is.

    Attributes:
        kind: what it is; `heart` is drawn with the chest.
        side: -1 for the picture's left lung, 1 for its right.
        across: of its middle, right of the midline, as a share of the film's side.
        y: of its middle, or the level of an effusion.
        radius: as a share of the film's side.
        strength: attenuation.
    """

    kind: OpacityKind
    side: int
    across: float
    y: float
    radius: float
    strength: float


def random_kind(rng: Generator) -> OpacityKind:
    """Each kind as often as the others."""
    kinds: tuple[OpacityKind, ...] = get_args(OpacityKind)
    return kinds[rng.integers(len(kinds))]


def plan_opacity(rng: Generator, chest: Chest, kind: OpacityKind) -> Opacity:
    """A random finding of a kind in a chest."""
    side = int(rng.choice(SIDES))
    low = chest.dome_top
    y, radius = {
        "effusion": (low + rng.uniform(-0.16, 0.0), 0.0),
        "nodule": (rng.uniform(chest.apex + 0.12, low - 0.05), rng.uniform(0.025, 0.06)),
        "haze": (low - rng.uniform(0.02, 0.15), rng.uniform(0.09, 0.15)),
        "heart": (0.0, 0.0),
    }[kind]
    strength = rng.uniform(0.3, 0.5) if kind == "effusion" else rng.uniform(0.18, 0.34)
    reach = rng.uniform(0.45, 0.8) * chest.half_width
    return Opacity(kind, side, side * reach, y, radius, strength)


def add_opacity(picture: Picture, lungs: Picture, chest: Chest, opacity: Opacity) -> None:
    """Draw a finding into an attenuation picture, within the lungs."""
    size = len(picture)
    y = centres(size)[:, None]
    across = chest.across(centres(size)[None, :], y)
    if opacity.kind == "effusion":
        # The fluid's edge climbs the chest wall: the meniscus.
        share = (np.abs(across) / chest.half_width).clip(0, 1)
        shape = step(y - opacity.y - 0.05 + 0.16 * share**4, 0.05) * (across * opacity.side > 0)
    elif opacity.kind == "nodule":
        away = np.hypot(across - opacity.across, y - opacity.y)
        shape = step(1 - away / opacity.radius, 0.3)
    elif opacity.kind == "haze":
        away = (across - opacity.across) ** 2 + (y - opacity.y) ** 2
        shape = np.exp(-away / opacity.radius**2)
    else:
        return
    picture += opacity.strength * lungs * shape
