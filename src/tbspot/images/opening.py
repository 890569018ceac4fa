"""Opening a file that may be anything, and telling what it is by its content.

Takes a path; gives an open regular file of a sensible size and its kind. Decoding it is left to
raster.py and dicom.py, the formats' first bytes are magic.py's.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from tbspot.errors import TbspotError
from tbspot.images.film import Kind, Seen
from tbspot.images.magic import START, kind_of, other_of
from tbspot.printable import printable

__all__ = [
    "MOST_PIXELS",
    "check_same",
    "check_size",
    "may_be_same",
    "open_regular",
    "seen_in",
    "shown",
    "sniff",
    "times_of",
]

# 64 megapixels: four times the largest detector in use, a quarter of a gigabyte as float32.
MOST_PIXELS = 64_000_000
# An uncompressed colour film of 64 megapixels with 16 bits a sample, and its header.
MOST_BYTES = 512_000_000


def shown(path: Path) -> str:
    """The path as a sentence may hold it: characters that cannot be printed are replaced."""
    return printable(str(path))


def may_be_same(one: str | None, other: str | None) -> bool:
    """Whether two films have the same bytes by their sums, or may have them.

    Args:
        one: SHA-256 of a file; `None` = not known, as in lines of earlier versions.
        other: of the other file.
    """
    return one is None or other is None or one == other


def open_regular(
    path: Path, name: str, *, follow_links: bool, within: int | None = None
) -> BufferedReader:
    """Open a regular file for reading; never waits, never opens a device.

    Args:
        path: where it is.
        name: what sentences call it.
        follow_links: whether a symbolic link stands for the file it leads to.
        within: descriptor of the folder that `path` starts at; `None` = as the system has it.

    Raises:
        TbspotError: it is absent, not a regular file, a link that is not to be followed, not to
            be read by this user, empty or too large.
    """
    # Without O_NONBLOCK, a FIFO put in a file's place between the two looks would wait for ever.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    flags |= 0 if follow_links else getattr(os, "O_NOFOLLOW", 0)
    try:
        _check_regular(os.stat(path, dir_fd=within, follow_symlinks=follow_links), name)
        # Path.open takes no opener.
        file = open(  # noqa: SIM115
            path, "rb", opener=lambda name, _: os.open(name, flags, dir_fd=within)
        )
    except FileNotFoundError as error:
        raise TbspotError(f"{name} does not exist; check the path") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise TbspotError(f"{name} cannot be opened ({reason}); check the path") from error
    try:
        _check_regular(os.fstat(file.fileno()), name)
    except TbspotError:
        file.close()
        raise
    return file


def _check_regular(status: os.stat_result, name: str) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise TbspotError(f"{name} is a symbolic link; name the file it leads to")
    if stat.S_ISDIR(status.st_mode):
        raise TbspotError(f"{name} is a folder, not a film; name a file")
    if not stat.S_ISREG(status.st_mode):
        raise TbspotError(f"{name} is a pipe or device, not a film; name a file")
    if status.st_size == 0:
        raise TbspotError(f"{name} is empty; replace or remove it")
    if status.st_size > MOST_BYTES:
        raise TbspotError(
            f"{name} has {status.st_size:,} bytes, more than {MOST_BYTES:,}; export it smaller"
        )


def sniff(file: BinaryIO, name: str) -> Kind:
    """What the file holds, by its first bytes; leaves the file at its start.

    Raises:
        TbspotError: none of the formats that hold films, or it cannot be read.
    """
    with _disk_told(name):
        start = file.read(START)
    file.seek(0)
    kind = kind_of(start, os.fstat(file.fileno()).st_size)
    if kind is not None:
        return kind
    other = other_of(start)
    if other is not None:
        raise TbspotError(f"{name} is {other}")
    raise TbspotError(
        f"{name} is not an image (DICOM, PNG, JPEG or TIFF), nor of another kind that tbspot "
        "knows; replace or remove it"
    )


def seen_in(file: BufferedReader, name: str) -> Seen:
    """What an open file holds now; leaves it at its start.

    Raises:
        TbspotError: it cannot be read.
    """
    status = os.fstat(file.fileno())
    with _disk_told(name):
        digest = hashlib.file_digest(file, "sha256")
    file.seek(0)
    return Seen(status.st_size, digest.hexdigest(), times_of(status))


@contextmanager
def _disk_told(name: str) -> Iterator[None]:
    """A disk that fails in the middle of a film costs this film alone."""
    try:
        yield
    except OSError as error:
        raise TbspotError(f"{name} cannot be read ({error.strerror}); check its disk") from error


def times_of(status: os.stat_result) -> tuple[int, int]:
    """Of writing and of any change, in nanoseconds; the second cannot be set back by an archive."""
    return status.st_mtime_ns, status.st_ctime_ns


def check_same(name: str, seen: Seen | None, sha256: str | None) -> None:
    """See that a file that was read is the film that was located.

    Args:
        name: what sentences call the film.
        seen: the file as it was read.
        sha256: of the bytes that were located; `None` = not known, so that nothing is said.

    Raises:
        TbspotError: it is another film's.
    """
    if sha256 is not None and (seen is None or seen.sha256 != sha256):
        raise TbspotError(
            f"{name} is no longer the film that was located, as its file has changed; locate it "
            "again"
        )


def check_size(width: int, height: int, name: str) -> None:
    """Refuse a picture without pixels or with more than `MOST_PIXELS`.

    Raises:
        TbspotError: its size is not a film's.
    """
    if width < 1 or height < 1 or width * height > MOST_PIXELS:
        raise TbspotError(
            f"{name} has {width} x {height} pixels, not 1 to {MOST_PIXELS:,}; export it again"
        )
