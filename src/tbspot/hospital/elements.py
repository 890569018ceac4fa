"""The elements of a data set in their order, by their heads alone (PS3.5 7.1); values are skipped.

Takes an open file, whoever made it; gives tags, and keeps nothing. pydicom keeps a line for each
element, and of a tag that comes twice only the last. What values say is left to it nevertheless.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from struct import unpack
from typing import BinaryIO, NamedTuple

from pydicom.filereader import read_partial
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, STANDARD_VR

__all__ = ["WAYS", "data_set_of", "is_whole", "tags_of"]

ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
DELIMITERS = 0xFFFE
UNDEFINED = 0xFFFFFFFF
# Of all that has a head, items of sequences and parts of pixels too: a film has some hundreds.
MOST_ELEMENTS = 100_000
HEAD = 8
# Where a representation is none, as `??`, an element may be of implicit representation among others
# that state theirs, or have a length of the usual two bytes; in this order, as images/dicom.py.
WAYS = (True, False)
# After these the length has four bytes, and two of nothing before it (PS3.5 7.1.2).
LONG = {representation.encode() for representation in EXPLICIT_VR_LENGTH_32}
KNOWN = {representation.encode() for representation in STANDARD_VR}


class _Level(NamedTuple):
    """What is walked: items, of a sequence or of pixels, or elements; and how it is encoded.

    Items of an unknown representation do not state theirs (PS3.5 6.2.2); some that do are written.
    """

    of_items: bool
    implicit: bool
    unknown: bool = False


def data_set_of(file: BinaryIO) -> tuple[BinaryIO, bool]:
    """A file of DICOM at the beginning of its data set, and whether that is little-endian.

    Args:
        file: at its beginning. One of a deflated data set is another than is given.

    Raises:
        Exception: of any kind: what is broken may break pydicom in any way.
    """
    found = read_partial(file, lambda *_: True, force=True)
    opened: BinaryIO = file if found.buffer is None else found.buffer  # type: ignore[assignment]
    return opened, bool(found.original_encoding[1])


def is_whole(file: BinaryIO, last: int, *, little: bool) -> bool:
    """Whether a data set can be walked to the end of the element in which its kind ends.

    What stands behind it is not judged: padding, rests of a disk, or more of the data set.

    Args:
        file: at the beginning of the data set.
        last: tag of the element.
        little: whether it is little-endian.
    """
    start = file.tell()
    for mixed in WAYS:
        file.seek(start)
        with suppress(ValueError):
            if last in [*tags_of(file, little=little, last=last, mixed=mixed)]:
                return True
    return False


def tags_of(
    file: BinaryIO, *, little: bool, last: int | None = None, mixed: bool = True
) -> Iterator[int]:
    """Tags of a data set's own elements, each as soon as its head is read; not those of items.

    Args:
        file: at the beginning of the data set; who reads on between two tags goes astray.
        little: whether it is little-endian. Whether representations are stated is seen from the
            first element, as pydicom does.
        last: tag of the element at whose end it stops; `None` = at the end of the file.
        mixed: which of `WAYS`.

    Raises:
        ValueError: an element goes beyond the end, items are not where they may be, or there are
            more than `MOST_ELEMENTS`.
    """
    start = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(start)
    levels = [_Level(of_items=False, implicit=not _is_stated(_next_representation(file)))]
    own = -1
    for _ in range(MOST_ELEMENTS):
        level = levels[-1]
        is_over = len(levels) == 1 and own == last
        if is_over or not (head := _next_head(file, levels)):
            return
        tag, representation, length = _head_of(head, file, level.implicit, little, mixed)
        if not _begins(tag, levels):
            continue
        if len(levels) == 1:
            own = tag
            yield tag
        if length == UNDEFINED:
            levels.append(_within(level, representation, file))
        elif file.seek(length, os.SEEK_CUR) > end:
            raise ValueError("a value ends too early")
    raise ValueError("there are more elements than a film has")


def _next_head(file: BinaryIO, levels: list[_Level]) -> bytes:
    """Eight bytes, or none at the end. Of less than a head nothing can be said: it is padding."""
    head = file.read(HEAD)
    if len(head) == HEAD:
        return head
    if len(levels) > 1:
        raise ValueError("it ends within a sequence")
    return b""


def _within(level: _Level, representation: bytes, file: BinaryIO) -> _Level:
    """Items of an element, or elements of an item, before the first of them is read."""
    if not level.of_items:
        return _Level(True, level.implicit, unknown=representation == b"UN")
    states_none = level.unknown and _next_representation(file) not in KNOWN
    return _Level(False, level.implicit or states_none)


def _next_representation(file: BinaryIO) -> bytes:
    """What the next element has where a representation stands, if it states one."""
    place = file.tell()
    head = file.read(HEAD)
    file.seek(place)
    return head[4:6]


def _begins(tag: int, levels: list[_Level]) -> bool:
    """Whether an element or item begins; if not, the innermost level ends, and is left."""
    if tag in (ITEM_END, SEQUENCE_END):
        if len(levels) == 1 or levels[-1].of_items != (tag == SEQUENCE_END):
            raise ValueError("a sequence or an item ends that has not begun")
        levels.pop()
        return False
    if levels[-1].of_items != (tag == ITEM):
        raise ValueError("an item is no item, or stands where none may")
    return True


def _head_of(
    head: bytes, file: BinaryIO, implicit: bool, little: bool, mixed: bool
) -> tuple[int, bytes, int]:
    """Tag, representation (empty where it is not stated) and length; reads what belongs to them."""
    order = "<" if little else ">"
    group, element, representation, short = unpack(f"{order}HH2sH", head)
    tag = group << 16 | element
    if implicit or group == DELIMITERS or (mixed and not _is_stated(representation)):
        return tag, b"", unpack(f"{order}L", head[4:])[0]
    if representation not in LONG:
        return tag, representation, short
    length = file.read(4)
    if len(length) < 4:
        raise ValueError("an element ends within its head")
    return tag, representation, unpack(f"{order}L", length)[0]


def _is_stated(representation: bytes) -> bool:
    """Whether two bytes are letters of a representation, and not half of a length."""
    return representation.isalpha() and representation.isupper()
