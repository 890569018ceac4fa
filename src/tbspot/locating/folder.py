"""The files of a folder of predictions: lines that survive an interruption, and pictures.

Takes predictions one by one; gives `predictions.jsonl`, heat maps and overlays. A film's line is
written last, so that what a line names is there.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tbspot.choices import Naming
from tbspot.errors import TbspotError
from tbspot.files import fingerprint
from tbspot.images import Film
from tbspot.records.predictions import FILE_NAME, Prediction, read_predictions
from tbspot.storage import replacing, sync_folder

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["Keeper", "file_stem", "overlay_of", "picture_stem"]

HEATMAPS, OVERLAYS, DICOM = "heatmaps", "overlays", "dicom"
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


def overlay_of(folder: Path, prediction: Prediction) -> Path | None:
    """The picture of a film in a folder of predictions; `None` where none was made."""
    if prediction.heatmap is None:
        return None
    path = folder / OVERLAYS / f"{Path(prediction.heatmap).stem}.jpg"
    return path if path.is_file() else None


@dataclass(frozen=True)
class _Line:
    """Where a film's line stands in the file, and what else is to be known of it."""

    start: int
    length: int
    status: str
    stem: str | None


class Keeper:
    """A folder of predictions that is being written, or goes on.

    Of two lines of one film, as two runs at once once left them, the later one stays.

    Args:
        folder: of the predictions; a last line that was cut off is dropped.
        holds: whether a line stays; by default all do.

    """

    def __init__(self, folder: Path, holds: Callable[[Prediction], bool] = lambda _: True) -> None:
        self._folder = folder
        self._path = folder / FILE_NAME
        self._holds = holds
        self._kept: dict[str, _Line] = {}
        self._end = 0
        self._made: set[str] = set()

    @property
    def done(self) -> set[str]:
        """Names of the films that have a line."""
        return set(self._kept)

    @property
    def counts(self) -> Counter[str]:
        """Lines by status."""
        return Counter(line.status for line in self._kept.values())

    def __enter__(self) -> Self:
        try:
            self._path.touch()
            _drop_torn_line(self._path)
            self._take_up()
            self._lines = self._path.open("ab", buffering=0)
            sync_folder(self._folder)
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

    def _take_up(self) -> None:
        """Note the lines that hold; write the file anew if that is not all of them."""
        with self._path.open("rb") as lines:
            for line, one in zip(lines, read_predictions(self._folder), strict=True):
                start, self._end = self._end, self._end + len(line)
                self._kept.pop(one.image, None)
                if self._holds(one):
                    self._note(one, start, len(line))
        if sum(line.length for line in self._kept.values()) != self._end:
            self._rewrite(list(self._kept))

    def finish(self, names: Sequence[str]) -> None:
        """Put the lines in the order of `names`, and remove pictures that are no line's.

        So a folder is the same however often its run was interrupted and films came and went.

        Raises:
            TbspotError: the file system refuses.
        """
        self._lines.close()
        order = [name for name in dict.fromkeys([*names, *self._kept]) if name in self._kept]
        if order != list(self._kept):
            self._rewrite(order)
        stems = {line.stem for line in self._kept.values()}
        for folder, ending in ((HEATMAPS, ".npy"), (OVERLAYS, ".jpg")):
            for path in (self._folder / folder).glob(f"*{ending}"):
                if path.stem not in stems:
                    path.unlink(missing_ok=True)
        films = {fingerprint(name.encode()) for name in self._kept}
        for path in (self._folder / DICOM).glob("*.dcm"):
            if path.stem.rpartition("-")[0] not in films:
                path.unlink(missing_ok=True)

    def _rewrite(self, names: Sequence[str]) -> None:
        kept, self._kept, self._end = self._kept, {}, 0
        with (
            replacing(self._path, parents=False) as temporary,
            self._path.open("rb") as before,
            temporary.open("wb") as after,
        ):
            for name in names:
                line = kept[name]
                before.seek(line.start)
                after.write(before.read(line.length))
                self._kept[name] = replace(line, start=self._end)
                self._end += line.length

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
            with self._picture(heatmap) as temporary, temporary.open("wb") as file:
                np.save(file, evidence, allow_pickle=False)
            prediction = prediction.model_copy(update={"heatmap": heatmap})
        if overlay is not None:
            with self._picture(f"{OVERLAYS}/{stem}.jpg") as temporary:
                # Colours unthinned, or the boxes' thin lines would blur.
                overlay.save(temporary, "JPEG", quality=90, subsampling=0)
        for name, made in (objects or {}).items():
            with self._picture(name) as temporary:
                made.save_as(temporary, enforce_file_format=True)
        line = prediction.model_dump_json().encode() + b"\n"
        self._append(line)
        self._kept.pop(prediction.image, None)
        self._note(prediction, self._end, len(line))
        self._end += len(line)

    def _picture(self, name: str) -> AbstractContextManager[Path]:
        path = self._folder / name
        # Its folder alone, and once: if somebody removes the run, nothing of it comes back.
        if path.parent.name not in self._made:
            try:
                path.parent.mkdir(exist_ok=True)
            except OSError as error:
                raise self._refusal(error) from error
            sync_folder(self._folder)
            self._made.add(path.parent.name)
        return replacing(path, parents=False)

    def _append(self, line: bytes) -> None:
        try:
            # One call a line: what a `kill -9` leaves is whole lines, and a full disk a torn one
            # that the next start drops.
            if self._lines.write(line) != len(line):
                raise OSError("the disk is full")
            os.fsync(self._lines.fileno())
        except OSError as error:
            raise self._refusal(error) from error

    def _note(self, prediction: Prediction, start: int, length: int) -> None:
        stem = Path(prediction.heatmap).stem if prediction.heatmap else None
        self._kept[prediction.image] = _Line(start, length, prediction.status, stem)

    def _refusal(self, error: OSError) -> TbspotError:
        return TbspotError(
            f"cannot write {self._path}: {error.strerror or error}; free space or choose another "
            "folder, and the same command goes on"
        )


def _drop_torn_line(path: Path) -> None:
    """Drop a last line without its end, or with zeros, which a power cut leaves for what it took.

    Lines before it were on the disk before it was written.
    """
    with path.open("r+b") as file:
        whole, last = 0, b""
        for line in file:
            whole += len(last)
            last = line
        if last.endswith(b"\n") and b"\0" not in last:
            whole += len(last)
        file.truncate(whole)
