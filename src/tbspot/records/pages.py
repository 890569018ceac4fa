"""Pages: the heat maps of a folder in one file, a `.npz` where the folder was.

Takes and gives the bytes of `.npy` files by their names: `heatmaps/3f/a.npy` is `a.npy` in the page
`heatmaps/3f.npz` where the folder `heatmaps/3f` is no more. A page is a ZIP file, nothing in it
compressed, which `numpy.load` reads too; it is written whole or not at all. What maps hold is left
to predictions.py, which folders become pages to locating/.
"""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, NamedTuple
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from tbspot.errors import TbspotError, refuse_unread
from tbspot.parsing import open_file
from tbspot.storage import replacing

__all__ = ["SUFFIX", "names_in", "page_of", "read_from_page", "write_page"]

SUFFIX = ".npz"
# Of one map: 4,096 numbers of 8 bytes a side, and a header.
LONGEST_MAP = 4096 * 4096 * 8 + 65_536
# Of what names the maps of a page: twice that of a folder of 10,000 files.
LONGEST_DIRECTORY = 2 << 20
# The end of a ZIP file without a comment, its directory's length in it, and what would come before
# it in one of more than 4 GB.
END, END_BYTES, LENGTH = b"PK\5\6", 22, slice(12, 16)
LARGE, LARGE_BYTES = b"PK\6\7", 20
# Before a map's own bytes: so much, then a name and more, whose lengths stand at the end of it.
HEAD_BYTES = 30
UNIX = 3


class _Place(NamedTuple):
    """Where a map stands in a page: its head, its length and what its bytes add up to."""

    start: int
    length: int
    sum: int


def page_of(folder: Path) -> Path:
    """The page that a folder becomes."""
    return folder.with_name(folder.name + SUFFIX)


def names_in(page: Path) -> frozenset[str]:
    """The maps that a page holds; none where there is no page.

    Raises:
        TbspotError: it is none of tbspot's, or cannot be read.
    """
    if not page.exists():
        return frozenset()
    with _opened(page) as file:
        return frozenset(_places_in(page, _stamp(file)))


def read_from_page(page: Path, name: str) -> bytes:
    """A map as a `.npy` file has it.

    Args:
        page: that holds it.
        name: of its file.

    Raises:
        TbspotError: the page is none of tbspot's, cannot be read, holds no such map, or not as it
            was written.
    """
    with _opened(page) as file:
        place = _places_in(page, _stamp(file)).get(name)
        if place is None or place.length > LONGEST_MAP:
            raise ValueError("holds no such map")
        file.seek(place.start)
        head = file.read(HEAD_BYTES)
        file.seek(sum(int.from_bytes(head[at : at + 2], "little") for at in (26, 28)), os.SEEK_CUR)
        content = file.read(place.length)
        if len(content) != place.length or zlib.crc32(content) != place.sum:
            raise ValueError("a map is not as it was written")
    return content


def write_page(page: Path, names: Iterable[str], folder: Path) -> None:
    """Write a page of maps from their files, or where there is none, from the page before it.

    The same maps give the same bytes. What stood at `page` stays until all of it is on the disk.

    Args:
        page: to write.
        names: of the maps, in order.
        folder: of their files.

    Raises:
        TbspotError: the file system refuses, or the page before it is none of tbspot's.
    """
    with replacing(page, parents=False) as temporary, ZipFile(temporary, "w", ZIP_STORED) as after:
        for name in names:
            file = folder / name
            content = file.read_bytes() if file.is_file() else read_from_page(page, name)
            entry = ZipInfo(name)  # of 1980, and of no user
            entry.create_system = UNIX
            after.writestr(entry, content)


@contextmanager
def _opened(page: Path) -> Iterator[BinaryIO]:
    try:
        with open_file(page, sys.maxsize) as file:
            yield file
    # zipfile tells what is broken by many kinds of error.
    except Exception as error:
        refuse_unread(error, page)
        raise TbspotError(
            f"{page} does not hold heat maps as tbspot packs them; move it away, and run "
            "`tbspot locate` again"
        ) from error


def _stamp(file: BinaryIO) -> tuple[int, int, int]:
    status = os.fstat(file.fileno())
    return status.st_ino, status.st_size, status.st_mtime_ns


# As many pages as a million films have: their names are looked up often, and take a third of a
# kilobyte each.
@lru_cache(maxsize=4096)
def _places_in(page: Path, _: tuple[int, int, int]) -> dict[str, _Place]:
    """Where each map of a page stands, as long as its file bears this stamp."""
    with open_file(page, sys.maxsize) as file:
        _check_end(file)
        entries = ZipFile(file).infolist()
    if any(one.compress_type != ZIP_STORED or one.flag_bits & 1 for one in entries):
        raise ValueError("not a page of tbspot")
    return {one.filename: _Place(one.header_offset, one.file_size, one.CRC) for one in entries}


def _check_end(file: BinaryIO) -> None:
    """See that what names the maps is of a length that a page has, before it is read."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - END_BYTES - LARGE_BYTES))
    last = file.read()
    end = last[-END_BYTES:]
    if len(end) < END_BYTES or not end.startswith(END):
        raise ValueError("not a page, or cut off")
    length = int.from_bytes(end[LENGTH], "little")
    if last[:-END_BYTES].startswith(LARGE) or length > LONGEST_DIRECTORY:
        raise ValueError("larger than a page")
    file.seek(0)
