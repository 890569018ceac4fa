"""Which films are to be located, and what they are called.

Takes files and folders, or the films of a data set; gives each film's path and name. Reading them
is left to model.py.
"""

from __future__ import annotations

import errno
import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import overload

from tbspot.errors import TbspotError
from tbspot.images import is_film
from tbspot.images.magic import START
from tbspot.images.opening import open_regular, shown
from tbspot.images.reading import DIRECTORY, has_ending
from tbspot.lock import RUN_FILE
from tbspot.pathnames import as_text, leads_to
from tbspot.printable import printable
from tbspot.records.predictions import FILE_NAME
from tbspot.samples.sample import Sample

__all__ = ["Item", "faulty", "find_items", "items_of", "names_of", "passed_over"]

# So many of the files that are no films are named, of more only their number.
MOST_NAMED = 2


@dataclass(frozen=True, slots=True)
class Item:
    """A film to be located: where it is, and what its prediction calls it.

    Attributes:
        path: of the film.
        name: unique among the films; text that any file can hold.
        fault: why it cannot be read, where that is known: what stands in the place of films that
            a folder may hold.
        told: what sentences call it, where its path means nothing to who gave it; `None` = by its
            path.
    """

    path: Path
    name: str
    fault: str | None = None
    told: str | None = None


# A film of a folder: the folder, and the film's path inside as it stands there.
_Inside = tuple[Path, str]


@dataclass(frozen=True, slots=True)
class _Other:
    """A file of a folder that is no film, or a folder that a run wrote."""

    name: str
    is_run: bool = False


class _Items(Sequence[Item]):
    """Films that were found, each held as its name alone: a million take 80 MB in place of 450.

    Args:
        found: films of folders, items that are kept as they are, and files that are no films and
            folders of runs, which are counted and the first of them named.
    """

    def __init__(self, found: Iterable[Item | _Inside | _Other]) -> None:
        self.names: list[str] = []
        self.kept: dict[int, Item] = {}
        self.others: dict[bool, int] = {False: 0, True: 0}
        self.other_names: dict[bool, list[str]] = {False: [], True: []}
        self._folders: list[Path] = []
        self._starts: list[int] = []
        for one in found:
            place = len(self.names)
            if isinstance(one, _Other):
                self.others[one.is_run] += 1
                if self.others[one.is_run] <= MOST_NAMED:
                    self.other_names[one.is_run].append(one.name)
                continue
            if isinstance(one, Item):
                self.kept[place] = one
                self.names.append(one.name)
                continue
            folder, inside = one
            name = inside if inside.isascii() else as_text(inside)
            self.names.append(name)
            if name != inside:  # bytes that are no text, written out
                self.kept[place] = Item(folder / inside, name)
            elif not self._folders or self._folders[-1] is not folder:
                self._folders.append(folder)
                self._starts.append(place)

    def __len__(self) -> int:
        """How many."""
        return len(self.names)

    @overload
    def __getitem__(self, place: int) -> Item: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Item]: ...
    def __getitem__(self, place: int | slice) -> Item | Sequence[Item]:
        """A film, made anew each time, or some."""
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        place = range(len(self))[place]
        if (item := self.kept.get(place)) is not None:
            return item
        folder = self._folders[bisect_right(self._starts, place) - 1]
        return Item(folder / self.names[place], self.names[place])

    def __eq__(self, other: object) -> bool:
        """Whether they are the same films in the same order."""
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


def names_of(items: Sequence[Item]) -> Sequence[str]:
    """The films' names, in order."""
    return items.names if isinstance(items, _Items) else [item.name for item in items]


def faulty(items: Sequence[Item]) -> list[Item]:
    """Those that are known not to be readable, in order."""
    few = items.kept.values() if isinstance(items, _Items) else items
    return [item for item in few if item.fault]


def passed_over(items: Sequence[Item]) -> str | None:
    """How many files of the folders are no films, and which lie in runs, in words; or `None`."""
    if not isinstance(items, _Items):
        return None
    told = []
    for is_run, what, reason in ((False, "other file", "no film"), (True, "folder", "tbspot's")):
        number, names = items.others[is_run], ", ".join(items.other_names[is_run])
        if number:
            said = f"1 {what} was" if number == 1 else f"{number:,} {what}s were"
            more = ", ..." if number > MOST_NAMED else ""
            told.append(f"{said} passed over as {reason} ({names}{more})")
    return "; ".join(told) or None


def find_items(paths: Sequence[Path], out: Path | None) -> Sequence[Item]:
    """The films that are named, and those in the folders that are named, in order of name.

    A file that is named is called by the path given, whatever its ending; a film in a folder by
    its path in that folder. What lies in `out` or in another run's folder is left out: it was
    made by tbspot. A folder inside that cannot be looked into, or is a link, is an item with a
    fault, and so named and counted; a file that cannot be looked into, or is called as films are
    and holds nothing, is an item like a film. Files that are no films are counted: `passed_over`
    says of them.

    Raises:
        TbspotError: a path does not exist or cannot be looked into, a folder holds no film, or two
            films have one name.
    """
    items = _Items(_found(paths, out))
    if len(set(items.names)) == len(items):
        return items
    distinct = _Items(_distinct(items, "name the folder that holds both"))
    distinct.others, distinct.other_names = items.others, items.other_names
    return distinct


def _found(paths: Sequence[Path], out: Path | None) -> Iterator[Item | _Inside | _Other]:
    for path in paths:
        try:
            yield from _in_folder(path, out) if path.is_dir() else [_named(path)]
        except OSError as error:
            raise TbspotError(_fault(path, error, "check the path")) from error


def items_of(samples: Iterable[Sample]) -> tuple[Item, ...]:
    """The films of a data set, under their names there.

    Raises:
        TbspotError: films of two sources have one name.
    """
    items = [Item(sample.path, sample.name) for sample in samples]
    return _distinct(items, "locate each source into a folder of its own")


def _named(path: Path) -> Item:
    if not path.exists():
        raise TbspotError(f"{path} does not exist; check the path")
    return Item(path, as_text(path.as_posix()))


def _in_folder(folder: Path, out: Path | None) -> Iterator[Item | _Inside | _Other]:
    holds_none = True
    for one in _walk(folder, out):
        holds_none = holds_none and isinstance(one, _Other)
        yield one
    if holds_none:
        raise TbspotError(f"{folder} holds no film (DICOM, PNG, JPEG or TIFF); name another folder")


def _walk(folder: Path, out: Path | None) -> Iterator[Item | _Inside | _Other]:
    ours = _status_of(out)
    faults: list[Item] = []

    def note(error: OSError) -> None:
        path = Path(os.fsdecode(error.filename or folder))
        if path == folder:
            raise error
        faults.append(_unread(path, folder, _fault(path, error, "let it be read, or move it")))

    for parent, folders, names in os.walk(folder, onerror=note):
        inside = [Path(parent, name) for name in folders]
        inside = [path for path in inside if ours is None or not leads_to(path, ours)]
        # Path's own way raises where a path is too long.
        links = {path for path in inside if os.path.islink(path)}  # noqa: PTH114
        runs = {path for path in inside if path not in links and _is_run(path)}
        folders[:] = sorted(path.name for path in inside if path not in links | runs)
        for path in sorted(links):
            fault = f"{shown(path)} is a link to a folder, which is not followed; name that folder"
            faults.append(_unread(path, folder, fault))
        above = "" if Path(parent) == folder else f"{Path(parent).relative_to(folder).as_posix()}/"
        yield from (_Other(printable(f"{above}{one.name}/"), is_run=True) for one in sorted(runs))
        for name in sorted(names):
            if has_ending(name) or _is_to_be_read(Path(parent, name)):
                yield folder, f"{above}{name}"
            else:
                yield _Other(printable(f"{above}{name}"))
    yield from faults


def _status_of(out: Path | None) -> os.stat_result | None:
    """Of the run's folder; `None` where there is none yet."""
    with suppress(OSError):
        return out.stat() if out else None
    return None


def _is_run(folder: Path) -> bool:
    """Whether `tbspot locate` wrote a folder: its pictures are no films."""
    # Path's own way raises where a path is too long.
    return all(os.path.isfile(folder / name) for name in (RUN_FILE, FILE_NAME))  # noqa: PTH113


def _unread(path: Path, folder: Path, fault: str) -> Item:
    return Item(path, as_text(path.relative_to(folder).as_posix()) + "/", fault)


def _fault(path: Path, error: OSError, advice: str) -> str:
    # A path too long would be repeated at length, and its end tells it from others.
    name = shown(path) if error.errno != errno.ENAMETOOLONG else f"...{shown(path)[-40:]}"
    return f"{name} cannot be looked into ({error.strerror or error}); {advice}"


def _is_to_be_read(path: Path) -> bool:
    """Whether it is a film, or may be one that cannot be looked into, which reading it will say."""
    if is_film(path, follow_links=True):
        return True
    if path.name.upper() == DIRECTORY:
        return False
    try:
        with open_regular(path, shown(path), follow_links=True) as file:
            return _is_called_as_films_are(path) and not any(file.read(START))
    except OSError:
        return True
    except TbspotError as error:
        empty = path.is_file() and path.stat().st_size == 0
        return isinstance(error.__cause__, OSError) or (empty and _is_called_as_films_are(path))


def _is_called_as_films_are(path: Path) -> bool:
    """Whether discs call films so: without an ending, or with a number in its place.

    If nothing stands in such a file, or noughts alone, a film was lost in copying.
    """
    ending = path.suffix[1:]
    return not path.name.startswith(".") and (not ending or ending.isdigit())


def _distinct(items: Sequence[Item], advice: str) -> tuple[Item, ...]:
    paths: dict[str, Path] = {}
    for item in items:
        other = paths.setdefault(item.name, item.path)
        if other != item.path:
            raise TbspotError(f"{other} and {item.path} would both be called {item.name}; {advice}")
    return tuple({item.name: item for item in items}.values())
