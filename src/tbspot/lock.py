"""The folder of a run, held by one process at a time.

Takes a folder; gives it to one run, made and seen to be writable. Whose run lies in it, and what
is to go, is left to files.py.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tbspot.errors import TbspotError
from tbspot.flock import is_at, take
from tbspot.storage import make_folder

__all__ = ["LOCK_FILE", "RUN_FILE", "Hold", "holding", "is_held", "refusals_told"]

LOCK_FILE = ".lock"
# What says whose run lies in a folder.
RUN_FILE = "run.json"


@dataclass
class Hold:
    """A folder that this process holds.

    Attributes:
        folder: itself.
    """

    folder: Path
    _lock: BinaryIO
    _begun: bool = False

    def check(self) -> None:
        """See that what is written still arrives.

        Raises:
            TbspotError: the folder was removed or moved since, or another is in its place.
        """
        begun, self._begun = self._begun, (self.folder / RUN_FILE).exists()
        # Whoever removes all files but hidden ones leaves the lock.
        if not is_at(self._lock, self.folder / LOCK_FILE) or (begun and not self._begun):
            raise TbspotError(
                f"{self.folder} was removed, moved or emptied while this run wrote to it; run the "
                "same command again"
            )


@contextmanager
def holding(folder: Path) -> Iterator[Hold]:
    """Hold a folder, made where it is absent, against every other run of tbspot.

    The system keeps the lock, so a process that is killed holds nothing. A folder that was made
    here and got nothing is removed again.

    Raises:
        TbspotError: another run holds it, it is a file, or nothing can be written there.
    """
    with refusals_told(folder):
        made = not folder.is_dir()
        if made and folder.exists():
            raise TbspotError(f"{folder} is a file; name a folder to write to")
        make_folder(folder)
        lock = _take(folder)
    hold = Hold(folder, lock)
    try:
        yield hold
    except (OSError, TbspotError):
        hold.check()  # a folder that is gone is why
        raise
    finally:
        _give_back(lock, folder / LOCK_FILE)
        if made:
            with suppress(OSError):  # what is not empty stays
                folder.rmdir()


@contextmanager
def refusals_told(folder: Path) -> Iterator[None]:
    """What the file system refuses about a run's folder, told in one sentence.

    Raises:
        TbspotError: in the place of an OSError.
    """
    try:
        yield
    except OSError as error:
        # A name too long would be repeated at length, and its beginning is known.
        name = str(folder) if error.errno != errno.ENAMETOOLONG else f"{str(folder)[:40]}..."
        raise TbspotError(
            f"{name} cannot be written to: {error.strerror or error}; choose another folder"
        ) from error


def is_held(folder: Path) -> bool:
    """Whether a run writes to a folder now; where there are no locks nobody knows.

    Raises:
        OSError: what bears the lock's name cannot be opened.
    """
    try:
        lock = _opened(folder / LOCK_FILE, 0)
    except FileNotFoundError:
        return False
    with lock:
        return take(lock) is False


def _take(folder: Path) -> BinaryIO:
    path = folder / LOCK_FILE
    while True:
        lock = _opened(path, os.O_CREAT)
        try:
            # On a file system without locks a run is not kept from another's folder.
            if take(lock) is False:
                raise TbspotError(
                    f"another run of tbspot is using {folder}; wait for its end, or choose "
                    "another folder"
                )
            # The run before may have removed the file between the two.
            if is_at(lock, path):
                return lock
        except BaseException:
            lock.close()
            raise
        lock.close()


def _opened(path: Path, create: int) -> BinaryIO:
    # By another's link nothing is opened elsewhere.
    flags = os.O_RDWR | create | getattr(os, "O_NOFOLLOW", 0)
    return os.fdopen(os.open(path, flags, 0o666), "r+b")


def _give_back(lock: BinaryIO, path: Path) -> None:
    """Remove the file while it is held, so that nobody's is removed; Windows only lets it go."""
    if sys.platform != "win32" and is_at(lock, path):
        with suppress(OSError):
            path.unlink()
    lock.close()
    if sys.platform == "win32":
        with suppress(OSError):
            path.unlink()
