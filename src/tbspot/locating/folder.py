"""The files of a folder of predictions: lines that survive an interruption, and pictures.

Takes predictions one by one; gives `predictions.jsonl`, heat maps and overlays. A film's line is
written last, so that what a line names is there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tbspot.errors import TbspotError
from tbspot.files import fingerprint, replacing
from tbspot.images import Film
from tbspot.records.predictions import FILE_NAME, Prediction, read_predictions

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["Keeper", "Naming", "file_stem", "picture_stem"]

Naming = Literal["auto", "hash", "file"]

HEATMAPS, OVERLAYS = "heatmaps", "overlays"
# Long enough to know the film by, short enough for every file system with the rest.
LONGEST_WORD = 40


def file_stem(name: str) -> str:
    """A file name for a film's pictures: readable, without path, and of this film alone."""
    word = re.sub(r"[^A-Za-z0-9]+", "-", Path(name).stem)[-LONGEST_WORD:].strip("-")
    return "-".join(part for part in (word, fingerprint(name.encode())) if part)


def picture_stem(name: str, film: Film, naming: Naming) -> str:
    """A file name for a film's pictures, which for DICOM says nothing of whose film it is.

    Args:
        name: of the film.
        film: itself.
        naming: `file` takes the film's name, `hash` its pixels' hash, which is not to be guessed
            from a name; `auto` hashes DICOM, which machines and archives like to call by patients.
    """
    if naming == "hash" or (naming == "auto" and film.facts.kind == "DICOM"):
        # Not by tobytes(): a film of 64 megapixels would be copied whole.
        return fingerprint(np.ascontiguousarray(film.pixels).data.cast("B"))
    return file_stem(name)


class Keeper:
    """A folder of predictions that is being written, or goes on.

    Args:
        folder: of the predictions; a last line that was cut off is dropped.

    Attributes:
        done: names of the films that have a line.
        counts: lines by status.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / FILE_NAME
        self.done: set[str] = set()
        self.counts: Counter[str] = Counter()

    def __enter__(self) -> Self:
        try:
            self._path.touch()
            _drop_torn_line(self._path)
            for prediction in read_predictions(self._folder):
                self._count(prediction)
            self._lines = self._path.open("ab", buffering=0)
        except OSError as error:
            raise self._refusal(error) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lines.close()

    def keep(
        self,
        prediction: Prediction,
        evidence: NDArray[np.float32] | None = None,
        overlay: Image.Image | None = None,
        stem: str | None = None,
        objects: Mapping[str, Dataset] | None = None,
    ) -> None:
        """Write a film's pictures and objects and then its line.

        Args:
            prediction: of the film.
            evidence: its heat map, if it is to be kept.
            overlay: its picture, if it is to be kept.
            stem: what both files are called; `None` = as `file_stem` says.
            objects: results as DICOM by the name of their file in the folder.

        Raises:
            TbspotError: the file system refuses.
        """
        stem = stem or file_stem(prediction.image)
        if evidence is not None:
            heatmap = f"{HEATMAPS}/{stem}.npy"
            # By an open file: np.save adds an ending to a name that has none.
            with replacing(self._folder / heatmap) as temporary, temporary.open("wb") as file:
                np.save(file, evidence, allow_pickle=False)
            prediction = prediction.model_copy(update={"heatmap": heatmap})
        if overlay is not None:
            with replacing(self._folder / OVERLAYS / f"{stem}.jpg") as temporary:
                # Colours unthinned, or the boxes' thin lines would blur.
                overlay.save(temporary, "JPEG", quality=90, subsampling=0)
        for name, made in (objects or {}).items():
            with replacing(self._folder / name) as temporary:
                made.save_as(temporary, enforce_file_format=True)
        self._append(prediction.model_dump_json().encode() + b"\n")
        self._count(prediction)

    def _append(self, line: bytes) -> None:
        try:
            # One call a line: what a `kill -9` leaves is whole lines, and a full disk a torn one
            # that the next start drops.
            if self._lines.write(line) != len(line):
                raise OSError("the disk is full")
        except OSError as error:
            raise self._refusal(error) from error

    def _count(self, prediction: Prediction) -> None:
        self.done.add(prediction.image)
        self.counts[prediction.status] += 1

    def _refusal(self, error: OSError) -> TbspotError:
        return TbspotError(
            f"cannot write {self._path}: {error.strerror or error}; free space or choose another "
            "folder, and the same command goes on"
        )


def _drop_torn_line(path: Path) -> None:
    with path.open("r+b") as file:
        whole = 0
        for line in file:
            if line.endswith(b"\n"):
                whole += len(line)
        file.truncate(whole)
