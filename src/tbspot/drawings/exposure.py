"""From attenuation to a film: exposure, sharpness, grain, and a marker if one is planted.

Takes an attenuation picture; gives `uint8 [size, size]`, 0 = black = air. Which film is exposed
how, and which gets a marker, is left to film.py and dataset.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from tbspot.drawings.anatomy import Picture

__all__ = ["Corners", "Exposure", "Style", "expose", "plan_exposure", "stamp_marker"]

Style = Literal["plain", "portable"]
Corners = tuple[float, float, float, float]

MARKER_SIDE = 0.09
VEIL_SIDE = 32


@dataclass(frozen=True)
class Exposure:
    """How a film was taken.

    Attributes:
        middle: the attenuation that comes out mid-grey: greater is darker.
        slope: contrast.
        scatter: share of the picture that is a veil, a blurred copy of it.
        blur: deviation of the blur, as a share of the film's side.
        grain: deviation of the noise before development.
    """

    middle: float
    slope: float
    scatter: float
    blur: float
    grain: float


def plan_exposure(rng: Generator, style: Style) -> Exposure:
    """A random exposure of a style: `plain` as of a fixed unit, `portable` flat and grainy."""
    if style == "portable":
        return Exposure(
            middle=rng.uniform(0.45, 0.65),
            slope=rng.uniform(2.6, 3.6),
            scatter=rng.uniform(0.25, 0.4),
            blur=rng.uniform(0.002, 0.003),
            grain=rng.uniform(0.02, 0.035),
        )
    return Exposure(
        middle=rng.uniform(0.55, 0.8),
        slope=rng.uniform(3.4, 5.2),
        scatter=rng.uniform(0.08, 0.2),
        blur=rng.uniform(0.0008, 0.0018),
        grain=rng.uniform(0.008, 0.02),
    )


def expose(picture: Picture, exposure: Exposure, rng: Generator) -> NDArray[np.uint8]:
    """The developed film of an attenuation picture."""
    size = len(picture)
    mixed = ndimage.gaussian_filter(picture, exposure.blur * size)
    mixed += exposure.scatter * (_veil(picture) - mixed)
    mixed += exposure.grain * rng.standard_normal((size, size), np.float32)
    film = 1 / (1 + np.exp(exposure.slope * (exposure.middle - mixed)))
    air = 1 / (1 + math.exp(exposure.slope * exposure.middle))
    grey: Picture = (film - air) * (255 / (1 - air))
    return grey.clip(0, 255).astype(np.uint8)


def _veil(picture: Picture) -> Picture:
    """The picture with a blur of an eighth of its side, made on a small copy."""
    image = Image.fromarray(picture.astype(np.float32))
    small = image.resize((VEIL_SIDE, VEIL_SIDE), Image.Resampling.BOX)
    blurred = Image.fromarray(ndimage.gaussian_filter(np.asarray(small), VEIL_SIDE / 8))
    return np.asarray(blurred.resize(image.size, Image.Resampling.BICUBIC))


def stamp_marker(film: NDArray[np.uint8], rng: Generator) -> Corners:
    """Draw a framed letter R near one of the top corners; give its box in pixels."""
    size = len(film)
    side = round(size * MARKER_SIDE)
    x0 = round(size * (rng.uniform(0.02, 0.05) + 0.84 * (rng.random() < 0.5)))
    y0 = round(size * rng.uniform(0.02, 0.06))
    image = Image.fromarray(film)
    draw = ImageDraw.Draw(image)
    width = max(1, size // 100)
    draw.rectangle([x0, y0, x0 + side - 1, y0 + side - 1], fill=0, outline=255, width=width)
    middle = (x0 + side / 2, y0 + side / 2)
    draw.text(middle, "R", fill=255, anchor="mm", font_size=0.75 * side)
    film[:] = np.asarray(image)
    return float(x0), float(y0), float(x0 + side), float(y0 + side)
