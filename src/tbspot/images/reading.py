"""Any file to a film: tells what it is, reads it where it can do no harm.

Takes a path; gives a film. The formats are left to raster.py and dicom.py, whether the film is
one to be judged to gate/verdict.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tbspot.errors import OutOfMemoryError, TbspotError, UnreadableFilmError, told_as
from tbspot.images.decoding import TRY_AGAIN, read_apart
from tbspot.images.film import Film
from tbspot.images.opening import open_regular, shown, sniff
from tbspot.images.raster import read_raster

__all__ = ["SUFFIXES", "has_ending", "is_film", "read_pixels", "read_with_facts"]

# Files of a folder that are read without a look at what they hold; others are told by that.
SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".dcm", ".dicom", ".bmp", ".webp", ".jp2", ".j2k",
)  # fmt: skip
# What macOS keeps beside a file of another disk is called as that, and so is no film by its ending.
BESIDE = "._"
# What lists the films of a disc.
DIRECTORY = "DICOMDIR"


def has_ending(name: str) -> bool:
    """Whether a file's name has the usual ending of a film, and is not one that macOS gives."""
    return name.lower().endswith(SUFFIXES) and not name.startswith(BESIDE)


def is_film(path: Path, *, follow_links: bool = False) -> bool:
    """Whether a file of a folder is to be read: by its ending, or as it begins as films do.

    Archives and discs of clinics name films `IM000001` or by a number; their `DICOMDIR` is none.
    """
    if has_ending(path.name):
        return True
    if path.name.upper() == DIRECTORY:
        return False
    name = shown(path)
    try:
        with open_regular(path, name, follow_links=follow_links) as file:
            return bool(sniff(file, name))
    except (TbspotError, OSError):
        return False


def read_pixels(path: Path) -> NDArray[np.float32]:
    """Read a film as `float32 [height, width]` in [0, 1], 0 = black = air, upright and grey.

    For data sets: symbolic links are followed, as these are often made of them, and PNG and JPEG
    are decoded here, as they are read by the thousand and come from whoever trains.

    Raises:
        TbspotError: the file is absent, empty, broken, too large or not an image; as
            `OutOfMemoryError`, that memory ran out.
    """
    name = shown(path)
    with open_regular(path, name, follow_links=True) as file:
        kind = sniff(file, name)
        if kind in ("PNG", "JPEG"):
            try:
                return read_raster(file, name, kind).pixels
            except MemoryError as error:
                raise OutOfMemoryError(f"memory ran out for {name}; {TRY_AGAIN}") from error
    return read_apart(path, name, follow_links=True).pixels


def read_with_facts(
    path: Path, *, follow_links: bool = False, name: str | None = None, enough: int | None = None
) -> Film:
    """Read a film and what its file says of it, in a process with limits, whatever its format.

    For films that a stranger may have sent: one whose decoder crashes, hangs or asks for too much
    memory costs that film alone.

    Args:
        path: of the file.
        follow_links: whether a symbolic link stands for the file that it leads to.
        name: what sentences call the film; `None` = its path.
        enough: pixels that are enough for either side. A film that has twice as many or more may
            be reduced by a whole factor, each pixel the mean of several; `Film.shape` keeps the
            file's size. `None` = the whole film.

    Raises:
        UnreadableFilmError: the file is absent, a link that is not to be followed, empty, broken,
            too large or not an image.
        OutOfMemoryError: memory ran out.
    """
    name = name or shown(path)
    with told_as(UnreadableFilmError):
        # What is no file or no film at all needs no process to be told.
        with open_regular(path, name, follow_links=follow_links) as file:
            sniff(file, name)
        return read_apart(path, name, follow_links=follow_links, enough=enough)
