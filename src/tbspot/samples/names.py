"""What the names of films say.

Takes a film's name; gives it without its format, and, for films of public TB collections, the
label and the collection it comes from. Shenzhen and
Montgomery end in `_1` (TB) or `_0`; DA names films `px` and `nx`, DB `p` and `n`, and a number.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

__all__ = ["label_and_source", "stem", "without_ending"]

_NIH_PAIR = re.compile(r"(CHN|MCU)CXR_\d+_([01])")
_INDIAN = re.compile(r"([np])(x?)\d+")


def without_ending(name: str) -> str:
    """A film's name without what tells its format; the last number of a UID does not."""
    path = PurePosixPath(name)
    return path.with_suffix("").as_posix() if path.suffix[1:2].isalpha() else name


def stem(name: str) -> str:
    """A film's file name without what tells its format."""
    return PurePosixPath(without_ending(name)).name


def label_and_source(stem: str) -> tuple[int, str] | None:
    """Label and source that a file name (without its suffix) stands for, if it is known."""
    if pair := _NIH_PAIR.fullmatch(stem):
        return int(pair[2]), "shenzhen" if pair[1] == "CHN" else "montgomery"
    if indian := _INDIAN.fullmatch(stem):
        return int(indian[1] == "p"), "da" if indian[2] else "db"
    return None
