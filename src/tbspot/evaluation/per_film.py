"""One contender on every film of the split: a few numbers a film.

Takes views and truths, film by film; gives small records. Averages and intervals are left to
summary.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tbspot.evaluation.truth import Truth
from tbspot.evaluation.views import View, Views
from tbspot.maps.boxes import MapRule
from tbspot.metrics import (
    energy_inside,
    lesions_found,
    mask_iou,
    match_boxes,
    pointing,
    points_to_side,
    unless_undefined,
)

__all__ = [
    "AP_IOUS",
    "FROC_IOU",
    "LESION_IOU",
    "TOLERANCE",
    "FalseBoxes",
    "Localized",
    "Measured",
    "measure",
]

TOLERANCE = 15
LESION_IOU = 0.3
AP_IOUS = (0.25, 0.5)
FROC_IOU = 0.25


@dataclass(frozen=True)
class Localized:
    """A boxed TB film.

    Attributes:
        place: in the split.
        overlaps: IoU of rectangles and of the raw mask, by rule.
        hit: of the map's maximum.
        hit_tolerant: the same with tolerance.
        side: 1 or 0; `None` where the boxes are on both sides.
        energy: share inside the boxes; `None` where the map is blank.
        lesions: truth boxes found.
        called: whether the film is called TB; `None` where the contender does not say.
        boxes: found by the primary rule, on the grid; the score is the box's times the film's.
        correct: whether each of them is a truth box, by IoU.
    """

    place: int
    overlaps: Mapping[MapRule, tuple[float, float]]
    hit: float
    hit_tolerant: float
    side: float | None
    energy: float | None
    lesions: int
    called: bool | None
    boxes: NDArray[np.float64]
    correct: Mapping[float, NDArray[np.bool_]]


@dataclass(frozen=True)
class FalseBoxes:
    """A film without TB: what was found there by the primary rule."""

    place: int
    boxes: NDArray[np.float64]
    called: bool | None


@dataclass(frozen=True)
class Measured:
    """A contender on all films of the split.

    Attributes:
        localized: boxed TB films.
        false: films without TB that have a map.
        scores: of every film of the split; NaN where there is none.
    """

    localized: tuple[Localized, ...]
    false: tuple[FalseBoxes, ...]
    scores: NDArray[np.float64]

    def overlaps(self, rule: MapRule) -> list[float]:
        """IoU of the rectangles by a rule, of each boxed film."""
        return [film.overlaps[rule][0] for film in self.localized]


def measure(views: Views, truths: Sequence[Truth], primary: MapRule) -> Measured:
    """Look at each film once.

    Args:
        views: of the contender.
        truths: of the split.
        primary: the rule of the main rows.
    """
    localized, false = [], []
    scores = np.full(len(truths), np.nan)
    for place, truth in enumerate(truths):
        view = views(place)
        if view.score is not None:
            scores[place] = view.score
        if truth.is_boxed:
            localized.append(_localized(place, view, truth, primary))
        elif truth.sample.label == 0 and not view.is_missing:
            false.append(FalseBoxes(place, view.cuts[primary].boxes, view.called))
    return Measured(tuple(localized), tuple(false), scores)


def _localized(place: int, view: View, truth: Truth, primary: MapRule) -> Localized:
    mask, boxes = truth.mask(), view.cuts[primary].boxes.copy()
    if view.score is not None:
        # A box's own score is relative to its film's maximum: 1 for the best box of any film.
        boxes[:, 4] *= view.score
    return Localized(
        place=place,
        overlaps={
            rule: (mask_iou(cut.mask, mask), mask_iou(cut.raw, mask))
            for rule, cut in view.cuts.items()
        },
        hit=pointing(view.normalised, truth.boxes),
        hit_tolerant=pointing(view.normalised, truth.boxes, TOLERANCE),
        side=unless_undefined(lambda: points_to_side(view.normalised, truth.boxes), None),
        energy=unless_undefined(lambda: energy_inside(view.normalised, mask), None),
        lesions=lesions_found(boxes, truth.boxes, LESION_IOU),
        called=view.called,
        boxes=boxes,
        correct={iou: match_boxes(boxes, truth.boxes, iou) for iou in (*AP_IOUS, FROC_IOU)},
    )
