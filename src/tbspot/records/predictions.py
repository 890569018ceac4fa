"""Predictions: the one hand-over between making maps and judging them.

Takes and gives `predictions.jsonl`, one JSON object a film, with heat maps as `.npy` files beside
it. How a prediction is made is left to locating/, how good it is to evaluation/.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tbspot.errors import TbspotError

__all__ = ["FILE_NAME", "PredictedBox", "Prediction", "read_heatmap", "read_predictions"]

FILE_NAME = "predictions.jsonl"


class PredictedBox(BaseModel):
    """A box in pixels of the original film, half-open, x to the right and y down."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    x0: float
    y0: float
    x1: float
    y1: float
    score: float = Field(ge=0, le=1)


class Prediction(BaseModel):
    """What tbspot says of one film.

    Attributes:
        image: path of the film, relative to the folder given (POSIX separators).
        status: `ok`, `refused` (not a film to be judged) or `failed` (could not be read).
        code: what the gate says in one word (docs/gate.md), or `unreadable` for a `failed` film.
        reason: one sentence when the status is not `ok`, or a warning when it is.
        score: probability of TB in [0, 1].
        threshold: the score from which a film counts as TB.
        calibration: fingerprint of the calibration that chose it; null when the model carries it.
        map_threshold: the share of the map's maximum from which a place is in a box, for rule
            `tuned`; for `quantile` the share of the film's area; null for `otsu`.
        map_rule: how boxes were cut from the map.
        boxes: in pixels of the original film, best first.
        heatmap: `.npy` file, relative to predictions.jsonl: `float32 [h, w]` of evidence for TB
            on the net's own grid, which spans the whole film.
        width: of the original film in pixels.
        height: of the original film in pixels.
        model: name of the model.
        version: of the model, a hash of its weights and settings.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: str
    status: Literal["ok", "refused", "failed"]
    code: str | None = None
    reason: str | None = None
    score: float | None = Field(default=None, ge=0, le=1)
    threshold: float | None = None
    calibration: str | None = None
    map_threshold: float | None = None
    map_rule: Literal["tuned", "otsu", "quantile"] | None = None
    boxes: tuple[PredictedBox, ...] = ()
    heatmap: str | None = None
    width: int | None = None
    height: int | None = None
    model: str
    version: str

    @property
    def called(self) -> bool | None:
        """Whether the film is called TB; unknown without a score or an operating threshold."""
        if self.score is None or self.threshold is None:
            return None
        return self.score >= self.threshold


def read_predictions(folder: Path) -> Iterator[Prediction]:
    """Read a folder's predictions one by one, in the order they were written.

    Raises:
        TbspotError: there is no `predictions.jsonl`, or a line is not a prediction.
    """
    path = folder / FILE_NAME
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    yield Prediction.model_validate(json.loads(line))
                except (ValueError, ValidationError) as error:
                    raise TbspotError(
                        f"{path}, line {number}, is not a prediction of tbspot; "
                        "run `tbspot locate` again"
                    ) from error
    except UnicodeDecodeError as error:
        raise TbspotError(f"{path} is not text; run `tbspot locate` again") from error
    except OSError as error:
        raise TbspotError(
            f"{folder} holds no {FILE_NAME}; make one with `tbspot locate`"
        ) from error


def read_heatmap(folder: Path, prediction: Prediction) -> NDArray[np.float32]:
    """The evidence map `[h, w]` of an `ok` prediction.

    Raises:
        TbspotError: the file is absent, outside the folder, or not a map.
    """
    if prediction.heatmap is None:
        raise TbspotError(f"{prediction.image} has no heat map in {folder}")
    path = folder / prediction.heatmap
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ValueError("outside the folder")
        evidence: NDArray[np.float32] = np.load(path, allow_pickle=False)
        if evidence.ndim != 2 or not np.isfinite(evidence).all():
            raise ValueError("not a finite map")
    # NumPy tells a cut-off file by EOFError, and letters where numbers belong by TypeError.
    except (OSError, EOFError, ValueError, TypeError) as error:
        raise TbspotError(
            f"{path} is not a heat map of tbspot; run `tbspot locate` again"
        ) from error
    return evidence.astype(np.float32, copy=False)
