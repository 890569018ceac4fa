"""A film's outcome by a model or a control: its map, and boxes found in it by each rule.

Takes matched predictions or a fixed map; gives one film's outcome at a time, so that memory does
not grow with the films. What the outcomes are worth is left to per_film.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tbspot.description import MapRule
from tbspot.maps.boxes import SIDE, find_boxes, mask_of, normalise, rectangle_mask, threshold_of
from tbspot.records.matching import Matched
from tbspot.records.predictions import read_heatmap

__all__ = [
    "Choice",
    "Map",
    "Maps",
    "Outcome",
    "Outcomes",
    "Thresholded",
    "all_maps",
    "fixed_outcomes",
    "maps_of",
    "model_outcomes",
    "thresholded",
]

Map = NDArray[np.float32]
# A film's normalised map by its place in the split, `None` where there is no usable prediction.
Maps = Callable[[int], Map | None]


@dataclass(frozen=True)
class Choice:
    """The value of a threshold rule.

    Attributes:
        rule: which.
        value: for rectangles: share of the maximum (`tuned`), of the area (`quantile`), or none.
        raw_value: the same for the raw mask.
        origin: where it comes from, in words.
        uses_boxes: whether boxes were used to choose it.
    """

    rule: MapRule
    value: float | None
    raw_value: float | None
    origin: str
    uses_boxes: bool = False


@dataclass(frozen=True)
class Thresholded:
    """A map at a rule's threshold: boxes `[n, 5]`, their union, and the raw mask."""

    boxes: NDArray[np.float64]
    mask: NDArray[np.bool_]
    raw: NDArray[np.bool_]


@dataclass(frozen=True)
class Outcome:
    """What a contender has for one film.

    Attributes:
        normalised: the map on the grid.
        by_rule: the map at each rule's threshold.
        score: probability of TB, if the contender gives one.
        called: whether the score reaches the operating threshold.
        is_missing: whether there is no usable prediction: the map is blank, the film not called.
    """

    normalised: Map
    by_rule: Mapping[MapRule, Thresholded]
    score: float | None = None
    called: bool | None = None
    is_missing: bool = False


# A film's outcome by its place in the split.
Outcomes = Callable[[int], Outcome]


def thresholded(normalised: Map, choice: Choice) -> Thresholded:
    """A map at the threshold of a rule."""
    boxes = find_boxes(normalised, threshold_of(normalised, choice.rule, choice.value))
    raw_threshold = threshold_of(normalised, choice.rule, choice.raw_value)
    mask = rectangle_mask(boxes, len(normalised))
    return Thresholded(boxes, mask, mask_of(normalised, raw_threshold))


def fixed_outcomes(normalised: Map, choice: Choice) -> Outcomes:
    """The same for every film, whatever it shows."""
    outcome = Outcome(normalised, {choice.rule: thresholded(normalised, choice)})
    return lambda _: outcome


def maps_of(films: Matched) -> Maps:
    """The maps of matched predictions, read when they are asked for."""

    def normalised(place: int) -> Map | None:
        prediction = films.predictions[place]
        if prediction is None or prediction.status != "ok":
            return None
        return normalise(read_heatmap(films.folder, prediction))

    return normalised


def all_maps(films: Matched) -> Iterator[Map]:
    """Every map there is, one at a time."""
    maps = (maps_of(films)(place) for place in range(len(films.predictions)))
    return (normalised for normalised in maps if normalised is not None)


def model_outcomes(films: Matched, choices: Sequence[Choice]) -> Outcomes:
    """Those of matched predictions."""
    blank, maps = np.zeros((SIDE, SIDE), np.float32), maps_of(films)
    missing = Outcome(blank, _by_rule(blank, choices), called=False, is_missing=True)

    def outcome(place: int) -> Outcome:
        normalised, prediction = maps(place), films.predictions[place]
        if normalised is None or prediction is None:
            return missing
        by_rule = _by_rule(normalised, choices)
        return Outcome(normalised, by_rule, prediction.score, prediction.called)

    return outcome


def _by_rule(normalised: Map, choices: Sequence[Choice]) -> dict[MapRule, Thresholded]:
    return {choice.rule: thresholded(normalised, choice) for choice in choices}
