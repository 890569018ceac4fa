"""From what was measured of each film to figures with intervals: evidence, blanking, changes.

Takes the measures of films; gives the records of one model. Averages are over films; intervals
are bootstraps of patients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tbspot.audit.blanking import SHARES, Blanked
from tbspot.audit.changes import CHANGES
from tbspot.audit.per_film import BORDER, FIELD, MARKER, TRUTH, Changed, FilmMeasures
from tbspot.metrics import ratios
from tbspot.records.audit import Blanking, BlankingCurve, Evidence, Region, Sensitivity
from tbspot.records.figures import Drawing, Figure, figure_of
from tbspot.samples.counting import patients_of

__all__ = ["evidence_of", "field_holds", "sensitivity_of"]

NO_BOX = "no film has a truth box"
NOTHING_FOUND = "the model finds nothing on any film"


def _mean(
    films: Sequence[FilmMeasures],
    value: Callable[[FilmMeasures], float | None],
    drawing: Drawing,
    reason: str,
) -> Figure:
    """A mean over the films that have a value, with its interval, or why there is none."""
    return _ratio(
        films,
        lambda one: None if (number := value(one)) is None else (number, 1.0),
        drawing,
        reason,
    )


def _ratio(
    films: Sequence[FilmMeasures],
    share: Callable[[FilmMeasures], tuple[float, float] | None],
    drawing: Drawing,
    reason: str,
) -> Figure:
    """One sum over another, of the films that have a share."""
    shares = [(one, pair) for one in films if (pair := share(one)) is not None]
    pairs = np.array([pair for _, pair in shares], np.float64).reshape(-1, 2)
    resampled = ratios(
        pairs[:, :1],
        pairs[:, 1:],
        resamples=drawing.resamples,
        seed=drawing.seed,
        patients=patients_of([one.sample for one, _ in shares]),
    )
    return figure_of(resampled.estimate, len(pairs), reason=reason)


def field_holds(films: Sequence[FilmMeasures], drawing: Drawing) -> Figure:
    """Share of the truth boxes' area that lies in the lung field, over films."""
    return _ratio(films, lambda one: one.held if one.held[1] > 0 else None, drawing, NO_BOX)


def evidence_of(
    films: Sequence[FilmMeasures], model: str, drawing: Drawing
) -> tuple[Evidence, ...]:
    """Where the evidence is, on films with TB, source by source."""
    with_tb = [one for one in films if one.sample.label == 1 and model in one.by_model]
    sources = sorted({one.sample.source for one in with_tb})
    return tuple(
        _evidence(source, [one for one in with_tb if one.sample.source == source], model, drawing)
        for source in sources
    )


def _evidence(source: str, films: Sequence[FilmMeasures], model: str, drawing: Drawing) -> Evidence:
    return Evidence(
        source=source,
        films=len(films),
        hit=_mean(films, lambda one: one.by_model[model].hit, drawing, NO_BOX),
        miou=_mean(films, lambda one: one.by_model[model].overlap, drawing, NO_BOX),
        regions=tuple(
            _region(name, films, model, drawing) for name in (TRUTH, FIELD, BORDER, MARKER)
        ),
        blanking=_blanking(films, model, drawing),
    )


def _region(name: str, films: Sequence[FilmMeasures], model: str, drawing: Drawing) -> Region:
    reason = "no film with evidence has one"
    having = [one for one in films if name in one.by_model[model].energy]
    return Region(
        name=name,
        energy=_mean(having, lambda one: one.by_model[model].energy[name][0], drawing, reason),
        area=_mean(having, lambda one: one.by_model[model].energy[name][1], drawing, reason),
    )


def _blanking(films: Sequence[FilmMeasures], model: str, drawing: Drawing) -> Blanking:
    blanked = [kept for one in films if (kept := one.by_model[model].blanked) is not None]

    def mean(value: Callable[[Blanked], float]) -> Figure:
        def of(film: FilmMeasures) -> float | None:
            kept = film.by_model[model].blanked
            return None if kept is None else value(kept)

        return _mean(films, of, drawing, NOTHING_FOUND)

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
    measured = [one for one in films if model in one.by_model]
    return tuple(_sensitivity(change.name, measured, model, drawing) for change in CHANGES)


def _sensitivity(
    name: str, films: Sequence[FilmMeasures], model: str, drawing: Drawing
) -> Sensitivity:
    having = [one for one in films if name in one.by_model[model].changed]

    def mean(value: Callable[[Changed], float | None], reason: str) -> Figure:
        return _mean(having, lambda one: value(one.by_model[model].changed[name]), drawing, reason)

    none = "it applies to no film"
    return Sensitivity(
        change=name,
        shift=mean(lambda one: one.shift, none),
        moved=mean(lambda one: one.moved, none),
        flipped=mean(lambda one: float(one.flipped), none),
        overlap=mean(lambda one: one.overlap, "no film with TB has found boxes"),
    )
