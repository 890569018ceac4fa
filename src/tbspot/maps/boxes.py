"""From a film's evidence map to rectangles: the one implementation, for making and for judging.

Takes evidence `[h, w]` of any size; gives a map in [0, 1] on a square grid of the film, thresholds,
masks and boxes on that grid. Evidence comes from evidence.py; figures are left to metrics/.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tbspot.choices import MapRule
from tbspot.images import Frame, resize
from tbspot.maps.components import Components, find_components, label_components

__all__ = [
    "SIDE",
    "SMALLEST_SHARE",
    "find_boxes",
    "find_regions",
    "mask_of",
    "normalise",
    "on_grid",
    "rectangle_mask",
    "threshold_of",
]


# The protocol's grid and smallest component (docs/protocol.md).
SIDE = 512
SMALLEST_SHARE = 0.001
OTSU_BINS = 256


def normalise(evidence: NDArray[np.float32], side: int = SIDE) -> NDArray[np.float32]:
    """The evidence on the film's grid `[side, side]`, negative evidence as 0, its maximum as 1.

    A map without positive evidence stays zero everywhere: it has no boxes.

    Raises:
        ValueError: the evidence is not a finite map `[h, w]`.
    """
    if evidence.ndim != 2 or not np.isfinite(evidence).all():
        raise ValueError(f"evidence must be a finite map [h, w], not of shape {evidence.shape}")
    spread = resize(evidence.astype(np.float32, copy=False), side, side).clip(min=0)
    peak = spread.max()
    return spread / peak if peak > 0 else spread


def threshold_of(normalised: NDArray[np.float32], rule: MapRule, value: float | None) -> float:
    """The threshold on a normalised map by one of the three rules.

    Args:
        normalised: what `normalise` gave.
        rule: `tuned`, one share of the maximum for all films; `quantile`, the threshold that
            leaves a share of the film's area; `otsu`, per film (Otsu 1979), without a value.
        value: the share of the maximum or of the area, in (0, 1); unused for `otsu`.

    Raises:
        ValueError: the rule needs a value in (0, 1).
    """
    if rule == "otsu":
        return _otsu(normalised)
    if value is None or not 0 < value < 1:
        raise ValueError(f"the rule {rule} needs a share between 0 and 1, not {value}")
    return value if rule == "tuned" else float(np.quantile(normalised, 1 - value))


def _otsu(normalised: NDArray[np.float32]) -> float:
    # The counts of np.histogram, which takes more than twice as long for them.
    bins = (normalised * OTSU_BINS).clip(max=OTSU_BINS - 1).astype(np.uint8)
    counts = np.bincount(bins.ravel(), minlength=OTSU_BINS)
    edges = np.linspace(0, 1, OTSU_BINS + 1)
    centres = (edges[:-1] + edges[1:]) / 2
    below, moment = np.cumsum(counts)[:-1], np.cumsum(counts * centres)[:-1]
    above, rest = counts.sum() - below, (counts * centres).sum() - moment
    between = np.zeros(OTSU_BINS - 1)
    split = (below > 0) & (above > 0)
    difference = rest[split] / above[split] - moment[split] / below[split]
    between[split] = below[split] * above[split] * difference**2
    return float(edges[1 + int(between.argmax())])


def mask_of(normalised: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """Places that reach the threshold; places without positive evidence never do."""
    return (normalised >= threshold) & (normalised > 0)


def find_boxes(normalised: NDArray[np.float32], threshold: float) -> NDArray[np.float64]:
    """Bounding rectangles `[n, 5]` of the connected components that reach the threshold.

    Components of 8 neighbours; those under 0.1 % of the film are dropped. A row is x0, y0, x1, y1
    in the normalised grid's pixels, half-open, and the component's highest value as score;
    best first.
    """
    components = find_components(mask_of(normalised, threshold), normalised)
    boxes = np.column_stack([components.corners, components.peaks]).astype(np.float64)
    return boxes[_kept(components, normalised.size)]


def find_regions(normalised: NDArray[np.float32], threshold: float) -> NDArray[np.int_]:
    """Which places `[h, w]` lie in which box of `find_boxes`: its number from 1, or else 0.

    A box is its region's bounding rectangle; regions never overlap, as rectangles may.
    """
    mask = mask_of(normalised, threshold)
    kept = _kept(components := find_components(mask, normalised), normalised.size)
    numbers = np.zeros(len(components.areas) + 1, np.int_)
    numbers[kept + 1] = np.arange(1, len(kept) + 1)
    return numbers[label_components(mask)]


def _kept(components: Components, size: int) -> NDArray[np.int_]:
    """Which components count, best first."""
    large = np.flatnonzero(components.areas >= SMALLEST_SHARE * size)
    # Equal scores in the order of their places, so that the same map gives the same list.
    return large[np.argsort(-components.peaks[large].astype(np.float64), kind="stable")]


def on_grid(boxes: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """Boxes `[n, 4]` in pixels of a film of this size on the protocol's grid.

    One between two centres of places would count as nothing: along that axis it becomes the place
    in which its middle lies.
    """
    placed = Frame(height, width, SIDE).to_frame(boxes)
    low, high = placed[:, :2], placed[:, 2:4]
    middle = np.floor((low + high) / 2)
    narrow = np.ceil(low - 0.5) == np.ceil(high - 0.5)
    return np.hstack([np.where(narrow, middle, low), np.where(narrow, middle + 1, high)])


def rectangle_mask(boxes: NDArray[np.float64], side: int = SIDE) -> NDArray[np.bool_]:
    """The union of boxes `[n, >= 4]` (x0, y0, x1, y1 in the grid's pixels) as a mask.

    A place belongs to a box when its centre lies in it, so whole-pixel boxes are exact.
    """
    mask = np.zeros((side, side), bool)
    for x0, y0, x1, y1 in np.ceil(boxes[:, :4] - 0.5).clip(0, side).astype(int):
        mask[y0:y1, x0:x1] = True
    return mask
