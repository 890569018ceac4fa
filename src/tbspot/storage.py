"""What is on the disk when: files that are whole or absent, also after a kill or a power cut.

Takes paths; gives temporary files that take their place in one step, and folders that last. What
the files mean is left to the modules that write them.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from tbspot.errors import TbspotError
from tbspot.flock import is_at, take
from tbspot.temporary import holding_folder

__all__ = ["clear_parts", "is_part", "make_folder", "replacing", "sync_folder"]

# A mark of ours: in a user's folder another's hidden file is never taken for one of these.
PART = re.compile(r"\..+\.tbspot-[0-9a-f]{8}\.part", re.DOTALL)
# What every file system takes as a name, without what a part's has besides.
LONGEST_NAME = 255 - len("..tbspot-01234567.part")
# Where there are no locks; nobody writes one file so long.
ABANDONED_SECONDS = 24 * 60 * 60

_cleared: set[Path] = set()


@contextmanager
def replacing(path: Path, *, parents: bool = True, named: bool = False) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to; rename it over `path` on success.

    An empty file lies there already, which is locked, so that other processes know that it is
    being written: whoever makes the file in another way unlinks it first. When it returns, the
    file and its name are on the disk: a power cut later loses neither, one before leaves what stood
    at `path`. Parts that killed processes left in the folder are removed.

    Args:
        path: of the file.
        parents: whether its folder is made where it is absent; if not, a folder that somebody
            removed is not brought back.
        named: whether a user named this very file: then a link is followed, and what is written
            goes into a device or a pipe, which stays one. In a folder that a stranger may have
            made, a link is replaced.

    Raises:
        TbspotError: the file system refused, for instance because the disk is full; what stood
            at `path` before is untouched.
    """
    if not path.name:
        raise TbspotError(f"{path} is a folder; name a file in it")
    try:
        if named and _takes_bytes_alone(path):
            with _written_through(path) as temporary:
                yield temporary
        else:
            place = Path(os.path.realpath(path)) if named else path
            if parents:
                make_folder(place.parent)
            with _put_in_place(place) as temporary:
                yield temporary
    except OSError as error:
        raise TbspotError(
            f"cannot write {path}: {_reason(error)}; free space or choose another folder"
        ) from error


def _takes_bytes_alone(path: Path) -> bool:
    """Whether a device, a pipe or a socket is there, which is written to and not replaced."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


@contextmanager
def _written_through(path: Path) -> Iterator[Path]:
    with holding_folder() as folder:  # what a killed process leaves there goes with the next
        temporary = folder / "file"
        temporary.touch()
        yield temporary
        with temporary.open("rb") as written, path.open("wb") as target:
            shutil.copyfileobj(written, target)


@contextmanager
def _put_in_place(path: Path) -> Iterator[Path]:
    _clear_once(path.parent)
    temporary, held = _begun(path)
    try:
        yield temporary
        # Windows flushes only what is open for writing.
        with temporary.open("r+b") as written:
            os.fsync(written.fileno())
        if sys.platform == "win32":  # where what is open cannot be renamed
            held.close()
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        held.close()
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _begun(path: Path) -> tuple[Path, BinaryIO]:
    """A part of a file, held as long as it is open."""
    name = os.fsencode(path.name)[:LONGEST_NAME].decode(errors="ignore")
    while True:
        temporary = path.with_name(f".{name}.tbspot-{secrets.token_hex(4)}.part")
        held = temporary.open("xb")
        try:
            # On Windows no other can remove it while it is open, and a lock would refuse writers.
            # Elsewhere one may have taken it for abandoned between the two.
            if sys.platform == "win32" or (take(held) is not False and is_at(held, temporary)):
                return temporary, held
        except BaseException:
            held.close()
            raise
        held.close()


def _reason(error: OSError) -> str:
    """What the system says, also where a library has put a text of many lines around it."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__
    return str(error).partition("\n")[0]


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, so that a power cut later does not lose them.

    Raises:
        OSError: it cannot be made, or a file bears its name.
    """
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        if folder.parent == folder:
            break
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        sync_folder(one.parent)


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to the disk, where its file system can (Windows does so by itself)."""
    if sys.platform == "win32":
        return
    with suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def is_part(name: str) -> bool:
    """Whether a file of this name is one that is, or was, being written."""
    return PART.fullmatch(name) is not None


def clear_parts(folder: Path) -> None:
    """Remove the parts in a folder, not below, that no process on any machine writes any more."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if is_part(entry.name):
                with suppress(OSError):
                    _remove_if_abandoned(Path(entry.path))


def _clear_once(folder: Path) -> None:
    """Clear a folder before this process's first file there: later there is nothing new to find."""
    place = folder.absolute()
    if place not in _cleared:
        _cleared.add(place)
        clear_parts(folder)


def _remove_if_abandoned(path: Path) -> None:
    if sys.platform == "win32":
        path.unlink()  # refused while it is open
        return
    with os.fdopen(os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK), "r+b") as file:
        status = os.fstat(file.fileno())
        free = take(file) if stat.S_ISREG(status.st_mode) else False
        if free is None:
            free = time.time() - status.st_mtime > ABANDONED_SECONDS
        if free and is_at(file, path):
            path.unlink()
