"""Folders of dropped films that a killed page left behind.

Gives a folder of this user's alone, held by a lock for as long as the process lives, and removes
those that are held no longer. What lies in them is left to drops.py. Windows has no such lock:
there a killed page's folder stays.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

__all__ = ["held_folder", "let_go", "remove_leftovers"]

PREFIX = "tbspot-view-"
# A folder that is being made is held within moments.
SECONDS = 60.0


def held_folder() -> tuple[Path, int | None]:
    """A new folder, and what holds it until `let_go` or the end of the process."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    return folder, _hold(folder)


def let_go(folder: Path, hold: int | None) -> None:
    """Remove a folder that is no longer needed."""
    shutil.rmtree(folder, ignore_errors=True)
    if hold is not None:
        os.close(hold)


def remove_leftovers() -> None:
    """Remove this user's folders whose process is gone, whatever ended it."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
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
    import fcntl

    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(number)
        return None
    return number
