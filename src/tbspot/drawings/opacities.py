"""Findings that are not TB: effusion, nodule, lung-base haze, enlarged heart.

Takes a chest and a random generator; gives one finding and draws it into an attenuation picture:
smooth where TB is patchy, mostly low where TB is mostly high. TB is left to lesions.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.random import Generator

from tbspot.drawings.anatomy import SIDES, Chest, Picture, soft_step

__all__ = ["Opacity", "OpacityKind", "add_opacity", "plan_opacity"]

OpacityKind = Literal["effusion", "nodule", "haze", "heart"]


@dataclass(frozen=True)
class Opacity:
    """One finding: where its middle is and how large and dense it is.

    Attributes:
        kind: what it is; `heart` is drawn with the chest.
        side: -1 for the picture's left lung, 1 for its right.
        x: of its middle, as a share of the film's side; likewise `y`, or an effusion's level.
        radius: as a share of the film's side.
        strength: attenuation.
    """

    kind: OpacityKind
    side: int
    x: float
    y: float
    radius: float
    strength: float


def plan_opacity(rng: Generator, chest: Chest, kind: OpacityKind) -> Opacity:
    """A random finding of a kind in a chest."""
    side = int(rng.choice(SIDES))
    reach = rng.uniform(0.4, 0.8) * chest.half_width
    low = chest.dome_top
    y, radius = {
        "effusion": (low + rng.uniform(-0.16, 0.0), 0.0),
        "nodule": (rng.uniform(chest.apex + 0.12, low - 0.05), rng.uniform(0.025, 0.06)),
        "haze": (low - rng.uniform(0.03, 0.15), rng.uniform(0.08, 0.14)),
        "heart": (0.0, 0.0),
    }[kind]
    strength = rng.uniform(0.3, 0.5) if kind == "effusion" else rng.uniform(0.2, 0.34)
    return Opacity(kind, side, chest.middle + side * reach, y, radius, strength)


def random_kind(rng: Generator) -> OpacityKind:
    """Each kind as often as the others."""
    kinds: tuple[OpacityKind, ...] = get_args(OpacityKind)
    return kinds[rng.integers(len(kinds))]


def add_opacity(picture: Picture, lungs: Picture, chest: Chest, opacity: Opacity) -> None:
    """Draw a finding into an attenuation picture, within the lungs."""
    size = len(picture)
    centres = (np.arange(size, dtype=np.float32) + 0.5) / size
    x, y = centres[None, :], centres[:, None]
    if opacity.kind == "effusion":
        # The fluid's edge climbs the chest wall: the meniscus.
        share = np.abs(x - chest.middle) / chest.half_width
        level = opacity.y + 0.05 - 0.16 * share.clip(0, 1) ** 4
        shape = soft_step(y - level, 0.05) * ((x - chest.middle) * opacity.side > 0)
    elif opacity.kind == "nodule":
        shape = soft_step(1 - np.hypot(x - opacity.x, y - opacity.y) / opacity.radius, 0.3)
    elif opacity.kind == "haze":
        shape = np.exp(-(((x - opacity.x) ** 2 + (y - opacity.y) ** 2) / opacity.radius**2))
    else:
        return
    picture += np.float32(opacity.strength) * lungs * shape
