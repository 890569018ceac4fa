"""How much two masks or two lists of boxes have in common.

Takes masks `[h, w]` and boxes `[n, 4]` (x0, y0, x1, y1, half-open); gives shares in [0, 1].
Which masks and boxes are compared is left to evaluation/.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tbspot.metrics.resampling import ROUNDING

__all__ = ["box_iou", "lesions_found", "mask_iou", "reaches"]


def mask_iou(predicted: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Intersection over union of two masks; an empty prediction counts 0."""
    intersection = np.count_nonzero(predicted & truth)
    union = np.count_nonzero(predicted) + np.count_nonzero(truth) - intersection
    return intersection / union if union else 0.0


def box_iou(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of each box of `first` with each of `second`, `[n, m]`."""
    corners, others = first[:, None, :4], second[None, :, :4]
    sides = np.minimum(corners[..., 2:], others[..., 2:]) - np.maximum(
        corners[..., :2], others[..., :2]
    )
    intersection: NDArray[np.float64] = sides.clip(min=0).prod(axis=-1)
    union = _areas(first)[:, None] + _areas(second)[None, :] - intersection
    return np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0)


def _areas(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    areas: NDArray[np.float64] = (boxes[:, 2:4] - boxes[:, :2]).prod(axis=-1)
    return areas


def reaches(overlap: NDArray[np.float64], least_iou: float) -> NDArray[np.bool_]:
    """Which overlaps are at least `least_iou`; rounding does not count.

    Boxes are brought to the grid: of one that is half of another the IoU may be 0.5 less a last
    place there.
    """
    return overlap >= least_iou - ROUNDING


def lesions_found(
    predicted: NDArray[np.float64], truth: NDArray[np.float64], least_iou: float
) -> int:
    """How many truth boxes any predicted box overlaps with at least `least_iou`."""
    if not len(predicted):
        return 0
    return int(reaches(box_iou(predicted, truth).max(axis=0), least_iou).sum())
