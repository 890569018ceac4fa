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


def truths_of(folder: Path, predictions: Sequence[Prediction]) -> list[Truth | None]:
    """What is known of each film; nothing where the run has not been evaluated.

    Raises:
        TbspotError: evaluation.json is there but is not an evaluation of this version.
    """
    if not (folder / FILE_NAME).is_file():
        return [None] * len(predictions)
    evaluation = read_evaluation(folder)
    side = evaluation.provenance.side
    # Maps have names of their own, whatever numbered folder they lie in since; a film without a
    # map is known by its name, as in evaluate.
    by_map = {Path(film.heatmap).name: film for film in evaluation.films if film.heatmap}
    find = finder({film.image: film for film in evaluation.films if not film.heatmap})
    found = (
        by_map.get(Path(one.heatmap).name) if one.heatmap else find(one.image)
        for one in predictions
    )
    return [None if film is None else _truth(film, side) for film in found]


def _truth(film: FilmResult, side: int) -> Truth:
    boxes = np.array(film.truth, np.float64).reshape(-1, 4)
    if film.width is None or film.height is None:
        return Truth(film.label, (), film.iou)
    corners = Frame(film.height, film.width, side).to_film(boxes).tolist()
    return Truth(film.label, tuple((x0, y0, x1, y1) for x0, y0, x1, y1 in corners), film.iou)
