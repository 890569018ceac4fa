"""The judged model film by film, for the report.

Takes predictions, truths and what was measured; gives one small record a film. Which films are
shown is left to the report.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from tbspot.evaluation.per_film import Measured
from tbspot.evaluation.truth import Truth
from tbspot.maps.boxes import MapRule
from tbspot.records.evaluation import Box, FilmResult
from tbspot.records.predictions import Prediction

__all__ = ["film_results"]


def film_results(
    truths: Sequence[Truth],
    found: Sequence[Prediction | None],
    measured: Measured,
    primary: MapRule,
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
            )
        )
    return tuple(records)


def _tuples(boxes: NDArray[np.float64]) -> tuple[Box, ...]:
    return tuple(cast(Box, tuple(row)) for row in boxes[:, :4].tolist())
