"""A film inside a plain border: where it is, and the way back from what was found in it.

Takes pixels; gives rectangles that may hold a film, and maps of the whole from maps of such a
part. Whether a part looks like a chest film is left to verdict.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tbspot.images import resize
from tbspot.records.predictions import LONGEST_SIDE

__all__ = ["Area", "crop", "inner_areas", "spread"]

# x0, y0, x1, y1 in whole pixels, half-open.
Area = tuple[int, int, int, int]

# How far a border's values may be from its own level: one that a program drew and JPEG kept, and
# one that was photographed.
TOLERANCES = (4 / 255, 16 / 255)
# Of a row or column of a border, so many pixels are at its level.
SHARE = 0.995
# A border inside a border is left out too, and so on.
MOST_BORDERS = 3


def inner_areas(pixels: NDArray[np.float32]) -> Iterator[Area]:
    """Rectangles inside plain borders of `[height, width]`, the largest first; none without."""
    height, width = pixels.shape
    seen = {(0, 0, width, height)}
    for tolerance in TOLERANCES:
        area = (0, 0, width, height)
        for _ in range(MOST_BORDERS):
            area = _without_border(pixels, area, tolerance)
            if area[0] >= area[2] or area[1] >= area[3]:
                break
            if area not in seen:
                seen.add(area)
                yield area


def crop(pixels: NDArray[np.float32], area: Area | None) -> NDArray[np.float32]:
    """The part of `[height, width]` inside an area, or all of it; a view."""
    if area is None:
        return pixels
    x0, y0, x1, y1 = area
    return pixels[y0:y1, x0:x1]


def spread(
    evidence: NDArray[np.float32], area: Area, height: int, width: int
) -> NDArray[np.float32]:
    """Evidence `[h, w]` of an area as evidence of the whole film, 0 in its border.

    The whole has places of about the same size, or larger ones where it would have more than a map
    may have; the area's edges fall on the nearest of them.

    Args:
        evidence: of the area.
        area: in the film's pixels.
        height: of the film in pixels.
        width: of the film in pixels.
    """
    x0, y0, x1, y1 = area
    rows = _count(evidence.shape[0] * height / (y1 - y0))
    columns = _count(evidence.shape[1] * width / (x1 - x0))
    top, bottom = _places(y0, y1, height, rows)
    left, right = _places(x0, x1, width, columns)
    whole = np.zeros((rows, columns), np.float32)
    whole[top:bottom, left:right] = resize(evidence, bottom - top, right - left)
    return whole


def _count(places: float) -> int:
    return min(max(1, round(places)), LONGEST_SIDE)


def _places(start: int, end: int, pixels: int, places: int) -> tuple[int, int]:
    scale = places / pixels
    first = min(round(start * scale), places - 1)
    return first, max(first + 1, round(end * scale))


def _without_border(pixels: NDArray[np.float32], area: Area, tolerance: float) -> Area:
    """The area without the plain rows and columns at each of its sides."""
    x0, y0, x1, y1 = area
    y0 += _plain_rows(pixels[y0:y1, x0:x1], tolerance)
    y1 -= _plain_rows(pixels[y0:y1, x0:x1][::-1], tolerance)
    x0 += _plain_rows(pixels[y0:y1, x0:x1].T, tolerance)
    x1 -= _plain_rows(pixels[y0:y1, x0:x1].T[::-1], tolerance)
    return x0, y0, x1, y1


def _plain_rows(pixels: NDArray[np.float32], tolerance: float) -> int:
    """How many rows from the first on are at the first one's level."""
    if pixels.size == 0:
        return 0
    level = np.median(pixels[0])
    for count, row in enumerate(pixels):  # few are, so the rest are not looked at
        if np.mean(np.abs(row - level) <= tolerance) < SHARE:
            return count
    return len(pixels)
