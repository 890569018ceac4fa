"""What the data set says of a run's films, as `tbspot evaluate` wrote it beside the predictions.

Takes a run folder; gives each film's label and boxes, if the run has been evaluated. Judging is
left to evaluation/.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tbspot.images import Frame
from tbspot.records.evaluation import FILE_NAME, FilmResult, read_evaluation
from tbspot.records.matching import finder
from tbspot.records.predictions import Prediction
from tbspot.viewer.cases import Truth

__all__ = ["truths_of"]

# The predictions of an evaluation that lies beside them, or where the library says none.
OWN = (".", "")


def truths_of(folder: Path, predictions: Sequence[Prediction]) -> list[Truth | None]:
    """What is known of each film; nothing where the run has not been evaluated.

    Raises:
        TbspotError: evaluation.json is there but is not an evaluation of this version.
    """
    if not (folder / FILE_NAME).is_file():
        return [None] * len(predictions)
    evaluation = read_evaluation(folder)
    side = evaluation.provenance.side
    judged = [film for film in evaluation.films if film.status != "missing"]
    if evaluation.provenance.predictions not in OWN:  # what the films are is so all the same
        judged = [film.model_copy(update={"iou": None}) for film in judged]
    by_name = {film.prediction: film for film in judged if film.prediction is not None}
    # Evaluations of earlier versions do not say which prediction was the film's.
    older = {film.image: film for film in judged if film.prediction is None}
    find = finder(older, [one.image for one in predictions])
    found = ((one, by_name.get(one.image) or find(one.image)) for one in predictions)
    return [_truth(film, one, side) if film else None for one, film in found]


def _truth(film: FilmResult, one: Prediction, side: int) -> Truth | None:
    if not film.is_of(one):
        return None
    boxes = np.array(film.truth, np.float64).reshape(-1, 4)
    # The film that is shown may be larger than that of the data set, or smaller.
    width, height = one.width or film.width, one.height or film.height
    if width is None or height is None:
        return Truth(film.label, (), film.iou)
    corners = Frame(height, width, side).to_film(boxes).tolist()
    return Truth(film.label, tuple((x0, y0, x1, y1) for x0, y0, x1, y1 in corners), film.iou)
