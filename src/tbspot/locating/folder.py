"""The files of a folder of predictions: lines that survive an interruption, and pictures.

Takes predictions one by one; gives `predictions.jsonl`, heat maps and overlays. A film's line is
written last, so that what a line names is there.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tbspot.choices import Naming
from tbspot.errors import TbspotError
from tbspot.files import fingerprint
from tbspot.images import Film
from tbspot.locating.places import Places, digits_for, picture_beside
from tbspot.parsing import lines_in, parse
from tbspot.records.predictions import FILE_NAME, Prediction, Status, read_predictions
from tbspot.storage import replacing, sync_folder

__all__ = ["Keeper", "file_stem", "overlay_of", "picture_stem"]

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
        naming: `file` takes the film's name, `hash` the hash of its pixels and size, which is not
            to be guessed from a name; `auto` hashes DICOM, which machines and archives like to call
            by patients.
    """
    if naming == "hash" or (naming == "auto" and film.facts.kind == "DICOM"):
        # Not by tobytes(): a film of 64 megapixels would be copied whole. With its shape: the same
        # bytes in lines of another length are another film.
        pixels = np.ascontiguousarray(film.pixels).data.cast("B")
        return fingerprint(pixels, "x".join(map(str, film.shape)).encode())
    return file_stem(name)


def overlay_of(folder: Path, prediction: Prediction) -> Path | None:
    """The picture of a film in a folder of predictions; `None` where none was made."""
    if prediction.heatmap is None:
        return None
    path = folder / picture_beside(prediction.heatmap)
    return path if path.is_file() else None


@dataclass(frozen=True, slots=True)
class _Line:
    """Where a film's line stands in the file, and what else is to be known of it."""

    start: int
    length: int
    status: Status
    heatmap: str | None


class Keeper:
    """A folder of predictions that is being written, or goes on.

    Of two lines of one film, as two runs at once once left them, the later one stays.

    Args:
        folder: of the predictions; a last line that was cut off is dropped.
        holds: whether a line stays; by default all do.
        names: of the films that there are, in their order.
        packed: whether heat maps lie in pages in the end; those of a run that has some do.
    """

    def __init__(
        self,
        folder: Path,
        holds: Callable[[Prediction], bool] = lambda _: True,
        names: Sequence[str] = (),
        *,
        packed: bool = False,
    ) -> None:
        self._folder = folder
        self._path = folder / FILE_NAME
        self._holds = holds
        self._names = names
        self._packed = packed
        self._places = Places(folder)
        self._kept: dict[str, _Line] = {}
        self._end = 0

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
            # No result as DICOM outlives the line that it was made with: another patient's film
            # may lie in the place of the film by now, and have fewer kinds of results.
            self._places.remove_objects_but_of(self._hashes())
            films = len(self._kept) + sum(name not in self._kept for name in self._names)
            self._places = Places(self._folder, digits_for(films))
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
            for one, line in zip(read_predictions(self._folder), lines_in(lines), strict=True):
                start, self._end = self._end, self._end + len(line)
                self._kept.pop(one.image, None)
                if self._holds(one):
                    self._note(one, start, len(line))
        if sum(line.length for line in self._kept.values()) != self._end:
            self._rewrite(list(self._kept))

    def finish(self) -> None:
        """Put lines in the films' order and files in their places; remove files of no line.

        So a folder is the same however often its run was interrupted and films came and went.

        Raises:
            TbspotError: the file system refuses.
        """
        self._lines.close()
        try:
            order = self._in_order()
            moved = dict(self._moved())
            if moved or order != list(self._kept):
                self._rewrite(order, moved)
            maps = {line.heatmap for line in self._kept.values() if line.heatmap}
            self._places.tidy(maps, self._hashes())
            if self._packed or self._places.is_packed:
                self._places.pack(maps)
        except OSError as error:
            raise self._refusal(error) from error

    def _hashes(self) -> set[str]:
        """By which the results as DICOM of films that have a line are called."""
        return {fingerprint(name.encode()) for name in self._kept}

    def _in_order(self) -> list[str]:
        first = [name for name in self._names if name in self._kept]
        others = self._kept.keys() - set(first)
        return first + [name for name in self._kept if name in others]

    def _moved(self) -> Iterator[tuple[str, str]]:
        """Films whose heat map lies elsewhere now, as there were fewer films before."""
        for name, line in self._kept.items():
            if line.heatmap and (place := self._places.copied(line.heatmap)) != line.heatmap:
                yield name, place

    def _rewrite(self, names: Sequence[str], moved: Mapping[str, str] | None = None) -> None:
        kept, self._kept, self._end = self._kept, {}, 0
        with (
            replacing(self._path, parents=False) as temporary,
            self._path.open("rb") as before,
            temporary.open("wb") as after,
        ):
            for name in names:
                line = kept[name]
                before.seek(line.start)
                content = before.read(line.length)
                if moved and name in moved:
                    line = replace(line, heatmap=moved[name])
                    content = _named(content, moved[name])
                after.write(content)
                self._kept[name] = replace(line, start=self._end, length=len(content))
                self._end += len(content)

    def keep(
        self,
        prediction: Prediction,
        evidence: NDArray[np.float32] | None = None,
        overlay: bytes | None = None,
        stem: str | None = None,
        objects: Mapping[str, bytes] | None = None,
    ) -> None:
        """Write a film's files, see `write`, and then its line, see `add`."""
        self.add(self.write(prediction, evidence, overlay, stem, objects))

    def write(
        self,
        prediction: Prediction,
        evidence: NDArray[np.float32] | None = None,
        overlay: bytes | None = None,
        stem: str | None = None,
        objects: Mapping[str, bytes] | None = None,
    ) -> Prediction:
        """Write a film's pictures and objects; several threads may do so at the same time.

        Args:
            prediction: of the film.
            evidence: its heat map, if it is to be kept.
            overlay: its picture as JPEG, if it is to be kept.
            stem: what both files are called; `None` = as `file_stem` says.
            objects: results as DICOM, the bytes of each by the name of its file in the folder.

        Returns:
            The film's line, for `add`, which says where the heat map is.

        Raises:
            TbspotError: the file system refuses.
        """
        stem = stem or file_stem(prediction.image)
        if evidence is not None:
            heatmap = self._places.of_map(stem)
            # By an open file: np.save adds an ending to a name that has none.
            with self._writing(heatmap) as temporary, temporary.open("wb") as file:
                np.save(file, evidence, allow_pickle=False)
            prediction = prediction.model_copy(update={"heatmap": heatmap})
        if overlay is not None:
            with self._writing(picture_beside(self._places.of_map(stem))) as temporary:
                temporary.write_bytes(overlay)
        for name, made in (objects or {}).items():
            with self._writing(self._places.of_object(name)) as temporary:
                temporary.write_bytes(made)
        return prediction

    def add(self, prediction: Prediction) -> None:
        """Write the line of a film whose files are written.

        Raises:
            TbspotError: the file system refuses.
        """
        line = prediction.model_dump_json().encode() + b"\n"
        self._append(line)
        self._kept.pop(prediction.image, None)
        self._note(prediction, self._end, len(line))
        self._end += len(line)

    def _writing(self, place: str) -> AbstractContextManager[Path]:
        try:
            return self._places.writing(place)
        except OSError as error:
            raise self._refusal(error) from error

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
        line = _Line(start, length, prediction.status, prediction.heatmap)
        self._kept[prediction.image] = line

    def _refusal(self, error: OSError) -> TbspotError:
        return TbspotError(
            f"cannot write {self._path}: {error.strerror or error}; free space or choose another "
            "folder, and the same command goes on"
        )


def _named(line: bytes, heatmap: str) -> bytes:
    """A line that names another file as its heat map, to the byte as `keep` writes it."""
    prediction = parse(line, Prediction).model_copy(update={"heatmap": heatmap})
    return prediction.model_dump_json().encode() + b"\n"


def _drop_torn_line(path: Path) -> None:
    """Drop a last line without its end, or with zeros, which a power cut leaves for what it took.

    Lines before it were on the disk before it was written.
    """
    with path.open("r+b") as file:
        whole, last = 0, b""
        for line in lines_in(file):
            whole += len(last)
            last = line
        if last.endswith(b"\n") and b"\0" not in last:
            whole += len(last)
        file.truncate(whole)
