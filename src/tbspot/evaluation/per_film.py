"""One contender on every film of the split: a few numbers a film.

Takes outcomes and truths, film by film; gives small records, for figures and for the report.
Averages and intervals are left to summary.py, which films are shown to report/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from tbspot.evaluation.outcomes import Outcome, Outcomes
from tbspot.evaluation.truth import Truth
from tbspot.metrics import (
    energy_inside,
    lesions_found,
    mask_iou,
    match_boxes,
    pointing,
    points_to_side,
    unless_undefined,
)
from tbspot.records.evaluation import Box, FilmResult, Rule
from tbspot.records.predictions import Prediction
from tbspot.samples.counting import patients_of
from tbspot.samples.sample import Sample

__all__ = [
    "AP_IOUS",
    "FROC_IOU",
    "LESION_IOU",
    "TOLERANCE",
    "FalseBoxes",
    "Localized",
    "Measured",
    "film_results",
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
        sample: the film.
        overlaps: IoU of rectangles and of the raw mask, by rule.
        hit: of the map's maximum.
        hit_tolerant: the same with tolerance.
        side: 1 or 0; `None` where the boxes are on both sides.
        energy: share inside the boxes; `None` where the map is blank.
        lesions: truth boxes found.
        called: whether the film is called TB; `None` where the contender does not say.
        is_missing: whether it has no usable prediction and counts 0.
        boxes: found by the primary rule, on the grid.
        ranked: boxes whose scores compare from film to film, best first.
        correct: whether each of those is a truth box, by IoU.
    """

    place: int
    sample: Sample
    overlaps: Mapping[Rule, tuple[float, float]]
    hit: float
    hit_tolerant: float
    side: float | None
    energy: float | None
    lesions: int
    called: bool | None
    is_missing: bool
    boxes: NDArray[np.float64]
    ranked: NDArray[np.float64]
    correct: Mapping[float, NDArray[np.bool_]]


@dataclass(frozen=True)
class FalseBoxes:
    """A film without TB: what was found there by the primary rule."""

    place: int
    sample: Sample
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

    def overlaps(self, rule: Rule) -> list[float]:
        """IoU of the rectangles by a rule, of each boxed film."""
        return [film.overlaps[rule][0] for film in self.localized]

    def patients(self) -> NDArray[np.str_]:
        """Who each boxed film is of."""
        return patients_of([film.sample for film in self.localized])


def measure(outcomes: Outcomes, truths: Sequence[Truth], primary: Rule) -> Measured:
    """Compare each film once with its truth.

    Args:
        outcomes: of the contender.
        truths: of the split.
        primary: the rule of the main rows.
    """
    localized, false = [], []
    scores = np.full(len(truths), np.nan)
    for place, truth in enumerate(truths):
        outcome = outcomes(place)
        if outcome.score is not None:
            scores[place] = outcome.score
        if truth.is_boxed:
            localized.append(_localized(place, outcome, truth, primary))
        elif truth.sample.label == 0 and not outcome.is_missing:
            boxes = outcome.by_rule[primary].boxes
            false.append(FalseBoxes(place, truth.sample, boxes, outcome.called))
    return Measured(tuple(localized), tuple(false), scores)


def _localized(place: int, outcome: Outcome, truth: Truth, primary: Rule) -> Localized:
    mask, normalised = truth.mask(), outcome.evidence.normalised
    boxes, ranked = outcome.by_rule[primary].boxes, outcome.ranked(primary)
    return Localized(
        place=place,
        sample=truth.sample,
        overlaps={
            rule: (mask_iou(found.mask, mask), mask_iou(found.raw, mask))
            for rule, found in outcome.by_rule.items()
        },
        hit=pointing(normalised, truth.boxes),
        hit_tolerant=pointing(normalised, truth.boxes, TOLERANCE),
        side=unless_undefined(lambda: points_to_side(normalised, truth.boxes), None),
        energy=unless_undefined(lambda: energy_inside(normalised, mask), None),
        lesions=lesions_found(boxes, truth.boxes, LESION_IOU),
        called=outcome.called,
        is_missing=outcome.is_missing,
        boxes=boxes,
        ranked=ranked,
        correct={iou: match_boxes(ranked, truth.boxes, iou) for iou in (*AP_IOUS, FROC_IOU)},
    )


def film_results(
    truths: Sequence[Truth],
    found: Sequence[Prediction | None],
    measured: Measured,
    primary: Rule,
) -> tuple[FilmResult, ...]:
    """One record for every film of the split.

    Args:
        truths: of the films.
        found: their predictions.
        measured: of the judged model.
        primary: its rule.
    """
    localized = {film.place: film for film in measured.localized}
    boxes = {film.place: film.boxes for film in measured.localized}
    boxes |= {film.place: film.boxes for film in measured.false}
    records = []
    for place, (truth, prediction) in enumerate(zip(truths, found, strict=True)):
        film, width_height = localized.get(place), truth.size or (None, None)
        records.append(
            FilmResult(
                image=truth.sample.name,
                source=truth.sample.source,
                label=1 if truth.sample.label else 0,
                status=prediction.status if prediction else "missing",
                score=prediction.score if prediction else None,
                called=prediction.called if prediction else None,
                width=width_height[0],
                height=width_height[1],
                heatmap=prediction.heatmap if prediction else None,
                iou=film.overlaps[primary][0] if film else None,
                hit=film.hit if film else None,
                found=_tuples(boxes.get(place, np.empty((0, 4)))),
                truth=_tuples(truth.boxes),
                prediction=prediction.image if prediction else None,
                sha256=prediction.sha256 if prediction else None,
            )
        )
    return tuple(records)


def _tuples(boxes: NDArray[np.float64]) -> tuple[Box, ...]:
    return tuple(cast(Box, tuple(row)) for row in boxes[:, :4].tolist())
