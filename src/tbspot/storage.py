"""What is on the disk when: files that are whole or absent, also after a kill or a power cut.

Takes paths; gives temporary files that take their place in one step, and folders that last. What
the files mean is left to the modules that write them.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tbspot.errors import TbspotError

__all__ = ["clear_parts", "is_part", "make_folder", "replacing", "sync_folder"]

# A part says whose it is, so that what a killed process left can be told from one being written.
# As little as may be before the process: a token of digits alone is not one.
PART = re.compile(r"\..+?\.(?P<process>\d+)(\.[0-9a-f]{8})?\.part", re.DOTALL)
# A process of another machine or container may bear any number; nobody writes one file so long.
ABANDONED_SECONDS = 24 * 60 * 60

_cleared: set[Path] = set()


@contextmanager
def replacing(path: Path, *, parents: bool = True) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to; rename it over `path` on success.

    When it returns, the file and its name are on the disk: a power cut later loses neither, one
    before leaves what stood at `path`. Parts that killed processes left in the folder are removed.

    Args:
        path: of the file.
        parents: whether its folder is made where it is absent; if not, a folder that somebody
            removed is not brought back.

    Raises:
        TbspotError: the file system refused, for instance because the disk is full; what stood
            at `path` before is untouched.
    """
    if not path.name:
        raise TbspotError(f"{path} is a folder; name a file in it")
    part = f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.part"
    temporary = path.with_name(part)
    try:
        if parents:
            make_folder(path.parent)
        _clear_once(path.parent)
        yield temporary
        # Windows flushes only what is open for writing.
        with temporary.open("r+b") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise TbspotError(
            f"cannot write {path}: {_reason(error)}; free space or choose another folder"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


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


def clear_parts(folder: Path, *, alone: bool = False) -> None:
    """Remove the parts in a folder whose processes are gone; others stay.

    Args:
        folder: looked into, not below.
        alone: nobody but this process writes there, and it has not begun.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            found = PART.fullmatch(entry.name)
            if found and (alone or _is_abandoned(entry, int(found["process"]))):
                with suppress(OSError):
                    Path(entry.path).unlink()


def _clear_once(folder: Path) -> None:
    """Clear a folder before this process's first file there: later there is nothing new to find."""
    place = folder.absolute()
    if place not in _cleared:
        _cleared.add(place)
        clear_parts(folder)


def _is_abandoned(entry: os.DirEntry[str], process: int) -> bool:
    if time.time() - entry.stat(follow_symlinks=False).st_mtime > ABANDONED_SECONDS:
        return True
    return process != os.getpid() and not _is_alive(process)


def _is_alive(process: int) -> bool:
    if sys.platform == "win32":
        return False  # where a file that is being written cannot be removed
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True  # another user's
    return True
