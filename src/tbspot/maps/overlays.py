"""A film with its heat map and boxes, as a picture to look at.

Takes a film, evidence and boxes; gives RGB pixels. Where the picture is kept is left to others.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tbspot.images import resize
from tbspot.images.frame import within
from tbspot.maps.boxes import normalise
from tbspot.records.predictions import PredictedBox

__all__ = ["PICTURE_SIDE", "colours", "overlay"]

# Anchors of matplotlib's inferno (CC0): dark to bright in one direction, so that it reads the
# same for colour-blind eyes and in print.
INFERNO = np.array(
    [[0, 0, 4], [66, 10, 104], [147, 38, 103], [221, 81, 58], [252, 165, 10], [252, 255, 164]],
    np.float32,
)
LONGEST_SIDE = 1024
# Of the film in a secondary capture, which people look at closely.
PICTURE_SIDE = 2048
# A box's line is one of so many parts of the picture's longest side.
LINES = 512
BOX_COLOUR = (86, 180, 233)  # sky blue of Okabe and Ito's palette


def colours(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values `[h, w]` in [0, 1] as RGB `[h, w, 3]` in [0, 255]."""
    anchors = np.linspace(0, 1, len(INFERNO))
    channels = [np.interp(values, anchors, INFERNO[:, channel]) for channel in range(3)]
    return np.stack(channels, -1).astype(np.float32)


def overlay(
    film: NDArray[np.float32],
    evidence: NDArray[np.float32],
    boxes: Sequence[PredictedBox],
    longest_side: int = LONGEST_SIDE,
    shape: tuple[int, int] | None = None,
) -> Image.Image:
    """The film in grey, evidence over it as strongly as it is positive, boxes around.

    Args:
        film: `[height, width]` in [0, 1], in its own size or reduced.
        evidence: `[h, w]` of the whole film.
        boxes: in pixels of the film's own size.
        longest_side: to which a larger film is reduced.
        shape: its own height and width; `None` = of `film`.

    Returns:
        An RGB picture of at most `longest_side` pixels a side.
    """
    small = within(film, longest_side)
    strength = resize(normalise(evidence), *small.shape)
    # In whole grey levels by Pillow: several times faster than NumPy in floating point.
    grey = Image.fromarray((small * 255).astype(np.uint8)).convert("RGB")
    coloured = Image.fromarray((strength * 255 + 0.5).astype(np.uint8))
    half = coloured.point([level // 2 for level in range(256)])
    coloured.putpalette(_palette())
    picture = Image.composite(coloured.convert("RGB"), grey, half)
    draw = ImageDraw.Draw(picture)
    line = max(2, round(max(small.shape) / LINES))
    whole = shape or film.shape
    across, down = small.shape[1] / whole[1], small.shape[0] / whole[0]
    for box in boxes:
        corners = (box.x0 * across, box.y0 * down, box.x1 * across - 1, box.y1 * down - 1)
        draw.rectangle(_ordered(corners), outline=BOX_COLOUR, width=line)
    return picture


@cache
def _palette() -> bytes:
    return colours(np.linspace(0, 1, 256, dtype=np.float32)).round().astype(np.uint8).tobytes()


def _ordered(corners: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """Corners with x1 >= x0 and y1 >= y0, also for boxes of less than a pixel."""
    x0, y0, x1, y1 = corners
    return x0, y0, max(x0, x1), max(y0, y1)
