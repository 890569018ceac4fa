"""TB lesions of TBX11K's sizes and places: patchy infiltrates, cavities, nodules, scars.

Takes a chest and a random generator; gives lesions with their boxes (shares of the film's side)
and draws them into an attenuation picture. Other findings are left to opacities.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy import ndimage

from tbspot.drawings.anatomy import SIDES, Chest, Picture, soft_step
from tbspot.samples.sample import LesionKind

__all__ = ["Lesion", "add_lesion", "plan_lesions"]

# Fitted to the boxes of TBX11K's training films; tests/test_drawings.py holds them to the
# published percentiles (2.4 %, 7.4 % and 18.9 % of the film at the 10th, 50th and 90th).
BOX_COUNTS = (0.5, 0.43, 0.07)
KINDS: tuple[LesionKind, ...] = ("active", "latent", "uncertain")
KIND_SHARES = (0.76, 0.19, 0.05)


@dataclass(frozen=True)
class Lesion:
    """One lesion: its box as shares of the film's side, and what it is made of.

    Attributes:
        x0: left; likewise `y0` top, `x1` right, `y1` bottom.
        kind: active (haze, nodules, cavities), latent (scars, calcified dots) or uncertain.
        strength: attenuation of its haze.
        cavity: radius of a cavity as a share of the box's shorter half, 0 for none.
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
    count = 1 + rng.choice(3, p=BOX_COUNTS)
    first = rng.choice(SIDES)
    sides = [first, -first if rng.random() < 0.88 else first, rng.choice(SIDES)]
    kind = KINDS[rng.choice(3, p=KIND_SHARES)]
    spread = rng.normal(0, 0.62)
    lesions: list[Lesion] = []
    for side in sides[:count]:
        area = 0.056 * np.exp(spread + rng.normal(0, 0.45))
        lesions.append(_plan_lesion(rng, chest, side, area, kind, lesions))
    return lesions


def _plan_lesion(
    rng: Generator, chest: Chest, side: int, area: float, kind: LesionKind, others: list[Lesion]
) -> Lesion:
    ratio = np.exp(rng.normal(0, 0.25))
    width = min(np.sqrt(area / ratio), chest.half_width - 0.03)
    height = min(area / width, 0.5)
    reach = 0.5 * (chest.mediastinum + chest.half_width)
    across = chest.middle + side * (reach + rng.normal(0, 0.035))
    along = chest.apex + 0.02 + 0.5 * height + abs(rng.normal(0.04, 0.08))
    if any((lesion.x0 + lesion.x1 > 2 * chest.middle) == (side > 0) for lesion in others):
        along += 0.3
    x0 = np.clip(across - width / 2, *_span(chest, side, width))
    y0 = np.clip(along - height / 2, chest.apex, chest.dome_top - 0.3 * height)
    strength, cavity = rng.uniform(0.16, 0.3), 0.0
    if kind == "active" and width * height > 0.03 and rng.random() < 0.4:
        cavity = rng.uniform(0.35, 0.55)
    return Lesion(x0, y0, x0 + width, y0 + height, kind, strength, cavity)


def _span(chest: Chest, side: int, width: float) -> tuple[float, float]:
    """The least and greatest left edge that keeps a box within its lung."""
    edges = sorted((chest.middle + side * 0.03, chest.middle + side * chest.half_width))
    return edges[0], max(edges[0], edges[1] - width)


def add_lesion(picture: Picture, lungs: Picture, lesion: Lesion, rng: Generator) -> None:
    """Draw a lesion into an attenuation picture, within the lungs."""
    size = len(picture)
    rows = slice(round(lesion.y0 * size), round(lesion.y1 * size))
    columns = slice(round(lesion.x0 * size), round(lesion.x1 * size))
    height, width = picture[rows, columns].shape
    y = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height * 2 - 1
    x = (np.arange(width, dtype=np.float32)[None, :] + 0.5) / width * 2 - 1
    edge = 0.3 * _noise(rng, (height, width), 0.04 * size)
    inside = soft_step(1 - np.hypot(x, y) + edge, 0.35) * soft_step(1 - np.hypot(x**2, y**2), 0.2)
    if lesion.kind == "latent":
        texture = _scars(rng, (height, width), size)
    else:
        texture = _infiltrate(rng, (height, width), size)
    if lesion.cavity:
        texture = _hollow(texture, x, y, lesion.cavity, rng)
    picture[rows, columns] += np.float32(lesion.strength) * inside * lungs[rows, columns] * texture


def _infiltrate(rng: Generator, shape: tuple[int, int], size: int) -> Picture:
    """Patchy haze with soft nodules that run together."""
    patches = 0.6 + 0.5 * _noise(rng, shape, 0.018 * size)
    nodules = _dots(rng, shape, 0.008 * size, 0.0012 * size * size)
    return (patches + nodules).clip(0, 2.2)


def _scars(rng: Generator, shape: tuple[int, int], size: int) -> Picture:
    """Thin strands along one direction and a few dense, sharp dots."""
    strands = ndimage.rotate(
        _noise(rng, (2 * max(shape), 2 * max(shape)), (0.05 * size, 0.004 * size)),
        rng.uniform(20, 70),
        reshape=False,
        order=1,
    )
    top, left = max(shape) - shape[0] // 2, max(shape) - shape[1] // 2
    strands = strands[top : top + shape[0], left : left + shape[1]]
    dots = _dots(rng, shape, 0.004 * size, 0.0025 * size * size)
    return 0.25 + 0.9 * (strands - 0.3).clip(0, 1.5) + 1.6 * dots


def _hollow(texture: Picture, x: Picture, y: Picture, radius: float, rng: Generator) -> Picture:
    """A dark hole with a dense wall, somewhere near the middle."""
    centre = rng.uniform(-0.25, 0.25, 2)
    away = np.hypot(x - centre[0], y - centre[1])
    wall = np.exp(-(((away - radius) / 0.12) ** 2))
    return texture * soft_step(away - np.float32(radius), 0.15) + 1.5 * wall


def _noise(rng: Generator, shape: tuple[int, int], scale: float | tuple[float, float]) -> Picture:
    """Smooth noise with mean 0 and deviation 1."""
    noise = ndimage.gaussian_filter(rng.standard_normal(shape, np.float32), scale, mode="wrap")
    return (noise - noise.mean()) / max(float(noise.std()), 1e-6)


def _dots(rng: Generator, shape: tuple[int, int], radius: float, spacing: float) -> Picture:
    """Round dots of height 1, on average one in `spacing` pixels."""
    seeds = (rng.random(shape, np.float32) < 1 / spacing).astype(np.float32)
    peak = 2 * np.pi * radius**2
    return ndimage.gaussian_filter(seeds, radius) * np.float32(peak)
