"""TB or not, within each source, and what the source alone would tell.

Takes labels, sources and scores; gives figures with intervals. The statistics are left to metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tbspot.metrics import (
    Estimate,
    average_precision,
    delong,
    roc_points,
    sensitivity_at,
    source_label_auroc,
    specificity_at,
    unless_undefined,
)
from tbspot.records.evaluation import Classification, SourceFigures
from tbspot.records.figures import Drawing, Figure, figure_of
from tbspot.samples.counting import patients_of
from tbspot.samples.sample import Sample

__all__ = ["classification_of"]

OPERATING_SHARE = 0.9
POOLED = "all sources pooled"


def classification_of(
    samples: Sequence[Sample], scores: NDArray[np.float64], drawing: Drawing
) -> Classification | None:
    """The figures of every source; `None` when no film has a score.

    Args:
        samples: the films of the split.
        scores: theirs, NaN where there is none.
        drawing: of the intervals.
    """
    scored = np.isfinite(scores)
    if not scored.any():
        return None
    labels = np.array([sample.label for sample in samples])[scored]
    sources = np.array([sample.source for sample in samples])[scored]
    patients = patients_of(samples)[scored]

    def figures(name: str, films: NDArray[np.bool_]) -> SourceFigures:
        return _figures(name, labels[films], scores[scored][films], patients[films], drawing)

    within = [figures(str(source), sources == source) for source in np.unique(sources)]
    return Classification(
        sources=tuple(within),
        pooled=figures(POOLED, np.ones(len(labels), bool)),
        source_label=figure_of(lambda: source_label_auroc(labels, sources.tolist()), len(labels)),
    )


def _figures(
    source: str,
    labels: NDArray[np.int_],
    scores: NDArray[np.float64],
    patients: NDArray[np.str_],
    drawing: Drawing,
) -> SourceFigures:
    def figure(compute: Callable[[], Estimate]) -> Figure:
        return figure_of(compute, len(labels))

    def drawn(compute: Callable[..., Estimate], *share: float) -> Figure:
        settings = {"resamples": drawing.resamples, "seed": drawing.seed}
        return figure(lambda: compute(labels, scores, *share, **settings, patients=patients))

    return SourceFigures(
        source=source,
        tb=int((labels == 1).sum()),
        others=int((labels == 0).sum()),
        auroc=figure(lambda: delong(labels, scores, patients)),
        average_precision=drawn(average_precision),
        sensitivity=drawn(sensitivity_at, OPERATING_SHARE),
        specificity=drawn(specificity_at, OPERATING_SHARE),
        roc=unless_undefined(lambda: _roc(labels, scores), ()),
    )


def _roc(labels: NDArray[np.int_], scores: NDArray[np.float64]) -> tuple[tuple[float, float], ...]:
    return tuple((float(x), float(y)) for x, y in roc_points(labels, scores))
