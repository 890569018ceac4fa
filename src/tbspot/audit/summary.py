"""From what was measured of each film to figures with intervals: evidence, blanking, changes.

Takes the measures of films; gives the records of one model. Averages are over films; intervals
are bootstraps of films.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tbspot.audit.blanking import SHARES, Blanked
from tbspot.audit.changes import CHANGES
from tbspot.audit.per_film import BORDER, FIELD, MARKER, TRUTH, Changed, FilmMeasures, ModelMeasures
from tbspot.metrics import ratios
from tbspot.records.audit import Blanking, BlankingCurve, Evidence, Region, Sensitivity
from tbspot.records.figures import Drawing, Figure, figure_of

__all__ = ["evidence_of", "field_holds", "sensitivity_of"]

NO_BOX = "no film has a truth box"
NOTHING_FOUND = "the model finds nothing on any film"


def _mean(values: Sequence[float], drawing: Drawing, reason: str) -> Figure:
    """A mean over films with its interval, or the reason why there is none."""
    column = np.array(values, np.float64).reshape(-1, 1)
    return _ratio(column, np.ones_like(column), drawing, reason)


def _ratio(
    numerators: NDArray[np.float64],
    denominators: NDArray[np.float64],
    drawing: Drawing,
    reason: str,
) -> Figure:
    resampled = ratios(numerators, denominators, resamples=drawing.resamples, seed=drawing.seed)
    return figure_of(resampled.estimate, len(numerators), reason=reason)


def field_holds(films: Sequence[FilmMeasures], drawing: Drawing) -> Figure:
    """Share of the truth boxes' area that lies in the lung field, over films."""
    held = np.array([one.held for one in films], np.float64).reshape(-1, 2)
    held = held[held[:, 1] > 0]
    return _ratio(held[:, :1], held[:, 1:], drawing, NO_BOX)


def evidence_of(
    films: Sequence[FilmMeasures], model: str, drawing: Drawing
) -> tuple[Evidence, ...]:
    """Where the evidence is, on films with TB, source by source."""
    with_tb = [one for one in films if one.sample.label == 1 and model in one.by_model]
    sources = sorted({one.sample.source for one in with_tb})
    return tuple(
        _evidence(
            source, [one.by_model[model] for one in with_tb if one.sample.source == source], drawing
        )
        for source in sources
    )


def _evidence(source: str, films: Sequence[ModelMeasures], drawing: Drawing) -> Evidence:
    return Evidence(
        source=source,
        films=len(films),
        hit=_mean([one.hit for one in films if one.hit is not None], drawing, NO_BOX),
        miou=_mean([one.overlap for one in films if one.overlap is not None], drawing, NO_BOX),
        regions=tuple(
            _region(name, [one.energy[name] for one in films if name in one.energy], drawing)
            for name in (TRUTH, FIELD, BORDER, MARKER)
        ),
        blanking=_blanking([one.blanked for one in films if one.blanked is not None], drawing),
    )


def _region(name: str, pairs: Sequence[tuple[float, float]], drawing: Drawing) -> Region:
    reason = "no film with evidence has one"
    return Region(
        name=name,
        energy=_mean([energy for energy, _ in pairs], drawing, reason),
        area=_mean([area for _, area in pairs], drawing, reason),
    )


def _blanking(blanked: Sequence[Blanked], drawing: Drawing) -> Blanking:
    def mean(value: Callable[[Blanked], float]) -> Figure:
        return _mean([value(one) for one in blanked], drawing, NOTHING_FOUND)

    def curve(
        by_map: Callable[[Blanked], NDArray[np.float64]],
        by_chance: Callable[[Blanked], NDArray[np.float64]],
    ) -> BlankingCurve | None:
        if not blanked:
            return None
        area = mean(lambda one: float(np.trapezoid(by_map(one) - by_chance(one), SHARES)))
        first, second = (
            np.mean([line(one) for one in blanked], axis=0) for line in (by_map, by_chance)
        )
        return BlankingCurve(
            shares=SHARES,
            by_map=tuple(first.tolist()),
            by_chance=tuple(second.tolist()),
            difference=area,
        )

    return Blanking(
        found=mean(lambda one: one.found),
        random=mean(lambda one: one.random),
        difference=mean(lambda one: one.found - one.random),
        rest=mean(lambda one: one.rest),
        deletion=curve(lambda one: one.deletion, lambda one: one.deletion_random),
        insertion=curve(lambda one: one.insertion, lambda one: one.insertion_random),
    )


def sensitivity_of(
    films: Sequence[FilmMeasures], model: str, drawing: Drawing
) -> tuple[Sensitivity, ...]:
    """What each change does, over all films that were measured in detail."""
    measures = [one.by_model[model] for one in films if model in one.by_model]
    return tuple(
        _sensitivity(name, [one.changed[name] for one in measures if name in one.changed], drawing)
        for name in (change.name for change in CHANGES)
    )


def _sensitivity(name: str, changed: Sequence[Changed], drawing: Drawing) -> Sensitivity:
    none = "it applies to no film"
    overlaps = [one.overlap for one in changed if one.overlap is not None]
    return Sensitivity(
        change=name,
        shift=_mean([one.shift for one in changed], drawing, none),
        moved=_mean([one.moved for one in changed], drawing, none),
        flipped=_mean([float(one.flipped) for one in changed], drawing, none),
        overlap=_mean(overlaps, drawing, "no film with TB has found boxes"),
    )
