"""Opening a file that may be anything, and telling what it is by its content.

Takes a path; gives an open regular file of a sensible size and its kind. Decoding it is left to
raster.py and dicom.py.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO, Literal

from tbspot.errors import TbspotError
from tbspot.printable import printable

__all__ = ["MOST_PIXELS", "Kind", "check_size", "open_regular", "shown", "sniff"]

Kind = Literal["PNG", "JPEG", "TIFF", "DICOM"]

# 64 megapixels: four times the largest detector in use, a quarter of a gigabyte as float32.
MOST_PIXELS = 64_000_000
# An uncompressed colour film of 64 megapixels with 16 bits a sample, and its header.
MOST_BYTES = 512_000_000

STARTS: dict[bytes, Kind] = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"II+\x00": "TIFF",
    b"MM\x00+": "TIFF",
}
# A DICOM file without its preamble opens with a tag of group 2 or 8; the next byte of the
# element number, as stored little-endian, tells it from a text file.
BARE_DICOM = (b"\x02\x00\x00\x00", b"\x02\x00\x01\x00", b"\x08\x00\x00\x00", b"\x08\x00\x05\x00",
              b"\x08\x00\x08\x00", b"\x08\x00\x16\x00")  # fmt: skip
NO_FILM = {
    b"\x1f\x8b": "a gzip archive; unpack it first",
    b"PK\x03\x04": "a zip archive; unpack it first",
    b"7z\xbc\xaf": "a 7-Zip archive; unpack it first",
    b"%PDF": "a PDF; export the film as DICOM or PNG",
}


def shown(path: Path) -> str:
    """The path as a sentence may hold it: characters that cannot be printed are replaced."""
    return printable(str(path))


def open_regular(path: Path, name: str, *, follow_links: bool) -> BinaryIO:
    """Open a regular file for reading; never waits, never opens a device.

    Args:
        path: where it is.
        name: what sentences call it.
        follow_links: whether a symbolic link stands for the file it leads to.

    Raises:
        TbspotError: it is absent, not a regular file, a link that is not to be followed, not to
            be read by this user, empty or too large.
    """
    # Without O_NONBLOCK, a FIFO put in a file's place between the two looks would wait for ever.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    flags |= 0 if follow_links else getattr(os, "O_NOFOLLOW", 0)
    try:
        _check_regular(path.stat(follow_symlinks=follow_links), name)
        # Path.open takes no opener.
        file = open(path, "rb", opener=lambda name, _: os.open(name, flags))  # noqa: SIM115
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
        TbspotError: none of the formats that hold films.
    """
    start = file.read(132)
    file.seek(0)
    if start[128:] == b"DICM":
        return "DICOM"
    for magic, kind in STARTS.items():
        if start.startswith(magic):
            return kind
    if start.startswith(BARE_DICOM):
        return "DICOM"
    for magic, what in NO_FILM.items():
        if start.startswith(magic):
            raise TbspotError(f"{name} is {what}")
    raise TbspotError(f"{name} is not an image (DICOM, PNG, JPEG or TIFF); replace or remove it")


def check_size(width: int, height: int, name: str) -> None:
    """Refuse a picture without pixels or with more than `MOST_PIXELS`.

    Raises:
        TbspotError: its size is not a film's.
    """
    if width < 1 or height < 1 or width * height > MOST_PIXELS:
        raise TbspotError(
            f"{name} has {width} x {height} pixels, not 1 to {MOST_PIXELS:,}; export it again"
        )
