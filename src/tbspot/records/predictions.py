"""Predictions: the one hand-over between making maps and judging them.

Takes and gives `predictions.jsonl`, one JSON object a film, with heat maps as `.npy` files beside
it, or in pages (pages.py). How a prediction is made is left to locating/, how good it is to
evaluation/.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from tbspot.choices import MapRule
from tbspot.errors import TbspotError, refuse_unread
from tbspot.images.opening import MOST_PIXELS
from tbspot.parsing import LARGEST, WholeNumber, lines_in, open_file, parse, refuse_later
from tbspot.records.pages import page_of, read_from_page

__all__ = [
    "FILE_NAME",
    "PredictedBox",
    "Prediction",
    "Status",
    "TooLargeMapError",
    "read_heatmap",
    "read_predictions",
]

FILE_NAME = "predictions.jsonl"
# Of a line that stands, `locate` keeps what belongs to it as it is.
REMEDY = "remove the line, and `tbspot locate` as before makes it anew"
# Nets give maps of 16 to some hundred places a side.
LONGEST_SIDE = 4096
MOST_BOXES = 10_000
READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}

Status = Literal["ok", "refused", "failed"]


class TooLargeMapError(TbspotError):
    """A map has more places than are read."""


class PredictedBox(BaseModel):
    """A box in pixels of the original film, half-open, x to the right and y down.

    Attributes:
        x0: left edge.
        y0: upper edge.
        x1: right edge.
        y1: lower edge.
        score: the film's score times the box's share of the map's maximum, so that boxes of
            several films can be ranked; no probability of the box.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    x0: float
    y0: float
    x1: float
    y1: float
    score: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _has_its_corners_in_order(self) -> Self:
        if not (-LARGEST <= self.x0 <= self.x1 <= LARGEST and self.y0 <= self.y1):
            raise ValueError("a box has its corners in order")
        return self


class Prediction(BaseModel):
    """What tbspot says of one film.

    Attributes:
        image: path of the film, relative to the folder given (POSIX separators).
        status: `ok`, `refused` (not a film to be judged) or `failed` (could not be read).
        code: what the gate says in one word (docs/gate.md); for a `failed` film `unreadable`, or
            `memory` where memory ran out, so that another try may do.
        reason: one sentence when the status is not `ok`, or a warning when it is.
        score: probability of TB in [0, 1].
        threshold: the score from which a film counts as TB.
        calibration: fingerprint of the calibration that chose it; null when the model carries it.
        map_threshold: the share of the map's maximum from which a place is in a box, for rule
            `tuned`; for `quantile` the share of the film's area; null for `otsu`.
        map_rule: how boxes were cut from the map.
        boxes: in pixels of the original film, best first.
        heatmap: `.npy` file, relative to predictions.jsonl: `float32 [h, w]` of evidence for TB
            on the net's own grid, which spans the whole film. Where its folder is no more, it is
            in the page that the folder became, see pages.py.
        width: of the original film in pixels.
        height: of the original film in pixels.
        model: name of the model.
        version: of the model, a hash of its weights and settings.
        bytes: of the film's file as it was read; null where it could not be, and in older lines.
        sha256: of those bytes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: str = Field(min_length=1)
    status: Status
    code: str | None = None
    reason: str | None = None
    score: float | None = Field(default=None, ge=0, le=1)
    threshold: float | None = Field(default=None, ge=0, le=1)
    calibration: str | None = None
    map_threshold: float | None = Field(default=None, gt=0, lt=1)
    map_rule: MapRule | None = None
    boxes: tuple[PredictedBox, ...] = Field(default=(), max_length=MOST_BOXES)
    heatmap: str | None = None
    width: WholeNumber | None = Field(default=None, ge=1, le=MOST_PIXELS)
    height: WholeNumber | None = Field(default=None, ge=1, le=MOST_PIXELS)
    model: str
    version: str
    bytes: WholeNumber | None = None
    sha256: str | None = None

    @model_validator(mode="after")
    def _agrees_with_its_status(self) -> Self:
        answered = self.score is not None or self.boxes or self.heatmap is not None
        if self.status != "ok" and answered:
            raise ValueError("a film that was not judged has no score, box or heat map")
        return self

    @model_validator(mode="after")
    def _can_be_shown(self) -> Self:
        if (self.width or 1) * (self.height or 1) > MOST_PIXELS:
            raise ValueError("a film has no more pixels than are read")
        if self.map_rule in ("tuned", "quantile") and self.map_threshold is None:
            raise ValueError(f"the rule {self.map_rule} has a share")
        return self

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
        with open_file(path, sys.maxsize) as lines:
            for number, line in enumerate(lines_in(lines), 1):
                yield _prediction(line, path, number)
    except OSError as error:
        refuse_unread(error, path)
        absent = isinstance(error, FileNotFoundError | NotADirectoryError)
        fault = f"holds no {FILE_NAME}" if absent else f"has no readable {FILE_NAME} ({error})"
        raise TbspotError(f"{folder} {fault}; make one with `tbspot locate`") from error


def _prediction(line: bytes, path: Path, number: int) -> Prediction:
    try:
        line.decode("utf-8")
        return parse(line, Prediction)
    except UnicodeDecodeError as error:
        raise TbspotError(f"{path} is not text in line {number}; {REMEDY}") from error
    except ValueError as error:
        refuse_later(error, path, "a file of predictions")
        raise TbspotError(
            f"{path}, line {number}, is not a prediction of tbspot; {REMEDY}"
        ) from error


def read_heatmap(
    folder: Path, prediction: Prediction, most: int | None = None
) -> NDArray[np.float32]:
    """The evidence map `[h, w]` of an `ok` prediction.

    Args:
        folder: of the predictions.
        prediction: whose map it is.
        most: places that a map of another program may have; `None` = it is one of `locate`.

    Raises:
        TooLargeMapError: another program's map has more places.
        TbspotError: the file is absent, outside the folder, or not a map.
    """
    if prediction.heatmap is None:
        raise TbspotError(f"{prediction.image} has no heat map in {folder}; {REMEDY}")
    path = folder / prediction.heatmap
    try:
        with _open_map(path, folder.resolve()) as file:
            evidence = _read_map(file, path, most)
    except TooLargeMapError:
        raise
    # NumPy tells broken headers by many kinds of error.
    except Exception as error:
        refuse_unread(error, path)
        raise TbspotError(
            f"{path} is not a heat map of tbspot; in {folder / FILE_NAME}, the line of "
            f"{prediction.image} names it: {REMEDY}"
        ) from error
    return evidence


def _open_map(path: Path, folder: Path) -> BinaryIO:
    """A map's own file, or its bytes in a page; of the two the file is later.

    The file has no bound, as no more of it is read than its checked header says.
    """
    _check_inside(path, folder)
    try:
        return open_file(path, sys.maxsize)
    except (FileNotFoundError, NotADirectoryError):
        # Not looked for before: `locate --pack` may put it into its page between two looks.
        page = page_of(path.parent)
        _check_inside(page, folder)
        return BytesIO(read_from_page(page, path.name))


def _check_inside(path: Path, folder: Path) -> None:
    if not path.resolve().is_relative_to(folder):
        raise ValueError("outside the folder")


def _read_map(file: BinaryIO, path: Path, most: int | None) -> NDArray[np.float32]:
    """A `.npy` file of one finite map; what its header declares is checked before it is read."""
    version = np.lib.format.read_magic(file)
    if version not in READERS:
        raise ValueError("not a version that tbspot writes")
    shape, by_columns, dtype = READERS[version](file)
    if dtype.kind != "f" or dtype.itemsize > 8 or len(shape) != 2:
        raise ValueError("not a map of numbers")
    if most is not None and math.prod(shape) > most:
        raise TooLargeMapError(
            f"{path} has {shape[0]} x {shape[1]} places, more than {most:,}; save a smaller map"
        )
    if min(shape) < 1 or (most is None and max(shape) > LONGEST_SIDE):
        raise ValueError("not the size of a map")
    content = file.read(math.prod(shape) * dtype.itemsize + 1)
    stored: NDArray[Any] = np.frombuffer(content, dtype)
    found = stored.reshape(shape, order="F" if by_columns else "C")
    with np.errstate(over="ignore"):
        evidence = np.array(found, np.float32, order="C")
    if not (np.abs(evidence) <= LARGEST).all():
        raise ValueError("not finite")
    return evidence
