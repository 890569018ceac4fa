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
    within = [
        _figures(str(source), labels[sources == source], scores[scored][sources == source], drawing)
        for source in np.unique(sources)
    ]
    return Classification(
        sources=tuple(within),
        pooled=_figures(POOLED, labels, scores[scored], drawing),
        source_label=figure_of(lambda: source_label_auroc(labels, sources.tolist()), len(labels)),
    )


def _figures(
    source: str, labels: NDArray[np.int_], scores: NDArray[np.float64], drawing: Drawing
) -> SourceFigures:
    settings = {"resamples": drawing.resamples, "seed": drawing.seed}

    def figure(compute: Callable[[], Estimate]) -> Figure:
        return figure_of(compute, len(labels))

    return SourceFigures(
        source=source,
        tb=int((labels == 1).sum()),
        others=int((labels == 0).sum()),
        auroc=figure(lambda: delong(labels, scores)),
        average_precision=figure(lambda: average_precision(labels, scores, **settings)),
        sensitivity=figure(lambda: sensitivity_at(labels, scores, OPERATING_SHARE, **settings)),
        specificity=figure(lambda: specificity_at(labels, scores, OPERATING_SHARE, **settings)),
        roc=unless_undefined(lambda: _roc(labels, scores), ()),
    )


def _roc(labels: NDArray[np.int_], scores: NDArray[np.float64]) -> tuple[tuple[float, float], ...]:
    return tuple((float(x), float(y)) for x, y in roc_points(labels, scores))
