"""Where a map points, without a threshold: its maximum, its side, its energy.

Takes a normalised map `[side, side]` in [0, 1] and truth boxes `[n, 4]` on that grid; gives one
number a film. Averages and intervals over films are left to resampling.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tbspot.metrics.resampling import UndefinedError

__all__ = ["energy_inside", "one_sided", "pointing", "points_to_side"]

# Interpolation leaves the places of one plateau a few units in the last place apart.
PLATEAU = 1e-6


def pointing(
    normalised: NDArray[np.float32], truth: NDArray[np.float64], tolerance: float = 0
) -> float:
    """Whether the map's maximum lies within `tolerance` pixels of a truth box: 1 or 0.

    The pointing game (Zhang et al. 2018, doi 10.1007/s11263-017-1059-x). A maximum that several
    places share counts with the share of them that hit, which is what picking one at random
    gives; a map without evidence points nowhere and counts 0.
    """
    peak = normalised.max()
    if peak <= 0 or not len(truth):
        return 0.0
    rows, columns = np.nonzero(normalised >= peak * (1 - PLATEAU))
    hits = np.zeros(len(rows), bool)
    # The same places as boxes.rectangle_mask: those whose centres lie in the box.
    for x0, y0, x1, y1 in np.ceil(truth[:, :4] - 0.5):
        aside = np.maximum(x0 - columns, columns - (x1 - 1)).clip(min=0)
        above = np.maximum(y0 - rows, rows - (y1 - 1)).clip(min=0)
        hits |= np.hypot(aside, above) <= tolerance
    return float(hits.mean())


def one_sided(truth: NDArray[np.float64], side: int) -> bool:
    """Whether all boxes lie on one side of the film's midline."""
    middle = side / 2
    return bool(len(truth)) and bool((truth[:, 2] <= middle).all() or (truth[:, 0] >= middle).all())


def points_to_side(normalised: NDArray[np.float32], truth: NDArray[np.float64]) -> float:
    """Whether the half with the greater sum of the map holds the boxes: 1 or 0; equal halves: 0.

    Raises:
        UndefinedError: the boxes do not all lie on one side.
    """
    side = normalised.shape[1]
    if not one_sided(truth, side):
        raise UndefinedError("the boxes do not all lie on one side")
    # Rounded, so that a symmetric map is a tie whichever half is summed first.
    left, right = (
        round(float(half.sum(dtype=np.float64)), 6)
        for half in (normalised[:, : side // 2], normalised[:, (side + 1) // 2 :])
    )
    on_the_left = bool((truth[:, 2] <= side / 2).all())
    return float(left > right if on_the_left else right > left)


def energy_inside(normalised: NDArray[np.float32], truth_mask: NDArray[np.bool_]) -> float:
    """Share of the map's sum that lies in the truth mask.

    Raises:
        UndefinedError: the map is zero everywhere.
    """
    total = normalised.sum(dtype=np.float64)
    if total <= 0:
        raise UndefinedError("the map is zero everywhere")
    return float(normalised[truth_mask].sum(dtype=np.float64) / total)
