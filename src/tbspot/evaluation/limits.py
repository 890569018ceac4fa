"""What limits the mean IoU: what it would be if one kind of error were mended at a time.

Takes a model's outcomes and the truth; gives the mean IoU with each error mended by the truth, so
none can be reached: they say where there is something to gain. After Bolya et al. 2020 (TIDE,
arXiv 2008.08115), which takes a detector's errors apart so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tbspot.evaluation.outcomes import Outcome, Outcomes
from tbspot.evaluation.strata import AREA, Part, parts_of
from tbspot.evaluation.thresholds import tried
from tbspot.evaluation.truth import Truth
from tbspot.maps.boxes import rectangle_mask
from tbspot.metrics import mask_iou, ratios
from tbspot.records.evaluation import Limit, Rule, Stratum
from tbspot.records.figures import Drawing, figure_of
from tbspot.samples.counting import patients_of

__all__ = ["MENDED", "limits_of"]

# Of maps: shares of the maximum.
THRESHOLDS = np.arange(0.05, 0.96, 0.05).round(2)
MENDED = (
    "nothing",
    "the threshold: the best one for each film",
    "false boxes: those that meet no lesion are left out",
    "extents: perfect rectangles for the lesions that are met",
    "extents and false boxes: the lesions that are met, and nothing else",
)


def limits_of(
    outcomes: Outcomes, truths: Sequence[Truth], primary: Rule, drawing: Drawing
) -> tuple[Limit, ...]:
    """The mean IoU of the boxed films with each of `MENDED` mended, and of their thirds by area.

    Args:
        outcomes: of one contender.
        truths: of the split.
        primary: the rule that its boxes are found by.
        drawing: of the intervals.
    """
    places = [place for place, truth in enumerate(truths) if truth.is_boxed]
    if not places:
        return ()
    every = Part(AREA, "all", frozenset(places))
    parts = [every, *(part for part in parts_of(truths) if part.group == AREA)]
    overlaps = np.array([list(_mended(outcomes(one), truths[one], primary)) for one in places])
    belongs = np.array([[place in part.places for part in parts] for place in places], np.float64)
    # A column for each part of each mended error.
    resampled = ratios(
        np.concatenate([column[:, None] * belongs for column in overlaps.T], axis=1),
        np.tile(belongs, len(MENDED)),
        resamples=drawing.resamples,
        seed=drawing.seed,
        patients=patients_of([truths[place].sample for place in places]),
    )
    films, reason = belongs.sum(axis=0).astype(int).tolist(), "no film belongs to it"
    limits = []
    for row, mended in enumerate(MENDED):
        whole, *thirds = (
            figure_of(partial(resampled.estimate, row * len(parts) + column), count, reason=reason)
            for column, count in enumerate(films)
        )
        strata = [
            Stratum(group=part.group, name=part.name, miou=figure)
            for part, figure in zip(parts[1:], thirds, strict=True)
        ]
        limits.append(Limit(mended=mended, miou=whole, parts=tuple(strata)))
    return tuple(limits)


def _mended(outcome: Outcome, truth: Truth, primary: Rule) -> Iterator[float]:
    """A film's IoU with each of `MENDED` mended."""
    mask, found = truth.mask(), outcome.by_rule[primary]
    yield (as_it_is := mask_iou(found.mask, mask))
    # Scores of a model's own boxes may lie anywhere.
    values = THRESHOLDS if outcome.evidence.boxes is None else tried([outcome.evidence])
    cut = (rectangle_mask(outcome.evidence.at("tuned", value)) for value in values.tolist())
    yield max(as_it_is, *(mask_iou(one, mask) for one in cut))
    true = _meeting(found.boxes, mask)
    yield mask_iou(rectangle_mask(found.boxes[true]), mask)
    met = rectangle_mask(truth.boxes[_meeting(truth.boxes, found.mask)])
    yield mask_iou(met | rectangle_mask(found.boxes[~true]), mask)
    yield mask_iou(met, mask)


def _meeting(boxes: NDArray[np.float64], mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which boxes `[n, >= 4]` have a place in common with a mask, `[n]`."""
    return np.array([(rectangle_mask(box[None]) & mask).any() for box in boxes], bool)
