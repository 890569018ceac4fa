"""A film's outcome by a model or a control: its map or its own boxes, and boxes by each rule.

Takes matched predictions or a fixed map; gives one film's outcome at a time, so that memory does
not grow with the films. What the outcomes are worth is left to per_film.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tbspot.maps.boxes import (
    SIDE,
    find_boxes,
    mask_of,
    normalise,
    on_grid,
    rectangle_mask,
    threshold_of,
)
from tbspot.records.evaluation import Rule
from tbspot.records.matching import Matched
from tbspot.records.predictions import Prediction

__all__ = [
    "Choice",
    "Evidence",
    "Evidences",
    "Map",
    "Outcome",
    "Outcomes",
    "Thresholded",
    "all_evidence",
    "evidences_of",
    "fixed_outcomes",
    "model_outcomes",
    "thresholded",
]

Map = NDArray[np.float32]


@dataclass(frozen=True)
class Choice:
    """The value of a threshold rule.

    Attributes:
        rule: which.
        value: for rectangles: share of the maximum (`tuned`), of the area (`quantile`), or none;
            for boxes that a model gives, their least score.
        raw_value: the same for the raw mask.
        origin: where it comes from, in words.
        uses_boxes: whether boxes were used to choose it; `None` where that is not known.
    """

    rule: Rule
    value: float | None
    raw_value: float | None
    origin: str
    uses_boxes: bool | None = False


@dataclass(frozen=True)
class Evidence:
    """What a contender has for one film before any threshold.

    Attributes:
        normalised: the map on the grid.
        boxes: its own `[n, 5]` on the grid, best first, if it gives boxes: the map is then made
            of them, each as high as its score.
    """

    normalised: Map
    boxes: NDArray[np.float64] | None = None

    def at(self, rule: Rule, value: float | None) -> NDArray[np.float64]:
        """Boxes `[n, 5]` by a rule; of its own boxes, if it gives any, those that reach `value`."""
        if self.boxes is not None or rule == "given":
            own = np.empty((0, 5)) if self.boxes is None else self.boxes
            return own[own[:, 4] >= (value or 0)]
        return find_boxes(self.normalised, threshold_of(self.normalised, rule, value))

    def raw(self, rule: Rule, value: float | None) -> NDArray[np.bool_]:
        """The mask by a rule, without rectangles."""
        if self.boxes is not None or rule == "given":
            return rectangle_mask(self.at(rule, value), len(self.normalised))
        return mask_of(self.normalised, threshold_of(self.normalised, rule, value))


# A film's evidence by its place in the split, `None` where there is no usable prediction.
Evidences = Callable[[int], Evidence | None]


@dataclass(frozen=True)
class Thresholded:
    """Evidence at a rule's threshold: boxes `[n, 5]`, their union, and the raw mask."""

    boxes: NDArray[np.float64]
    mask: NDArray[np.bool_]
    raw: NDArray[np.bool_]


@dataclass(frozen=True)
class Outcome:
    """What a contender has for one film.

    Attributes:
        evidence: before any threshold.
        by_rule: at each rule's threshold.
        score: probability of TB, if the contender gives one.
        called: whether the score reaches the operating threshold.
        is_missing: whether there is no usable prediction: the map is blank, the film not called.
    """

    evidence: Evidence
    by_rule: Mapping[Rule, Thresholded]
    score: float | None = None
    called: bool | None = None
    is_missing: bool = False

    def ranked(self, primary: Rule) -> NDArray[np.float64]:
        """The boxes whose ranking is measured, with scores that compare from film to film.

        A box found in a map has a share of its film's maximum, 1 for the best box of any film: it
        is multiplied by the film's score. A model's own boxes are ranked as they are, all of them.
        """
        if self.evidence.boxes is not None:
            return self.evidence.boxes
        boxes = self.by_rule[primary].boxes.copy()
        if self.score is not None:
            boxes[:, 4] *= self.score
        return boxes


# A film's outcome by its place in the split.
Outcomes = Callable[[int], Outcome]


def thresholded(evidence: Evidence, choice: Choice) -> Thresholded:
    """Evidence at the threshold of a rule."""
    boxes = evidence.at(choice.rule, choice.value)
    mask = rectangle_mask(boxes, len(evidence.normalised))
    return Thresholded(boxes, mask, evidence.raw(choice.rule, choice.raw_value))


def fixed_outcomes(normalised: Map, choice: Choice) -> Outcomes:
    """The same for every film, whatever it shows."""
    evidence = Evidence(normalised)
    outcome = Outcome(evidence, {choice.rule: thresholded(evidence, choice)})
    return lambda _: outcome


def evidences_of(films: Matched) -> Evidences:
    """The evidence of matched predictions, read when it is asked for."""

    def evidence(place: int) -> Evidence | None:
        prediction = films.predictions[place]
        if prediction is None or prediction.status != "ok":
            return None
        if films.gives_boxes:
            return _of_boxes(prediction)
        return Evidence(normalise(films.read_map(prediction)))

    return evidence


def _of_boxes(prediction: Prediction) -> Evidence:
    """A model's own boxes, and a map of them: at each place the highest score of a box there."""
    normalised = np.zeros((SIDE, SIDE), np.float32)
    if not prediction.boxes or not prediction.width or not prediction.height:
        return Evidence(normalised, np.empty((0, 5)))
    corners = np.array([(b.x0, b.y0, b.x1, b.y1) for b in prediction.boxes], np.float64)
    scores = np.array([box.score for box in prediction.boxes])
    boxes = np.column_stack([on_grid(corners, prediction.height, prediction.width), scores])
    for box in boxes[np.argsort(boxes[:, 4], kind="stable")]:
        normalised[rectangle_mask(box[None])] = box[4]
    return Evidence(normalised, boxes)


def all_evidence(films: Matched) -> Iterator[Evidence]:
    """What every film has, one at a time."""
    each = (evidences_of(films)(place) for place in range(len(films.predictions)))
    return (evidence for evidence in each if evidence is not None)


def model_outcomes(films: Matched, choices: Sequence[Choice]) -> Outcomes:
    """Those of matched predictions."""
    no_boxes = np.empty((0, 5)) if films.gives_boxes else None
    nothing = Evidence(np.zeros((SIDE, SIDE), np.float32), no_boxes)
    # A film without a prediction is not called, by a model that says which films it calls.
    says = any(one is not None and one.called is not None for one in films.predictions)
    called = False if says else None
    missing = Outcome(nothing, _by_rule(nothing, choices), called=called, is_missing=True)
    evidences = evidences_of(films)

    def outcome(place: int) -> Outcome:
        evidence, prediction = evidences(place), films.predictions[place]
        if evidence is None or prediction is None:
            return missing
        by_rule = _by_rule(evidence, choices)
        return Outcome(evidence, by_rule, prediction.score, prediction.called)

    return outcome


def _by_rule(evidence: Evidence, choices: Sequence[Choice]) -> dict[Rule, Thresholded]:
    return {choice.rule: thresholded(evidence, choice) for choice in choices}
