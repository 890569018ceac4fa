"""A chest-like phantom: how much each place of a film holds back of the beam.

Takes a random generator and a size; gives attenuation `float32 [size, size]` (soft tissue of the
trunk = 1) and the lung fields. Lengths are shares of the film's side, so that a chest has the same
outline at every size. Lesions and exposure are left to the modules beside this one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

__all__ = ["Chest", "Picture", "body", "plan_chest", "soft_step"]

Picture = NDArray[np.floating[Any]]

SIDES = (-1, 1)  # the picture's left (the patient's right lung) and right
RIB_TABLE = 256


@dataclass(frozen=True)
class Chest:
    """The measures of one chest, as shares of the film's side.

    Attributes:
        middle: x of the midline.
        half_width: from the midline to the outermost place of a lung.
        apex: y of the lungs' tops.
        base: y of the costophrenic angles, where the lungs end.
        dome: height of the diaphragm's dome over those angles, for the left and right of the
            picture.
        mediastinum: half width of what stands between the lungs.
        heart: half width of the heart.
        heart_tilt: of its long axis, in radians.
        rib_spacing: from one rib to the next.
        rib_start: y of the first rib at the spine.
        rib_drop: how far a rib falls from the spine to its outermost place.
        rib_strength: attenuation of a rib.
        clavicle: y of the clavicles' inner ends.
        fat: attenuation of breasts or chest muscle over the lower lungs.
        shoulder: y where the shoulders reach their full width.
    """

    middle: float
    half_width: float
    apex: float
    base: float
    dome: tuple[float, float]
    mediastinum: float
    heart: float
    heart_tilt: float
    rib_spacing: float
    rib_start: float
    rib_drop: float
    rib_strength: float
    clavicle: float
    fat: float
    shoulder: float

    @cached_property
    def dome_top(self) -> float:
        """y of the higher dome of the diaphragm."""
        return self.base - max(self.dome)

    def outer(self, y: Picture) -> Picture:
        """Distance of the lungs' outer border from the midline, at heights `y`."""
        share = (y - self.apex) / (self.base - self.apex)
        bulge = np.sqrt(1 - (1 - (share / 0.62).clip(0, 1)) ** 2)
        border: Picture = self.half_width * (0.45 + 0.55 * bulge) * (0.96 + 0.04 * share)
        return border

    def inner(self, y: Picture) -> Picture:
        """Distance of the lungs' inner border from the midline, at heights `y`."""
        share = (y - self.apex) / (self.base - self.apex)
        bulge = np.sqrt(1 - (1 - (share / 0.3).clip(0, 1)) ** 2)
        border: Picture = self.half_width * 0.45 * (1 - bulge) + self.mediastinum * bulge
        return border

    def diaphragm(self, x: Picture) -> Picture:
        """y of the diaphragm at positions `x`."""
        distance = np.abs(x - self.middle)
        dome = np.where(x < self.middle, self.dome[0], self.dome[1])
        bent = ((distance - 0.42 * self.half_width) / (0.58 * self.half_width)) ** 2
        line: Picture = self.base - dome * (1 - bent).clip(-0.2, 1)
        return line


def plan_chest(rng: Generator, enlarged_heart: bool = False) -> Chest:
    """The measures of a random chest."""
    apex, base = rng.uniform(0.06, 0.11), rng.uniform(0.78, 0.9)
    dome = rng.uniform(0.09, 0.13)
    return Chest(
        middle=rng.uniform(0.47, 0.53),
        half_width=rng.uniform(0.32, 0.39),
        apex=apex,
        base=base,
        dome=(dome + rng.uniform(0.0, 0.03), dome),
        mediastinum=rng.uniform(0.065, 0.085),
        heart=rng.uniform(0.18, 0.22) if enlarged_heart else rng.uniform(0.11, 0.145),
        heart_tilt=rng.uniform(0.5, 0.9),
        rib_spacing=(base - apex) / rng.uniform(8.5, 10.5),
        rib_start=apex + rng.uniform(-0.02, 0.03),
        rib_drop=rng.uniform(0.08, 0.16),
        rib_strength=rng.uniform(0.07, 0.13),
        clavicle=apex + rng.uniform(0.05, 0.09),
        fat=max(0.0, rng.uniform(-0.06, 0.12)),
        shoulder=rng.uniform(0.14, 0.26),
    )


def soft_step(distance: Picture, width: float) -> Picture:
    """0 below, 1 above 0, smooth over `width`."""
    share: Picture = (distance / np.float32(width) + np.float32(0.5)).clip(0, 1)
    return share * share * (3 - 2 * share)


def body(chest: Chest, size: int, rng: Generator) -> tuple[Picture, Picture]:
    """Attenuation `[size, size]` and the lung fields `[size, size]` (1 inside, 0 outside)."""
    centres = (np.arange(size, dtype=np.float32) + 0.5) / size
    x, y = centres[None, :], centres[:, None]
    distance = np.abs(x - np.float32(chest.middle))
    heart = _heart(chest, x, y)
    lungs = _lungs(chest, x, y, distance) * (1 - heart)
    picture = _trunk(chest, y, distance) - 0.6 * lungs
    picture += _middle(chest, x, y, distance) + 0.3 * heart
    picture += _ribs(chest, y, distance) + _clavicles(chest, y, distance)
    picture += lungs * _vessels(chest, size, rng) + _soft_parts(chest, x, y, distance)
    return picture.astype(np.float32), lungs


def _lungs(chest: Chest, x: Picture, y: Picture, distance: Picture) -> Picture:
    across = np.minimum(distance - chest.inner(y), chest.outer(y) - distance)
    along = np.minimum(chest.diaphragm(x) - y, y - np.float32(chest.apex))
    return soft_step(np.minimum(across, along), 0.014)


def _heart(chest: Chest, x: Picture, y: Picture) -> Picture:
    width, height = chest.heart, 0.13
    across = x - np.float32(chest.middle + 0.4 * width)
    along = y - np.float32(chest.dome_top + 0.02 - height)
    cos, sin = np.float32(np.cos(chest.heart_tilt)), np.float32(np.sin(chest.heart_tilt))
    radius = np.hypot((cos * across + sin * along) / width, (cos * along - sin * across) / height)
    return soft_step(1 - radius, 0.12)


def _trunk(chest: Chest, y: Picture, distance: Picture) -> Picture:
    heights = (0.0, 0.04, chest.shoulder, 0.32, 0.45, 0.6, 1.0)
    wide = chest.half_width + 0.1
    half_widths = (0.1, 0.12, 0.46, 0.54, 0.5, wide, wide - 0.02)
    half = ndimage.gaussian_filter1d(np.interp(y[:, 0], heights, half_widths), 0.02 * len(y))
    depth = ((half[:, None].astype(np.float32) - distance) / np.float32(0.1)).clip(0, 1)
    return np.sqrt(depth)


def _middle(chest: Chest, x: Picture, y: Picture, distance: Picture) -> Picture:
    """Spine with its vertebrae, windpipe, aortic knob and the two hila."""
    spine = np.exp(-((distance / np.float32(0.04)) ** 2))
    vertebrae = 0.16 + 0.04 * np.cos(y * np.float32(2 * np.pi / 0.055))
    windpipe = np.exp(-(((distance + 0.004) / 0.018) ** 2)) * soft_step(0.33 - y, 0.06)
    knob = np.hypot(x - (chest.middle + 0.055), (y - 0.31) * 0.9)
    hila = np.exp(-(((distance - 0.1) / 0.035) ** 2) - ((y - 0.43) / 0.06) ** 2)
    picture: Picture = spine * vertebrae - 0.12 * windpipe
    return picture + 0.22 * soft_step(0.045 - knob, 0.015) + 0.12 * hila


def _ribs(chest: Chest, y: Picture, distance: Picture) -> Picture:
    """Ribs behind (falling outwards) and, fainter, in front (falling inwards)."""
    table = _rib_profile()
    share = distance / np.float32(chest.half_width)
    behind = (y - chest.rib_start - chest.rib_drop * share**2.2) / chest.rib_spacing
    front = (y - chest.rib_start - 0.25 + 0.3 * share) / (1.15 * chest.rib_spacing)
    cage = soft_step(chest.outer(y) + 0.02 - distance, 0.012)
    cage = cage * soft_step(np.float32(chest.base - 0.02) - y, 0.08)
    cage = cage * soft_step(y - np.float32(chest.apex - 0.03), 0.05)
    seen = _lookup(table, behind) + 0.45 * _lookup(table, front) * soft_step(share - 0.4, 0.4)
    return np.float32(chest.rib_strength) * cage * seen


def _rib_profile() -> Picture:
    """Attenuation across a rib and the gap below it: a flat bone with denser edges."""
    across = np.abs(np.linspace(-1, 1, RIB_TABLE, endpoint=False, dtype=np.float32))
    inside = soft_step(0.42 - across, 0.1)
    return inside * (0.6 + 0.6 * np.exp(-(((across - 0.36) / 0.07) ** 2)))


def _lookup(table: Picture, phase: Picture) -> Picture:
    return table[(phase * RIB_TABLE).astype(np.int32) & (RIB_TABLE - 1)]


def _clavicles(chest: Chest, y: Picture, distance: Picture) -> Picture:
    share = (distance / np.float32(chest.half_width)).clip(0, 1.4)
    line = chest.clavicle + 0.03 * np.cos(3.2 * share) - 0.05 * share
    thick = 0.016 - np.abs(y - line)
    ends = soft_step(distance - np.float32(0.04), 0.02) * soft_step(1.25 - share, 0.3)
    return 0.16 * soft_step(thick, 0.01) * ends


def _soft_parts(chest: Chest, x: Picture, y: Picture, distance: Picture) -> Picture:
    """Abdomen, stomach bubble, breasts or muscle."""
    under = soft_step(y - chest.diaphragm(x), 0.02)
    bubble_y = chest.base - chest.dome[1] + 0.07
    bubble = np.hypot((x - chest.middle - 0.17) / 0.07, (y - bubble_y) / 0.04)
    breast = np.hypot((distance - 0.55 * chest.half_width) / 0.17, (y - 0.66) / 0.17)
    picture: Picture = 0.12 * under - 0.3 * soft_step(1 - bubble, 0.3) * under
    return picture + np.float32(chest.fat) * soft_step(1 - breast, 0.15)


def _vessels(chest: Chest, size: int, rng: Generator) -> Picture:
    """Branches that run from the hila into the lungs and thin out."""
    image = Image.new("L", (size, size))
    draw = ImageDraw.Draw(image)
    for side in SIDES:
        start = np.array([chest.middle + side * 0.09, 0.44])
        for angle in np.linspace(-1.3, 1.3, 14) + rng.normal(0, 0.1, 14):
            _branch(draw, size, rng, start, np.array([side * np.cos(angle), np.sin(angle)]))
    blurred = ndimage.gaussian_filter(np.asarray(image, np.float32), 0.0025 * size)
    return blurred * np.float32(0.22 / 255)


def _branch(
    draw: ImageDraw.ImageDraw,
    size: int,
    rng: Generator,
    start: NDArray[np.float64],
    direction: NDArray[np.float64],
) -> None:
    steps = direction * 0.05 + rng.normal(0, 0.012, (6, 2))
    points = (start + np.cumsum(np.vstack([np.zeros(2), steps]), 0)) * size
    for number in range(6):
        width = max(1, round(size * (0.011 - 0.0015 * number)))
        line = [tuple(point) for point in points[number : number + 2]]
        draw.line(line, fill=255 - 30 * number, width=width)
