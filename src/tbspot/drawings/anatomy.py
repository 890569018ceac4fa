"""A chest-like phantom: how much each place of a film holds back of the beam.

Takes a random generator and a size; gives attenuation `[size, size]` (soft tissue of the trunk
= 1) and the lung fields. Lengths are shares of the film's side, so that a chest has the same
outline at every size. Lesions and exposure are left to the modules beside this one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

__all__ = ["SIDES", "Chest", "Picture", "body", "centres", "plan_chest", "smooth_noise", "step"]

Picture = NDArray[np.floating[Any]]

SIDES = (-1, 1)  # the picture's left (the patient's right lung) and right
RIB_TABLE = 256
BRANCHES = 12
BRANCH_STEPS = 7


@dataclass(frozen=True)
class Chest:
    """The measures of one chest, as shares of the film's side.

    Attributes:
        middle: x of the midline at half height.
        lean: how far the midline moves to the right from top to bottom.
        half_width: from the midline to the outermost place of a lung.
        apex: y of the lungs' tops.
        base: y of the costophrenic angles, where the lungs end.
        domes: height of the diaphragm's domes over those angles, for the left and right of the
            picture.
        mediastinum: half width of what stands between the lungs.
        heart: half length of the heart.
        rib_spacing: from one rib to the next.
        rib_start: y of the first rib at the spine.
        rib_drop: how far a rib falls from the spine to its outermost place.
        rib_strength: attenuation of a rib.
        clavicle: y of the clavicles' inner ends.
        fat: attenuation of breasts or chest muscle over the lower lungs.
        shoulder: y where the shoulders reach their full width.
    """

    middle: float
    lean: float
    half_width: float
    apex: float
    base: float
    domes: tuple[float, float]
    mediastinum: float
    heart: float
    rib_spacing: float
    rib_start: float
    rib_drop: float
    rib_strength: float
    clavicle: float
    fat: float
    shoulder: float

    @property
    def dome_top(self) -> float:
        """y of the higher dome of the diaphragm."""
        return self.base - max(self.domes)

    def across(self, x: Picture, y: Picture) -> Picture:
        """Distance to the right of the midline."""
        return x - self.middle - self.lean * (y - 0.5)

    def outer(self, y: Picture) -> Picture:
        """Distance of the lungs' outer border from the midline, at heights `y`."""
        share = (y - self.apex) / (self.base - self.apex)
        bulge = (1 - (1 - (share / 0.6).clip(0, 1)) ** 2.4) ** 0.5
        border: Picture = self.half_width * (0.45 + 0.55 * bulge) * (0.95 + 0.05 * share)
        return border

    def inner(self, y: Picture) -> Picture:
        """Distance of the lungs' inner border from the midline, at heights `y`."""
        share = (y - self.apex) / (self.base - self.apex)
        bulge = (1 - (1 - (share / 0.35).clip(0, 1)) ** 2.4) ** 0.5
        border: Picture = 0.45 * self.half_width * (1 - bulge) + self.mediastinum * bulge
        return border

    def diaphragm(self, across: Picture) -> Picture:
        """y of the diaphragm at distances to the right of the midline."""
        dome = np.where(across < 0, self.domes[0], self.domes[1]).astype(np.float32)
        bent: Picture = (np.abs(across) / self.half_width - 0.42) / 0.58
        line: Picture = self.base - dome * (1 - bent**2)
        return line


def plan_chest(rng: Generator, *, enlarged_heart: bool = False) -> Chest:
    """The measures of a random chest."""
    apex, base = rng.uniform(0.05, 0.1), rng.uniform(0.78, 0.92)
    dome = rng.uniform(0.09, 0.14)
    return Chest(
        middle=rng.uniform(0.47, 0.53),
        lean=rng.normal(0, 0.02),
        half_width=rng.uniform(0.31, 0.39),
        apex=apex,
        base=base,
        domes=(dome + rng.uniform(0.0, 0.03), dome),
        mediastinum=rng.uniform(0.055, 0.08),
        heart=rng.uniform(0.21, 0.25) if enlarged_heart else rng.uniform(0.14, 0.18),
        rib_spacing=(base - apex) / rng.uniform(8, 10),
        rib_start=apex + rng.uniform(-0.02, 0.03),
        rib_drop=rng.uniform(0.1, 0.18),
        rib_strength=rng.uniform(0.08, 0.16),
        clavicle=apex + rng.uniform(0.07, 0.11),
        fat=max(0.0, rng.uniform(-0.08, 0.14)),
        shoulder=rng.uniform(0.14, 0.22),
    )


def centres(length: int, start: float = 0.0, stop: float = 1.0) -> Picture:
    """Positions of the centres of `length` pixels between `start` and `stop`, `float32`."""
    share = (np.arange(length, dtype=np.float32) + 0.5) / length
    return start + (stop - start) * share


def step(distance: Picture, width: float) -> Picture:
    """0 below, 1 above 0, smooth over `width`."""
    share: Picture = (distance / width + 0.5).clip(0, 1)
    return share * share * (3 - 2 * share)


def smooth_noise(
    rng: Generator, shape: tuple[int, int], scale: float | tuple[float, float]
) -> Picture:
    """Noise with mean 0 and deviation 1, smoothed by a Gaussian of `scale` pixels."""
    noise = ndimage.gaussian_filter(rng.standard_normal(shape, np.float32), scale, mode="wrap")
    scaled: Picture = (noise - noise.mean()) / max(float(noise.std()), 1e-6)
    return scaled


def body(chest: Chest, size: int, rng: Generator) -> tuple[Picture, Picture]:
    """Attenuation `[size, size]` and the lung fields `[size, size]` (1 inside, 0 outside)."""
    y = centres(size)[:, None]
    across = chest.across(centres(size)[None, :], y)
    distance = np.abs(across)
    heart = _heart(chest, across, y)
    lungs = _lungs(chest, across, y) * (1 - heart)
    trunk = _trunk(chest, y, distance)
    picture = trunk * (1 + _soft_parts(chest, across, y)) - 0.58 * lungs
    picture += trunk * _bones(chest, y, across) + 0.12 * heart
    mottle = smooth_noise(rng, (size, size), 0.012 * size)
    picture += lungs * (_vessels(chest, size, rng) + 0.02 * mottle)
    return picture, lungs


def _lungs(chest: Chest, across: Picture, y: Picture) -> Picture:
    distance = np.abs(across)
    beside = np.minimum(distance - chest.inner(y), chest.outer(y) - distance)
    along = np.minimum(chest.diaphragm(across) - y, y - chest.apex)
    knob = np.hypot(across - chest.mediastinum + 0.018, 0.7 * (y - 0.3)) - 0.034
    return step(np.minimum(beside, along), 0.014) * step(knob, 0.03)


def _heart(chest: Chest, across: Picture, y: Picture) -> Picture:
    """A long axis that falls to the picture's right, and the bulge of the right atrium."""
    length, breadth = chest.heart, 0.62 * chest.heart
    right, down = across - 0.42 * length, y - (chest.base - 0.16 - 0.15 * length)
    along, aside = 0.72 * right + 0.69 * down, 0.69 * right - 0.72 * down
    ventricle = 1 - np.hypot(along / length, aside / breadth)
    atrium = 1 - np.hypot((across + 0.02) / 0.085, (down - 0.02) / 0.13)
    return step(np.maximum(ventricle, atrium), 0.14)


def _trunk(chest: Chest, y: Picture, distance: Picture) -> Picture:
    """Neck, shoulders and trunk; thinner towards the skin."""
    wide = chest.half_width + 0.09
    heights = (0.0, 0.03, chest.shoulder - 0.05, chest.shoulder + 0.05, 0.36, 0.55, 1.0)
    half_widths = (0.11, 0.13, 0.34, 0.48, 0.54, wide + 0.02, wide)
    outline = np.interp(y[:, 0], heights, half_widths).astype(np.float32)
    half = ndimage.gaussian_filter1d(outline, 0.015 * len(y))[:, None]
    depth: Picture = ((half - distance) / 0.1).clip(0, 1) ** 0.5
    return depth


def _soft_parts(chest: Chest, across: Picture, y: Picture) -> Picture:
    """What stands between the lungs, the windpipe, the hila, the abdomen, breasts or muscle."""
    distance = np.abs(across)
    under = step(y - chest.diaphragm(across), 0.02)
    middle = 0.14 * np.exp(-((distance / 0.06) ** 2))
    windpipe = 0.14 * np.exp(-(((across + 0.004) / 0.017) ** 2)) * step(0.32 - y, 0.06)
    hila = 0.14 * np.exp(-(((distance - 0.1) / 0.035) ** 2) - ((y - 0.43) / 0.06) ** 2)
    bubble = np.hypot((across - 0.17) / 0.07, (y - chest.base + chest.domes[1] - 0.07) / 0.04)
    breast = np.hypot((distance - 0.55 * chest.half_width) / 0.17, (y - 0.66) / 0.17)
    parts: Picture = middle - windpipe + hila + chest.fat * step(1 - breast, 0.3)
    return parts + under * (0.1 - 0.3 * step(1 - bubble, 0.4))


def _bones(chest: Chest, y: Picture, across: Picture) -> Picture:
    distance = np.abs(across)
    spine = np.exp(-((distance / 0.035) ** 2)) * (0.08 + 0.03 * np.cos(y * (2 * math.pi / 0.055)))
    blade = np.abs(distance - chest.half_width * (1.08 - 0.5 * (y - 0.3))) - 0.012
    bones: Picture = spine + 0.1 * step(-blade, 0.014) * step(0.12 - np.abs(y - 0.33), 0.06)
    return bones + _ribs(chest, y, distance) + _clavicles(chest, y, distance)


def _ribs(chest: Chest, y: Picture, distance: Picture) -> Picture:
    """Ribs behind (falling outwards) and, fainter, in front (falling inwards)."""
    table = _rib_profile()
    share = distance / chest.half_width
    behind = (y - chest.rib_start - chest.rib_drop * share * share) / chest.rib_spacing
    front = (y - chest.rib_start - 0.24 + 0.3 * share) / (1.15 * chest.rib_spacing)
    cage = step(chest.outer(y) + 0.025 - distance, 0.012) * step(chest.base - 0.02 - y, 0.1)
    cage = cage * step(y - chest.apex + 0.03, 0.05)
    seen: Picture = _lookup(table, behind) + 0.5 * _lookup(table, front) * step(share - 0.45, 0.5)
    return seen * cage * chest.rib_strength


def _rib_profile() -> Picture:
    """Attenuation across a rib and the gap below it: a flat bone with denser edges."""
    across = np.abs(np.linspace(-1, 1, RIB_TABLE, endpoint=False, dtype=np.float32))
    edges: Picture = np.exp(-(((across - 0.38) / 0.07) ** 2))
    return step(0.45 - across, 0.12) * (0.7 + 0.5 * edges)


def _lookup(table: Picture, phase: Picture) -> Picture:
    values: Picture = table[(phase * RIB_TABLE).astype(np.int32) & (RIB_TABLE - 1)]
    return values


def _clavicles(chest: Chest, y: Picture, distance: Picture) -> Picture:
    share = distance / chest.half_width
    line = chest.clavicle + 0.02 * np.cos(4 * share) - 0.03 * share
    ends = step(distance - 0.035, 0.02) * step(1.2 - share, 0.2)
    return ends * step(0.016 - np.abs(y - line), 0.012) * 0.17


def _vessels(chest: Chest, size: int, rng: Generator) -> Picture:
    """Branches that leave the hila, bend and thin out."""
    image = Image.new("L", (size, size))
    draw = ImageDraw.Draw(image)
    for side in SIDES:
        angles = np.linspace(-1.4, 1.4, BRANCHES) + rng.normal(0, 0.12, BRANCHES)
        turns = np.cumsum(rng.normal(0, 0.28, (BRANCHES, BRANCH_STEPS)), 1) + angles[:, None]
        moves = np.stack([side * np.cos(turns), 1.1 * np.sin(turns)], 2) * 0.04
        start = (chest.middle + side * 0.09, 0.44)
        for points in (start + np.cumsum(moves, 1)) * size:
            _branch(draw, size, points)
    blurred: Picture = ndimage.gaussian_filter(np.asarray(image, np.float32), 0.002 * size)
    return 0.2 / 255 * blurred


def _branch(draw: ImageDraw.ImageDraw, size: int, points: NDArray[np.float64]) -> None:
    for number in range(len(points) - 1):
        width = max(1, round(size * (0.009 - 0.0013 * number)))
        draw.line([tuple(points[number]), tuple(points[number + 1])], 240 - 30 * number, width)
