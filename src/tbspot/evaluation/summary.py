"""From a few numbers a film to figures with intervals.

Takes what per_film.py recorded; gives the localization figures of one contender, and differences
between two. The resampling itself is left to metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tbspot.evaluation.per_film import AP_IOUS, FROC_IOU, FalseBoxes, Localized, Measured
from tbspot.evaluation.strata import Part, parts_of
from tbspot.evaluation.thresholds import Rules
from tbspot.evaluation.truth import Truth
from tbspot.metrics import (
    Detections,
    bootstrap,
    box_average_precision,
    froc,
    ratios,
    sign_flip_p,
)
from tbspot.metrics.resampling import BLOCK
from tbspot.records.evaluation import Localization, Rule, RuleResult, Stratum
from tbspot.records.figures import Difference, Drawing, Figure, figure_of
from tbspot.samples.counting import patients_of

__all__ = ["box_figures", "difference_of", "localization_of"]

FROC_ALLOWED = (0.5, 1.0, 2.0)
NO_FILM = "no film of the split is TB with a box"
NO_CALL = "it does not say which films it calls TB"


# What a figure takes from a film: a numerator and a denominator, or `None` where it does not apply.
Share = Callable[[Localized], tuple[float, float] | None]


def _mean(value: Callable[[Localized], float | None]) -> Share:
    def share(film: Localized) -> tuple[float, float] | None:
        number = value(film)
        return None if number is None else (number, 1.0)

    return share


def _overlap(rule: Rule, *, raw: bool, places: Container[int] | None = None) -> Share:
    """IoU by a rule, of rectangles or the raw mask, on all films or those at some places."""

    def share(film: Localized) -> tuple[float, float] | None:
        if places is not None and film.place not in places:
            return None
        return film.overlaps[rule][raw], 1.0

    return share


def _figures(
    films: Sequence[Localized], shares: Sequence[tuple[Share, str]], drawing: Drawing
) -> list[Figure]:
    """A figure for each share; its second part is the reason given when it applies to no film."""
    numerators, denominators = np.zeros((2, len(films), len(shares)))
    applies = np.zeros((len(films), len(shares)), bool)
    for row, film in enumerate(films):
        for column, (share, _) in enumerate(shares):
            taken = share(film)
            if taken is not None:
                numerators[row, column], denominators[row, column] = taken
                applies[row, column] = True
    resampled = ratios(
        numerators,
        denominators,
        resamples=drawing.resamples,
        seed=drawing.seed,
        patients=patients_of([film.sample for film in films]),
    )
    return [
        figure_of(
            partial(resampled.estimate, column),
            int(applies[:, column].sum()),
            reason=reason if films else NO_FILM,
        )
        for column, (_, reason) in enumerate(shares)
    ]


def localization_of(
    measured: Measured, truths: Sequence[Truth], rules: Rules, drawing: Drawing
) -> Localization:
    """All localization figures of one contender."""
    films, primary = measured.localized, rules.primary
    lesions = {film.place: len(truths[film.place].sample.boxes or ()) for film in films}

    def second_lesion(film: Localized) -> tuple[float, float] | None:
        several = lesions[film.place]
        return (film.lesions, several) if several > 1 else None

    def called(film: Localized, value: float) -> float | None:
        return None if film.called is None else value * film.called

    hit, hit_tolerant, side, energy, second, detected_hit, detected_miou = _figures(
        films,
        [
            (_mean(lambda film: film.hit), NO_FILM),
            (_mean(lambda film: film.hit_tolerant), NO_FILM),
            (_mean(lambda film: film.side), "no film has its boxes on one side only"),
            (_mean(lambda film: film.energy), "every map is blank"),
            (second_lesion, "no film has two boxes or more"),
            (_mean(lambda film: called(film, film.hit)), NO_CALL),
            (_mean(lambda film: called(film, film.overlaps[primary][0])), NO_CALL),
        ],
        drawing,
    )
    by_rule = _rule_results(films, rules, drawing)
    first = next(one for one in by_rule if one.rule == primary)
    ap, found = box_figures(films, lesions, drawing)
    false_boxes, false_boxes_called = _false_figures(measured.false, drawing)
    return Localization(
        rule=primary,
        miou=first.miou,
        raw_miou=first.raw_miou,
        rules=by_rule,
        hit=hit,
        hit_tolerant=hit_tolerant,
        side=side,
        energy=energy,
        second_lesion=second,
        detected_and_hit=detected_hit,
        detected_miou=detected_miou,
        box_ap=ap,
        froc=found,
        false_boxes=false_boxes,
        false_boxes_called=false_boxes_called,
        strata=_strata(films, primary, parts_of(truths), drawing),
    )


def _rule_results(
    films: Sequence[Localized], rules: Rules, drawing: Drawing
) -> tuple[RuleResult, ...]:
    results = []
    for rule, choice in rules.choices.items():
        shares = [_overlap(rule, raw=False), _overlap(rule, raw=True)]
        miou, raw_miou = _figures(films, [(share, NO_FILM) for share in shares], drawing)
        results.append(
            RuleResult(
                rule=rule,
                value=choice.value,
                raw_value=choice.raw_value,
                origin=choice.origin,
                miou=miou,
                raw_miou=raw_miou,
            )
        )
    for rule, reason in rules.absent.items():
        nothing = Figure(value=None, films=len(films), reason=reason)
        results.append(
            RuleResult(
                rule=rule,
                value=None,
                raw_value=None,
                origin="",
                miou=nothing,
                raw_miou=nothing,
            )
        )
    return tuple(results)


def box_figures(
    films: Sequence[Localized], lesions: dict[int, int], drawing: Drawing
) -> tuple[dict[str, Figure], dict[str, Figure]]:
    """Average precision by IoU, and FROC by false boxes a film."""
    keys = [*(f"{iou:g}" for iou in AP_IOUS), *(f"{allowed:g}" for allowed in FROC_ALLOWED)]
    if not films:
        nothing = Figure(value=None, films=0, reason=NO_FILM)
        figures = [nothing] * len(keys)
    else:
        by_iou = {iou: _detections(films, lesions, iou) for iou in (*AP_IOUS, FROC_IOU)}

        def figures_of(counts: NDArray[np.float64]) -> NDArray[np.float64]:
            precisions = [box_average_precision(by_iou[iou], counts) for iou in AP_IOUS]
            found = [froc(by_iou[FROC_IOU], counts, allowed) for allowed in FROC_ALLOWED]
            return np.stack([*precisions, *found], axis=1)

        def values(counts: NDArray[np.float64]) -> NDArray[np.float64]:
            # Some detectors give a thousand boxes a film: memory does not grow with them either.
            boxes = sum(len(film.ranked) for film in films)
            parts = min(len(counts), 1 + len(counts) * boxes // BLOCK)
            return np.concatenate([figures_of(part) for part in np.array_split(counts, parts)])

        figures = _resampled(values, films, drawing)
    split = len(AP_IOUS)
    return (
        dict(zip(keys[:split], figures[:split], strict=True)),
        dict(zip(keys[split:], figures[split:], strict=True)),
    )


def _detections(films: Sequence[Localized], lesions: dict[int, int], iou: float) -> Detections:
    numbers = [len(film.ranked) for film in films]
    return Detections(
        film=np.repeat(np.arange(len(films)), numbers),
        scores=np.concatenate([film.ranked[:, 4] for film in films]),
        correct=np.concatenate([film.correct[iou] for film in films]),
        truths=np.array([lesions[film.place] for film in films], np.float64),
    )


def _resampled(
    values: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    films: Sequence[Localized],
    drawing: Drawing,
) -> list[Figure]:
    resampled = bootstrap(
        np.zeros(len(films), np.int_),
        values,
        resamples=drawing.resamples,
        seed=drawing.seed,
        patients=patients_of([film.sample for film in films]),
    )
    return [
        figure_of(partial(resampled.estimate, column), len(films))
        for column in range(len(resampled.values))
    ]


def _false_figures(films: Sequence[FalseBoxes], drawing: Drawing) -> tuple[Figure, Figure]:
    """Boxes a film without TB: on all of them, and counting those called TB only."""
    numbers = np.array([len(film.boxes) for film in films], np.float64)
    called = np.array([bool(film.called) for film in films], np.float64)
    says = np.array([film.called is not None for film in films], np.float64)
    resampled = ratios(
        np.stack([numbers, numbers * called], axis=1),
        np.stack([np.ones(len(films)), says], axis=1),
        resamples=drawing.resamples,
        seed=drawing.seed,
        patients=patients_of([film.sample for film in films]),
    )
    no_film = "no film without TB has a prediction"
    return (
        figure_of(resampled.estimate, len(films), reason=no_film),
        figure_of(
            partial(resampled.estimate, 1),
            int(says.sum()),
            reason=NO_CALL if films else no_film,
        ),
    )


def _strata(
    films: Sequence[Localized], primary: Rule, parts: Sequence[Part], drawing: Drawing
) -> tuple[Stratum, ...]:
    shares = [
        (_overlap(primary, raw=False, places=part.places), "no film belongs to it")
        for part in parts
    ]
    return tuple(
        Stratum(group=part.group, name=part.name, miou=figure)
        for part, figure in zip(parts, _figures(films, shares, drawing), strict=True)
    )


def difference_of(
    judged: Sequence[float],
    other: Sequence[float],
    patients: NDArray[np.str_],
    drawing: Drawing,
    note: str | None = None,
) -> Difference:
    """Mean IoU of the judged model minus another's.

    Args:
        judged: IoU of each film.
        other: the same films in the same order.
        patients: of the films.
        drawing: of the interval and the permutations.
        note: what else must be known.
    """
    differences = np.array(judged, np.float64) - np.array(other, np.float64)
    films = len(differences)
    if not films:
        return Difference(value=None, films=0, reason=NO_FILM)
    resampled = ratios(
        differences.reshape(-1, 1),
        np.ones((films, 1)),
        resamples=drawing.resamples,
        seed=drawing.seed,
        patients=patients,
    )
    figure = figure_of(resampled.estimate, films)
    return Difference(
        value=figure.value,
        low=figure.low,
        high=figure.high,
        films=films,
        p=sign_flip_p(
            differences, resamples=drawing.resamples, seed=drawing.seed, patients=patients
        ),
        note="; ".join(filter(None, (note, figure.note))) or None,
    )
