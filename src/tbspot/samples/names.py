"""What the file names of public TB collections say.

Takes a film's file name; gives its label and the collection it comes from. Shenzhen and
Montgomery end in `_1` (TB) or `_0`; DA names films `px` and `nx`, DB `p` and `n`, and a number.
"""

from __future__ import annotations

import re

__all__ = ["label_and_source"]

_NIH_PAIR = re.compile(r"(CHN|MCU)CXR_\d+_([01])")
_INDIAN = re.compile(r"([np])(x?)\d+")


def label_and_source(stem: str) -> tuple[int, str] | None:
    """Label and source that a file name (without its suffix) stands for, if it is known."""
    if pair := _NIH_PAIR.fullmatch(stem):
        return int(pair[2]), "shenzhen" if pair[1] == "CHN" else "montgomery"
    if indian := _INDIAN.fullmatch(stem):
        return int(indian[1] == "p"), "da" if indian[2] else "db"
    return None
