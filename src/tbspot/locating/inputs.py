"""Which films are to be located, and what they are called.

Takes files and folders, or the films of a data set; gives each film's path and name. Reading them
is left to run.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tbspot.errors import TbspotError
from tbspot.images import SUFFIXES, is_film
from tbspot.samples.sample import Sample

__all__ = ["Item", "find_items", "items_of"]


@dataclass(frozen=True)
class Item:
    """A film to be located: where it is, and what its prediction calls it.

    Attributes:
        path: of the film.
        name: unique among the films; text that any file can hold.
    """

    path: Path
    name: str


def find_items(paths: Sequence[Path], out: Path) -> tuple[Item, ...]:
    """The films that are named, and those in the folders that are named, in order of name.

    A file that is named is called by the path given, whatever its ending; a film in a folder by
    its path in that folder. What lies in `out` is left out: it was made by tbspot.

    Raises:
        TbspotError: a path does not exist, a folder holds no film, or two films have one name.
    """
    items: list[Item] = []
    for path in paths:
        if path.is_dir():
            items += _in_folder(path, out)
        elif path.exists():
            items.append(Item(path, _text(path.as_posix())))
        else:
            raise TbspotError(f"{path} does not exist; check the path")
    return _distinct(items, "name the folder that holds both")


def items_of(samples: Iterable[Sample]) -> tuple[Item, ...]:
    """The films of a data set, under their names there.

    Raises:
        TbspotError: films of two sources have one name.
    """
    items = [Item(sample.path, sample.name) for sample in samples]
    return _distinct(items, "locate each source into a folder of its own")


def _in_folder(folder: Path, out: Path) -> list[Item]:
    found = [Item(path, _text(path.relative_to(folder).as_posix())) for path in _walk(folder, out)]
    if not found:
        raise TbspotError(f"{folder} holds no film ({', '.join(SUFFIXES)}); name another folder")
    return found


def _walk(folder: Path, out: Path) -> Iterator[Path]:
    ours = out.resolve()
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if Path(parent, name).resolve() != ours)
        for name in sorted(names):
            if is_film(Path(parent, name)):
                yield Path(parent, name)


def _text(name: str) -> str:
    """The name with bytes that are no text written out: lines of JSON cannot hold them."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _distinct(items: Sequence[Item], advice: str) -> tuple[Item, ...]:
    paths: dict[str, Path] = {}
    for item in items:
        other = paths.setdefault(item.name, item.path)
        if other != item.path:
            raise TbspotError(f"{other} and {item.path} would both be called {item.name}; {advice}")
    return tuple(Item(path, name) for name, path in paths.items())
