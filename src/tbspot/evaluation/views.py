"""What a model or a control shows of one film: its map, and boxes cut from it by each rule.

Takes matched predictions or a fixed map; gives one film's view at a time, so that memory does not
grow with the films. What the views are worth is left to per_film.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tbspot.maps.boxes import (
    SIDE,
    MapRule,
    find_boxes,
    mask_of,
    normalise,
    rectangle_mask,
    threshold_of,
)
from tbspot.records.matching import Matched
from tbspot.records.predictions import read_heatmap

__all__ = [
    "Choice",
    "Cut",
    "Map",
    "Maps",
    "View",
    "Views",
    "all_maps",
    "cut",
    "fixed_views",
    "maps_of",
    "model_views",
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
class Cut:
    """A map cut at a rule's threshold: boxes `[n, 5]`, their union, and the raw mask."""

    boxes: NDArray[np.float64]
    mask: NDArray[np.bool_]
    raw: NDArray[np.bool_]


@dataclass(frozen=True)
class View:
    """One film as a contender shows it.

    Attributes:
        normalised: the map on the grid.
        cuts: by rule.
        score: probability of TB, if the contender gives one.
        called: whether the score reaches the operating threshold.
        is_missing: whether there is no usable prediction: the map is blank, the film not called.
    """

    normalised: Map
    cuts: Mapping[MapRule, Cut]
    score: float | None = None
    called: bool | None = None
    is_missing: bool = False


# A film's view by its place in the split.
Views = Callable[[int], View]


def cut(normalised: Map, choice: Choice) -> Cut:
    """Cut a map by a rule."""
    boxes = find_boxes(normalised, threshold_of(normalised, choice.rule, choice.value))
    raw_threshold = threshold_of(normalised, choice.rule, choice.raw_value)
    return Cut(boxes, rectangle_mask(boxes, len(normalised)), mask_of(normalised, raw_threshold))


def fixed_views(normalised: Map, choice: Choice) -> Views:
    """The same view of every film, whatever it shows."""
    view = View(normalised, {choice.rule: cut(normalised, choice)})
    return lambda _: view


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


def model_views(films: Matched, choices: Sequence[Choice]) -> Views:
    """Views of matched predictions."""
    blank, maps = np.zeros((SIDE, SIDE), np.float32), maps_of(films)
    missing = View(blank, _cuts(blank, choices), called=False, is_missing=True)

    def view(place: int) -> View:
        normalised, prediction = maps(place), films.predictions[place]
        if normalised is None or prediction is None:
            return missing
        return View(normalised, _cuts(normalised, choices), prediction.score, prediction.called)

    return view


def _cuts(normalised: Map, choices: Sequence[Choice]) -> dict[MapRule, Cut]:
    return {choice.rule: cut(normalised, choice) for choice in choices}
