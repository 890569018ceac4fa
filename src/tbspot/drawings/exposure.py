"""From attenuation to a film: exposure, sharpness, noise, letters.

Takes an attenuation picture; gives `uint8 [size, size]`, 0 = black = air. Also the two shortcuts
that can be planted on a film: a marker, or an exposure of its own. Which film gets one is left to
dataset.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from tbspot.drawings.anatomy import Picture

__all__ = ["Exposure", "Style", "expose", "plan_exposure", "stamp_marker"]

Style = Literal["plain", "portable"]


@dataclass(frozen=True)
class Exposure:
    """How a film was taken.

    Attributes:
        middle: the attenuation that comes out mid-grey: greater is darker.
        slope: contrast.
        scatter: share of the picture that is a blurred copy of it.
        blur: deviation of the blur, as a share of the film's side.
        noise: deviation of the grain before development.
    """

    middle: float
    slope: float
    scatter: float
    blur: float
    noise: float


def plan_exposure(rng: Generator, style: Style) -> Exposure:
    """A random exposure of a style: `plain` as of a fixed unit, `portable` flat and grainy."""
    if style == "portable":
        return Exposure(
            rng.uniform(0.45, 0.65),
            rng.uniform(2.6, 3.6),
            rng.uniform(0.25, 0.4),
            rng.uniform(0.002, 0.003),
            rng.uniform(0.02, 0.035),
        )
    return Exposure(
        rng.uniform(0.55, 0.85),
        rng.uniform(3.6, 5.2),
        rng.uniform(0.08, 0.2),
        rng.uniform(0.0008, 0.0018),
        rng.uniform(0.008, 0.02),
    )


def expose(picture: Picture, exposure: Exposure, rng: Generator) -> NDArray[np.uint8]:
    """The developed film of an attenuation picture."""
    size = len(picture)
    sharp = ndimage.gaussian_filter(picture, exposure.blur * size)
    small = np.asarray(Image.fromarray(picture).resize((32, 32), Image.Resampling.BOX))
    veil = Image.fromarray(ndimage.gaussian_filter(small, 4)).resize(
        (size, size), Image.Resampling.BICUBIC
    )
    mixed = sharp + np.float32(exposure.scatter) * (np.asarray(veil) - sharp)
    mixed += np.float32(exposure.noise) * rng.standard_normal((size, size), np.float32)
    film = 1 / (1 + np.exp(np.float32(-exposure.slope) * (mixed - np.float32(exposure.middle))))
    black = 1 / (1 + np.exp(exposure.slope * exposure.middle))
    return ((film - black) / (1 - black) * 255).clip(0, 255).astype(np.uint8)


def stamp_marker(film: NDArray[np.uint8], rng: Generator) -> tuple[float, float, float, float]:
    """Draw a letter R in a bright frame near a top corner; give its box as shares of the side."""
    side = 0.09
    x0 = rng.uniform(0.02, 0.05) + (0.86 if rng.random() < 0.5 else 0.0)
    y0 = rng.uniform(0.02, 0.06)
    image = Image.fromarray(film)
    draw = ImageDraw.Draw(image)
    size = len(film)
    corners = [x0 * size, y0 * size, (x0 + side) * size, (y0 + side) * size]
    draw.rectangle(corners, outline=255, width=max(1, size // 100))
    draw.text(
        ((x0 + side / 2) * size, (y0 + side / 2) * size),
        "R",
        fill=255,
        anchor="mm",
        font_size=0.75 * side * size,
    )
    film[:] = np.asarray(image)
    return x0, y0, x0 + side, y0 + side
