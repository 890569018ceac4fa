"""The three threshold rules: where their values come from.

Takes maps and the truth of films that are not reported on; gives one choice a rule, or the reason
why there is none. Cutting maps is left to maps/boxes.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tbspot.choices import MapRule
from tbspot.evaluation.outcomes import Choice, Evidence, Evidences, Map, thresholded
from tbspot.evaluation.truth import Truth
from tbspot.maps.boxes import mask_of, threshold_of
from tbspot.metrics import mask_iou
from tbspot.records.evaluation import Curve, Rule
from tbspot.records.predictions import Prediction

__all__ = [
    "OTSU",
    "Rules",
    "curve_of",
    "rules_of",
    "rules_of_boxes",
    "share_above_otsu",
    "tried",
    "tuned_choice",
]

NO_MAP = "the model gives boxes and no map"
# Shares of the maximum that are tried, and least scores of boxes among others: 0.04 to 0.96.
GRID = np.linspace(0.04, 0.96, 47).round(2)
# Of the scores of a model's own boxes, which may all lie under the grid.
MOST_SCORES = 200
OTSU = Choice("otsu", None, None, "per film, box-free")
GIVEN = Choice("given", None, None, "every box that the model gives")


@dataclass(frozen=True)
class Rules:
    """What a contender's maps are cut by.

    Attributes:
        choices: the rules that have a value.
        absent: the others, with the reason.
        primary: the rule of the table's main rows.
    """

    choices: dict[Rule, Choice]
    absent: dict[Rule, str]
    primary: Rule


def curve_of(evidences: Evidences, truths: Sequence[Truth], films: str) -> Curve:
    """Mean IoU at each threshold that is tried, on the boxed films; a missing map counts 0.

    Tried are those of the grid and, where the model gives boxes, 0 and its own scores.

    Args:
        evidences: by place in `truths`.
        truths: of the split, some of them boxed.
        films: what they are, in words.
    """
    places = [place for place, truth in enumerate(truths) if truth.is_boxed]
    thresholds = tried(evidence for place in places if (evidence := evidences(place)))
    sums = np.zeros((len(thresholds), 2))
    for place in places:
        evidence = evidences(place)
        if evidence is not None:
            sums += _overlaps(evidence, truths[place].mask(), thresholds)
    means = sums / len(places)
    return Curve(
        films=films,
        thresholds=tuple(thresholds.tolist()),
        miou=tuple(means[:, 0].tolist()),
        raw_miou=tuple(means[:, 1].tolist()),
    )


def tried(evidences: Iterable[Evidence]) -> NDArray[np.float64]:
    """The thresholds that are tried, `[k]`, rising: of maps the grid, of boxes more.

    Of boxes 0 and their own scores, 200 of many, are tried too. A model gives maps of all films or
    boxes of all.
    """
    scores = [np.zeros(1)]
    for one in evidences:
        if one.boxes is None:
            return GRID
        scores.append(one.boxes[:, 4])
    own = np.unique(np.concatenate(scores))
    if len(own) > MOST_SCORES:
        own = np.quantile(own, np.linspace(0, 1, MOST_SCORES), method="nearest")
    return np.union1d(own, GRID)


def _overlaps(
    evidence: Evidence, truth: NDArray[np.bool_], thresholds: NDArray[np.float64]
) -> NDArray[np.float64]:
    rows: list[tuple[float, float]] = []
    kept = None
    for value in thresholds.tolist():
        # Most least scores keep the same boxes of a film.
        before, kept = kept, _kept(evidence, value)
        if kept is not None and kept == before:
            rows.append(rows[-1])
            continue
        found = thresholded(evidence, Choice("tuned", value, value, ""))
        rows.append((mask_iou(found.mask, truth), mask_iou(found.raw, truth)))
    return np.array(rows)


def _kept(evidence: Evidence, least: float) -> int | None:
    """How many of a model's own boxes reach a score."""
    return None if evidence.boxes is None else int((evidence.boxes[:, 4] >= least).sum())


def tuned_choice(curve: Curve) -> Choice:
    """The threshold with the highest mean IoU of a curve of tuning films."""
    return Choice(
        "tuned",
        curve.thresholds[int(np.argmax(curve.miou))],
        curve.thresholds[int(np.argmax(curve.raw_miou))],
        f"highest mean IoU on {curve.films}",
        uses_boxes=True,
    )


def share_above_otsu(normalised: Map) -> float:
    """Share of the film at or above Otsu's threshold."""
    return float(mask_of(normalised, threshold_of(normalised, "otsu", None)).mean())


def rules_of(carried: Prediction | None, tuned: Choice | None, share: Choice | None) -> Rules:
    """The rules of a contender.

    Args:
        carried: a prediction, with the rule and value that came with the model.
        tuned: chosen on tuning films, if there are any; wins over the carried value.
        share: from training films, if there are any; the carried value wins over it.
    """
    choices: dict[Rule, Choice] = {"otsu": OTSU}
    if tuned is not None:
        choices["tuned"] = tuned
    elif (of_model := _carried(carried, "tuned")) is not None:
        choices["tuned"] = of_model
    of_model = _carried(carried, "quantile") or share
    if of_model is not None:
        choices["quantile"] = of_model
    reasons: dict[Rule, str] = {
        "tuned": "the predictions carry no tuned threshold, and no tuning films were given",
        "quantile": "the predictions carry no share of area, and no training films were given",
    }
    absent = {rule: reason for rule, reason in reasons.items() if rule not in choices}
    by_model: Rule = carried.map_rule if carried and carried.map_rule else "otsu"
    primary = "tuned" if "tuned" in choices else by_model
    return Rules(choices, absent, primary if primary in choices else "otsu")


def rules_of_boxes(tuned: Choice | None) -> Rules:
    """The rules of a model that gives boxes and no map: all of them, or those of a least score.

    Args:
        tuned: the least score, chosen on tuning films, if there are any.
    """
    choices: dict[Rule, Choice] = {"given": GIVEN}
    if tuned is not None:
        choices["tuned"] = tuned
    absent: dict[Rule, str] = {"otsu": NO_MAP, "quantile": NO_MAP}
    if tuned is None:
        absent["tuned"] = "no tuning films were given to choose a least score for the boxes on"
    return Rules(choices, absent, "tuned" if tuned is not None else "given")


def _carried(prediction: Prediction | None, rule: MapRule) -> Choice | None:
    if prediction is None or prediction.map_rule != rule or prediction.map_threshold is None:
        return None
    value = prediction.map_threshold
    # What chose it stands in the model's card alone, so it is taken as chosen by boxes.
    return Choice(rule, value, value, "carried by the model", uses_boxes=rule == "tuned")
