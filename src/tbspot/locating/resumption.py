"""Which lines of an earlier call still hold: those of films that are there as they were read.

Takes films and the lines that a folder has of them; says of each line whether it stays. Reading
films anew is left to model.py, writing lines to folder.py.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import zip_longest
from pathlib import Path

from tbspot.description import Description
from tbspot.errors import TbspotError
from tbspot.files import fingerprint
from tbspot.images.film import Seen
from tbspot.images.opening import open_regular, seen_in, shown, times_of
from tbspot.locating.inputs import Item, faulty, names_of
from tbspot.parsing import lines_in, load_json, open_file
from tbspot.records.predictions import Prediction
from tbspot.storage import replacing

__all__ = ["STAMPS_FILE", "Earlier", "Stamps", "said_of", "see"]

STAMPS_FILE = "stamps.jsonl"
# Of the names that a note repeats.
MOST_NAMES = 3


def see(path: Path, *, follow_links: bool) -> Seen | None:
    """What a file holds now; `None` where it cannot be read, and reading the film says why."""
    with (
        suppress(TbspotError, OSError),
        open_regular(path, shown(path), follow_links=follow_links) as file,
    ):
        return seen_in(file, shown(path))
    return None


def said_of(prediction: Prediction, seen: Seen | None) -> Prediction:
    """The same line, saying of which bytes it is, where that is known."""
    if seen is None:
        return prediction
    return prediction.model_copy(update={"bytes": seen.bytes, "sha256": seen.sha256})


class Stamps:
    """The stamps of films that have a line, so that films need not be read to know them.

    They are kept apart from the lines, which say the same of the same films on every machine and
    hold no dates. A stamp that is lost costs reading its film's bytes once.

    Args:
        folder: of the predictions.
        follow_links: whether a symbolic link stands for the film that it leads to.
    """

    def __init__(self, folder: Path, *, follow_links: bool) -> None:
        self._path = folder / STAMPS_FILE
        self._follow_links = follow_links
        self._known = dict(_read_stamps(self._path))

    def is_of(self, prediction: Prediction, path: Path) -> bool:
        """Whether a line is of the bytes that the film has now; one of before says not of which."""
        if prediction.sha256 is None:
            return True
        try:
            status = path.stat(follow_symlinks=self._follow_links)
        except OSError:
            return False
        if status.st_size != prediction.bytes:
            return False
        if self._known.get(prediction.image) == _stamp(status.st_size, times_of(status)):
            return True
        seen = see(path, follow_links=self._follow_links)
        if seen is None or seen.sha256 != prediction.sha256:
            return False
        self.keep(prediction.image, seen)
        return True

    def keep(self, name: str, seen: Seen) -> None:
        """Note a film's stamp, once its line is written."""
        stamp = self._known[name] = _stamp(seen.bytes, seen.times)
        with suppress(OSError), self._path.open("ab") as lines:
            lines.write(_line(name, stamp))

    def forget_others(self, names: Sequence[str]) -> None:
        """Keep the stamps of these films alone, in their order."""
        if self._known and not self._are_written(names):
            with replacing(self._path, parents=False) as temporary, temporary.open("wb") as file:
                file.writelines(self._lines(names))

    def _are_written(self, names: Sequence[str]) -> bool:
        try:
            with self._path.open("rb") as file:
                pairs = zip_longest(lines_in(file), self._lines(names))
                return all(one == other for one, other in pairs)
        except OSError:
            return False

    def _lines(self, names: Sequence[str]) -> Iterator[bytes]:
        known = (name for name in names if name in self._known)
        return (_line(name, self._known[name]) for name in known)


class Earlier:
    """What an earlier call of the same command left, judged line by line.

    A film that failed is tried again, one that changed is read again, and the line of one that
    is gone goes too, unless it lay in a folder that cannot be looked into now.

    Args:
        items: the films that there are.
        stamps: of the folder.
        model: of the run: a line of another, as of two folders that were joined, does not stay.
    """

    def __init__(self, items: Sequence[Item], stamps: Stamps, model: Description) -> None:
        self._items = items
        self._model = (model.name, model.version)
        self._unseen = tuple(item.name for item in faulty(items))
        self._stamps = stamps
        self._gone: list[str] = []
        self._changed: list[str] = []
        self._others: list[str] = []
        self._failed: list[str] = []

    def holds(self, prediction: Prediction) -> bool:
        """Whether a line stays."""
        name = prediction.image
        place = self._places.get(name)
        path = None if place is None else self._items[place].path
        if prediction.status == "failed":
            if path is not None:
                self._failed.append(name)
            return False
        if path is None:
            if name.startswith(self._unseen):
                return True
            self._gone.append(name)
            return False
        if (prediction.model, prediction.version) != self._model:
            self._others.append(name)
            return False
        if not self._stamps.is_of(prediction, path):
            self._changed.append(name)
            return False
        return True

    @property
    def all_hold(self) -> bool:
        """Whether every line that was judged stays."""
        return not (self._gone or self._changed or self._others or self._failed)

    @cached_property
    def _places(self) -> dict[str, int]:
        """Of the films in their list; a run that has no line yet needs none."""
        return {name: place for place, name in enumerate(names_of(self._items))}

    def notes(self) -> Iterator[str]:
        """What became of the lines that do not stay, in words."""
        for names, what in (
            (self._gone, "no longer there, so that the lines are dropped"),
            (self._changed, "not as they were, and read again"),
            (self._others, "of which another model had spoken, and read again"),
            (self._failed, "tried again, as they could not be located before"),
        ):
            if names:
                more = ", ..." if len(names) > MOST_NAMES else ""
                first = ", ".join(shown(Path(name)) for name in names[:MOST_NAMES])
                yield f"films {what}: {len(names):,} ({first}{more})"


def _stamp(size: int, times: tuple[int, int]) -> str:
    """Changes with a file's size and its times."""
    return fingerprint("|".join(map(str, (size, *times))).encode())


def _line(name: str, stamp: str) -> bytes:
    return json.dumps([name, stamp]).encode() + b"\n"


def _read_stamps(path: Path) -> Iterator[tuple[str, str]]:
    """Those that can be read: a line that was cut off, or is anything else, is of no film."""
    with suppress(OSError), open_file(path, sys.maxsize) as lines:
        for line in lines_in(lines):
            with suppress(ValueError, TypeError):
                name, stamp = load_json(line)
                yield str(name), str(stamp)
