"""Folders for files that are needed for a while, and those that a killed process left behind.

Gives a folder of this user's alone, held by a lock for as long as the process lives, and removes
those that are held no longer. What lies in them, such as films from standard input or dropped on
the page, is left to who asks. Windows has no such lock: there a killed process's folder stays.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from tbspot.errors import TbspotError
from tbspot.flock import take

__all__ = ["held_folder", "holding_folder", "kept", "let_go", "remove_leftovers"]

PREFIX = "tbspot-held-"
# Of an earlier tbspot: a page's, and those of single films.
PREFIXES = (PREFIX, "tbspot-view-", "tbspot-film-")
# The system's own part of the name, so that a folder that somebody called alike is not taken.
REST = "?" * 8
# A folder that is being made is held within moments.
SECONDS = 60.0


def held_folder() -> tuple[Path, int | None]:
    """A new folder, and what holds it until `let_go` or the end of the process.

    Raises:
        TbspotError: there is no place for temporary files.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    except OSError as error:
        raise TbspotError(
            f"no temporary files can be written ({error.strerror}); name a folder for them in the "
            "variable TMPDIR"
        ) from error
    return folder, _hold(folder)


def let_go(folder: Path, hold: int | None) -> None:
    """Remove a folder that is no longer needed."""
    shutil.rmtree(folder, ignore_errors=True)
    if hold is not None:
        os.close(hold)


@contextmanager
def holding_folder() -> Iterator[Path]:
    """A new folder that is gone at the end; the first of a process removes leftovers too.

    Raises:
        TbspotError: there is no place for temporary files.
    """
    _remove_leftovers_once()
    folder, hold = held_folder()
    try:
        yield folder
    finally:
        let_go(folder, hold)


@contextmanager
def kept(content: bytes, name: str) -> Iterator[Path]:
    """A film's bytes as a file, which decoders in another process read.

    Args:
        content: of the file.
        name: what sentences call the film.

    Raises:
        TbspotError: there is no place for it.
    """
    with holding_folder() as folder:
        path = folder / "film"
        try:
            path.write_bytes(content)
        except OSError as error:
            raise TbspotError(
                f"{name} cannot be kept until it is read ({error.strerror}); free space in "
                f"{folder.parent}, or name another folder in the variable TMPDIR"
            ) from error
        yield path


def remove_leftovers() -> None:
    """Remove this user's folders whose process is gone, whatever ended it."""
    with suppress(OSError):  # there may be no place for temporary files
        place = Path(tempfile.gettempdir())
        for prefix in PREFIXES:
            for folder in place.glob(f"{prefix}{REST}"):
                _remove_leftover(folder)


@cache
def _remove_leftovers_once() -> None:
    remove_leftovers()


def _remove_leftover(folder: Path) -> None:
    with suppress(OSError):
        if _is_ours(folder.lstat()) and (hold := _hold(folder)) is not None:
            let_go(folder, hold)


def _is_ours(status: os.stat_result) -> bool:
    """A folder of this user's that nobody else may look into; no link, which may lead anywhere."""
    user = os.getuid() if hasattr(os, "getuid") else None
    old = time.time() - status.st_mtime > SECONDS
    private = status.st_uid == user and status.st_mode & 0o077 == 0
    return stat.S_ISDIR(status.st_mode) and private and old


def _hold(folder: Path) -> int | None:
    """Lock a folder, if nobody has; the system lets go of it when the process ends."""
    if sys.platform == "win32":
        return None
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    with suppress(OSError):
        if take(number):
            return number
    os.close(number)
    return None
