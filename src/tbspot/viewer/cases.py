"""One film as the page shows it, whether it comes from a run or was dropped on the page.

Takes a prediction and the ways to its film and map; gives what it would say at another threshold.
Boxes are cut as `locate` cuts them; pictures are left to pictures.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tbspot.errors import TbspotError
from tbspot.locating.predict import boxes_of
from tbspot.maps.boxes import normalise, threshold_of
from tbspot.maps.cutting import Cut
from tbspot.records.predictions import Prediction

__all__ = ["Box", "Case", "Truth", "at_share", "share_of"]

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Truth:
    """What the data set says of a film.

    Attributes:
        label: 1 = TB, 0 = not.
        boxes: in pixels of the film.
        iou: of the found boxes' union with it, as `evaluate` measured it, if it did.
    """

    label: int
    boxes: tuple[Box, ...]
    iou: float | None


@dataclass(frozen=True)
class Case:
    """One film and what a model says of it.

    Attributes:
        prediction: what the model says.
        film: reads the film in [0, 1], in its own size or, where it was large, reduced.
        evidence: reads the map `[h, w]`; `None` where there is none.
        truth: what the data set says, if it is known.
    """

    prediction: Prediction
    film: Callable[[], NDArray[np.float32]]
    evidence: Callable[[], NDArray[np.float32]] | None
    truth: Truth | None = None


def share_of(case: Case) -> float | None:
    """The share of the map's maximum from which places are in the prediction's boxes."""
    rule = case.prediction.map_rule
    if case.evidence is None or rule is None:
        return None
    return threshold_of(normalise(case.evidence()), rule, case.prediction.map_threshold)


def at_share(case: Case, share: float) -> Prediction:
    """The prediction with boxes cut at another share of the map's maximum.

    Raises:
        TbspotError: the film has no map, or its prediction lacks its size or score.
        ValueError: the share is not in (0, 1).
    """
    prediction = case.prediction
    width, height, score = prediction.width, prediction.height, prediction.score
    if case.evidence is None or width is None or height is None or score is None:
        raise TbspotError("the prediction of this film has no map, size or score to cut boxes by")
    boxes = boxes_of(case.evidence(), Cut("tuned", share), score, height, width)
    changes = {"boxes": boxes, "map_rule": "tuned", "map_threshold": share}
    return prediction.model_copy(update=changes)
