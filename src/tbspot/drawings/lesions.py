"""TB lesions of TBX11K's sizes and places: patchy infiltrates, cavities, nodules, scars.

Takes a chest and a random generator; gives lesions with their boxes (shares of the film's side)
and draws them into an attenuation picture. Other findings are left to opacities.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy import ndimage

from tbspot.drawings.anatomy import SIDES, Chest, Picture, centres, smooth_noise, step
from tbspot.samples.sample import LesionKind

__all__ = ["Lesion", "add_lesion", "plan_lesions"]

# Fitted to the boxes of TBX11K; tests/drawings/test_drawings.py holds them to its published
# percentiles (2.4 %, 7.4 % and 18.9 % of a film at the 10th, 50th and 90th).
BOX_COUNTS = (0.5, 0.43, 0.07)
MIDDLE_AREA = 0.052
OTHER_SIDE = 0.88
KINDS: tuple[LesionKind, ...] = ("active", "latent", "uncertain")
KIND_SHARES = (0.76, 0.19, 0.05)


@dataclass(frozen=True)
class Lesion:
    """One lesion: its box as shares of the film's side, and what it is made of.

    Attributes:
        x0: left; likewise `y0` top, `x1` right, `y1` bottom.
        kind: active (haze, nodules, cavities), latent (scars, calcified dots) or uncertain.
        strength: attenuation of its haze.
        cavity: radius of a cavity as a share of the box's half sides, 0 for none.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    kind: LesionKind
    strength: float
    cavity: float


def plan_lesions(rng: Generator, chest: Chest) -> list[Lesion]:
    """One to three lesions, mostly in the upper lungs, about half of the films one-sided."""
    count = 1 + int(rng.choice(3, p=BOX_COUNTS))
    first = int(rng.choice(SIDES))
    second = -first if rng.random() < OTHER_SIDE else first
    kind = KINDS[rng.choice(3, p=KIND_SHARES)]
    extent = rng.normal(0, 0.62)
    lesions: list[Lesion] = []
    for side in (first, second, int(rng.choice(SIDES)))[:count]:
        area = MIDDLE_AREA * math.exp(extent + rng.normal(0, 0.45))
        lesions.append(_plan_lesion(rng, chest, side, area, kind, lesions))
    return lesions


def _plan_lesion(
    rng: Generator, chest: Chest, side: int, area: float, kind: LesionKind, others: list[Lesion]
) -> Lesion:
    room = chest.half_width - 0.03
    width = min(math.sqrt(area * math.exp(rng.normal(0, 0.25))), room)
    height = min(area / width, 0.45)
    reach = side * (0.5 * (chest.mediastinum + chest.half_width) + rng.normal(0, 0.035))
    below = any((lesion.x0 + lesion.x1 - 2 * chest.middle) * side > 0 for lesion in others)
    top = chest.apex + abs(rng.normal(0.05, 0.07)) + 0.3 * below
    lowest = max(chest.apex, chest.dome_top - 0.8 * height)
    inmost = chest.middle + (0.03 if side > 0 else -0.03 - room)
    x0 = min(max(chest.middle + reach - width / 2, inmost), inmost + room - width)
    y0 = min(top, lowest)
    hollow = kind == "active" and area > 0.02 and rng.random() < 0.45
    cavity = rng.uniform(0.3, 0.5) if hollow else 0.0
    return Lesion(x0, y0, x0 + width, y0 + height, kind, rng.uniform(0.13, 0.26), cavity)


def add_lesion(picture: Picture, lungs: Picture, lesion: Lesion, rng: Generator) -> None:
    """Draw a lesion into an attenuation picture, within the lungs."""
    size = len(picture)
    rows = slice(round(lesion.y0 * size), round(lesion.y1 * size))
    columns = slice(round(lesion.x0 * size), round(lesion.x1 * size))
    height, width = picture[rows, columns].shape
    y, x = centres(height, -1, 1)[:, None], centres(width, -1, 1)[None, :]
    radius = (x**4 + y**4) ** 0.25 + 0.12 * smooth_noise(rng, (height, width), 0.03 * size)
    inside = step(0.85 - radius, 0.35) * lungs[rows, columns]
    draw = _scars if lesion.kind == "latent" else _infiltrate
    texture = draw(rng, (height, width), size)
    if lesion.cavity:
        texture = _hollow(rng, texture, size, lesion.cavity)
    picture[rows, columns] += lesion.strength * inside * texture


def _infiltrate(rng: Generator, shape: tuple[int, int], size: int) -> Picture:
    """Patchy haze with soft nodules that run together."""
    patches = 0.55 + 0.45 * smooth_noise(rng, shape, 0.016 * size)
    nodules = _dots(rng, shape, radius=0.008 * size, spacing=0.0012 * size * size)
    return (patches + nodules).clip(0, 2)


def _scars(rng: Generator, shape: tuple[int, int], size: int) -> Picture:
    """Thin strands along one direction and a few dense, sharp dots."""
    side = 2 * max(shape)
    strands = ndimage.rotate(
        smooth_noise(rng, (side, side), (0.05 * size, 0.004 * size)),
        rng.uniform(15, 75) * rng.choice(SIDES),
        reshape=False,
        order=1,
    )[side // 4 :, side // 4 :][: shape[0], : shape[1]]
    dots = _dots(rng, shape, radius=0.0045 * size, spacing=0.0025 * size * size)
    return 0.35 + 0.9 * (strands - 0.3).clip(0, 1.5) + 1.8 * dots.clip(0, 1.2)


def _hollow(rng: Generator, texture: Picture, size: int, radius: float) -> Picture:
    """A dark hole with a dense, uneven wall, somewhere near the middle."""
    height, width = texture.shape
    right, down = rng.uniform(-0.3, 0.3, 2).astype(np.float32)
    y, x = centres(height, -1, 1)[:, None] - down, centres(width, -1, 1)[None, :] - right
    uneven = smooth_noise(rng, texture.shape, 0.02 * size)
    away = np.hypot(x, y) + 0.08 * uneven
    wall: Picture = np.exp(-(((away - radius) / 0.13) ** 2)) * (0.9 + 0.3 * uneven)
    return wall + texture * step(away - radius, 0.15)


def _dots(rng: Generator, shape: tuple[int, int], *, radius: float, spacing: float) -> Picture:
    """Round dots of height 1, on average one in `spacing` pixels."""
    seeds = (rng.random(shape, np.float32) < 1 / spacing).astype(np.float32)
    dots: Picture = ndimage.gaussian_filter(seeds, radius) * (2 * math.pi * radius**2)
    return dots
