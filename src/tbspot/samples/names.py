"""What the names of films say.

Takes a film's name; gives it without its format, and, for films of public TB collections, the
label and the collection it comes from. Shenzhen and
Montgomery end in `_1` (TB) or `_0`; DA names films `px` and `nx`, DB `p` and `n`, and a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from tbspot.images import SUFFIXES

__all__ = ["Names", "label_and_source", "stem", "without_ending"]

_NIH_PAIR = re.compile(r"(CHN|MCU)CXR_\d+_([01])")
_INDIAN = re.compile(r"([np])(x?)\d+")

# Of films and of their maps. What else stands behind a dot is a part of the name: SMITH.JOHN and
# SMITH.MARY are two patients, film.v2 is another film than film.
_ENDINGS = (*SUFFIXES, ".npy", ".npz")


def without_ending(name: str) -> str:
    """A film's name without the ending of a format of films or maps; no other is one."""
    path = PurePosixPath(name)
    return path.with_suffix("").as_posix() if path.suffix.lower() in _ENDINGS else name


def stem(name: str) -> str:
    """A film's file name without what tells its format."""
    return PurePosixPath(without_ending(name)).name


class Names:
    """Names of films, to be found by another name of the same film.

    Args:
        names: paths with POSIX separators, with or without folders and ending.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = dict.fromkeys(names)
        self._by_path: dict[str, list[str]] = {}
        self._by_end: dict[str, list[str]] = {}
        for name in self._names:
            path = without_ending(name)
            self._by_path.setdefault(path, []).append(name)
            for end in _ends(path):
                self._by_end.setdefault(end, []).append(name)

    def __contains__(self, name: str) -> bool:
        """Whether this very name is among them."""
        return name in self._names

    def closest(self, name: str) -> list[str]:
        """The name itself, or else those that are `alike`."""
        return [name] if name in self._names else self.alike(name)

    def alike(self, name: str) -> list[str]:
        """Those that differ in the ending at most, or else in the first folders.

        `p1/chest` and `chest` are names of `b/p1/chest.png`, `p2/chest` is not. Several are given
        where all of them are as close.
        """
        path = without_ending(name)
        for known in (self._by_path, self._by_end):
            # As it stands it may be the name of `film.png.dcm` without its ending.
            for one in (name, path):
                if one in known:
                    return known[one]
        # Of names with fewer folders the longest that it ends in.
        return next((self._by_path[end] for end in _ends(path) if end in self._by_path), [])


def _ends(path: str) -> list[str]:
    """A path less its first folder, less its first two, and so on to the file name."""
    parts = path.split("/")
    return ["/".join(parts[first:]) for first in range(1, len(parts))]


def label_and_source(stem: str) -> tuple[int, str] | None:
    """Label and source that a file name (without its suffix) stands for, if it is known."""
    if pair := _NIH_PAIR.fullmatch(stem):
        return int(pair[2]), "shenzhen" if pair[1] == "CHN" else "montgomery"
    if indian := _INDIAN.fullmatch(stem):
        return int(indian[1] == "p"), "da" if indian[2] else "db"
    return None
