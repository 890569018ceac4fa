"""Which films are to be located, and what they are called.

Takes files and folders, or the films of a data set; gives each film's path and name. Reading them
is left to run.py.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tbspot.errors import TbspotError
from tbspot.images import SUFFIXES, is_film
from tbspot.images.opening import open_regular, shown, sniff
from tbspot.pathnames import as_text
from tbspot.samples.sample import Sample

__all__ = ["Item", "find_items", "items_of"]


@dataclass(frozen=True)
class Item:
    """A film to be located: where it is, and what its prediction calls it.

    Attributes:
        path: of the film.
        name: unique among the films; text that any file can hold.
        fault: why it cannot be read, where that is known: what stands in the place of films that
            a folder may hold.
    """

    path: Path
    name: str
    fault: str | None = None


def find_items(paths: Sequence[Path], out: Path | None) -> tuple[Item, ...]:
    """The films that are named, and those in the folders that are named, in order of name.

    A file that is named is called by the path given, whatever its ending; a film in a folder by
    its path in that folder. What lies in `out` is left out: it was made by tbspot. Nothing else
    is: a folder inside that cannot be looked into, or is a link, is an item with a fault, and so
    named and counted; a file that cannot be looked into is an item like a film.

    Raises:
        TbspotError: a path does not exist or cannot be looked into, a folder holds no film, or two
            films have one name.
    """
    items: list[Item] = []
    for path in paths:
        try:
            items += _in_folder(path, out) if path.is_dir() else [_named(path)]
        except OSError as error:
            raise TbspotError(_fault(path, error, "check the path")) from error
    return _distinct(items, "name the folder that holds both")


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


def _in_folder(folder: Path, out: Path | None) -> list[Item]:
    found = list(_walk(folder, out))
    if not found:
        raise TbspotError(f"{folder} holds no film ({', '.join(SUFFIXES)}); name another folder")
    return found


def _walk(folder: Path, out: Path | None) -> Iterator[Item]:
    ours = out.resolve() if out else None
    faults: list[Item] = []

    def note(error: OSError) -> None:
        path = Path(os.fsdecode(error.filename or folder))
        if path == folder:
            raise error
        faults.append(_unread(path, folder, _fault(path, error, "let it be read, or move it")))

    for parent, folders, names in os.walk(folder, onerror=note):
        inside = [Path(parent, name) for name in folders]
        inside = [path for path in inside if path.resolve() != ours]
        # Path's own way raises where a path is too long.
        links = {path for path in inside if os.path.islink(path)}  # noqa: PTH114
        folders[:] = sorted(path.name for path in inside if path not in links)
        for path in sorted(links):
            fault = f"{shown(path)} is a link to a folder, which is not followed; name that folder"
            faults.append(_unread(path, folder, fault))
        for path in (Path(parent, name) for name in sorted(names)):
            if _is_to_be_read(path):
                yield Item(path, as_text(path.relative_to(folder).as_posix()))
    yield from faults


def _unread(path: Path, folder: Path, fault: str) -> Item:
    return Item(path, as_text(path.relative_to(folder).as_posix()) + "/", fault)


def _fault(path: Path, error: OSError, advice: str) -> str:
    # A path too long would be repeated at length, and its end tells it from others.
    name = shown(path) if error.errno != errno.ENAMETOOLONG else f"...{shown(path)[-40:]}"
    return f"{name} cannot be looked into ({error.strerror or error}); {advice}"


def _is_to_be_read(path: Path) -> bool:
    """Whether it is a film, or may be one that cannot be looked into, which reading it will say."""
    if is_film(path):
        return True
    if path.name.upper() == "DICOMDIR":
        return False
    name = shown(path)
    try:
        with open_regular(path, name, follow_links=True) as file:
            return path.is_symlink() and sniff(file, name) == "DICOM"
    except OSError:
        return True
    except TbspotError as error:
        return isinstance(error.__cause__, OSError)


def _distinct(items: Sequence[Item], advice: str) -> tuple[Item, ...]:
    paths: dict[str, Path] = {}
    for item in items:
        other = paths.setdefault(item.name, item.path)
        if other != item.path:
            raise TbspotError(f"{other} and {item.path} would both be called {item.name}; {advice}")
    return tuple({item.name: item for item in items}.values())
