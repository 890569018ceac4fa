"""Where the lungs are, by the pair of outlines that fits a film best.

Takes a film `[h, w]`; gives the lung field on the protocol's grid, with a margin. There is no
trained segmenter in this: its errors are measured by tests and by `tbspot audit` on the boxes of
the films it is used on.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tbspot.images import resize
from tbspot.maps.boxes import SIDE
from tbspot.numerics import ranks

__all__ = ["lung_field"]

GRID = 64
# What is tried, as shares of the film's side: midline, half width, top and bottom of the lungs.
MIDLINES = np.linspace(0.42, 0.58, 7)
HALF_WIDTHS = np.linspace(0.28, 0.44, 7)
TOPS = np.linspace(-0.02, 0.24, 9)
BOTTOMS = np.linspace(0.6, 0.96, 8)
LEAST_HEIGHT, GREATEST_HEIGHT = 0.45, 0.92
# A field is where most of the best outlines agree, and this many places more on every side.
AGREEING = 10
MARGIN = 2
RIM = 4
NEIGHBOURS = np.ones((3, 3), bool)


class _Outlines(NamedTuple):
    """All outlines that are tried: their insides, and what is added up to judge each."""

    inside: NDArray[np.bool_]
    weights: NDArray[np.float32]


def lung_field(film: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The lung field of `[h, w]` with a margin of 3 % of the side, `bool [SIDE, SIDE]`.

    The outline is the one whose inside is darkest against a rim around it; a field of that form
    is found on every film, also where a lung is white.
    """
    outlines = _outlines()
    fits = outlines.weights @ _contrast(film).ravel()
    best = np.argsort(-fits, kind="stable")[:AGREEING]
    agreed = outlines.inside[best].mean(axis=0) > 0.5
    field = ndimage.binary_dilation(agreed, NEIGHBOURS, MARGIN)
    whole: NDArray[np.bool_] = np.kron(field, np.ones((SIDE // GRID, SIDE // GRID), bool))
    return whole


def _contrast(film: NDArray[np.float32]) -> NDArray[np.float32]:
    """Brightness against the surroundings, whatever the exposure, `[GRID, GRID]`."""
    grey = ranks(resize(film, GRID, GRID).round(3)).reshape(GRID, GRID) / GRID**2
    around = ndimage.gaussian_filter(grey, GRID / 6)
    spread = np.sqrt(ndimage.gaussian_filter((grey - around) ** 2, GRID / 6))
    return ((grey - around) / (spread + 0.05)).clip(-2, 2).astype(np.float32)


@cache
def _outlines() -> _Outlines:
    inside, weights = [], []
    for middle, half, top, bottom in product(MIDLINES, HALF_WIDTHS, TOPS, BOTTOMS):
        if not LEAST_HEIGHT < bottom - top < GREATEST_HEIGHT:
            continue
        lungs = _lungs(middle, half, top, bottom)
        core = ndimage.binary_erosion(lungs, NEIGHBOURS)
        near, far = (ndimage.binary_dilation(lungs, NEIGHBOURS, width) for width in (1, RIM))
        rim = far & ~near
        inside.append(lungs)
        weights.append(rim.ravel() / rim.sum() - core.ravel() / core.sum())
    return _Outlines(np.array(inside), np.array(weights, np.float32))


def _lungs(middle: float, half: float, top: float, bottom: float) -> NDArray[np.bool_]:
    """Two lungs of mean form: narrow tops, a bulging outside, domes of the diaphragm below."""
    places = (np.arange(GRID) + 0.5) / GRID
    across = np.abs(places[None, :] - middle) / half
    down = (places[:, None] - top) / (bottom - top)
    outside = 0.4 + 0.6 * np.sqrt(1 - (1 - (down / 0.6).clip(0, 1)) ** 2.2)
    mediastinum = 0.38 - 0.2 * np.sqrt(1 - (1 - (down / 0.35).clip(0, 1)) ** 2.4)
    diaphragm = 1 - 0.2 * (1 - ((across - 0.42) / 0.58) ** 2)
    lungs: NDArray[np.bool_] = (
        (down > 0) & (down < diaphragm) & (across > mediastinum) & (across < outside)
    )
    return lungs
