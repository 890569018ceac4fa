"""An open file held against every other process; one that is killed holds nothing.

Takes open files; says whether they could be had. What is locked by them is left to the callers.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import BinaryIO

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = ["is_at", "take"]

# What a file system without locks says.
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)
# What one says whose lock another has.
TAKEN = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)


def take(file: BinaryIO | int) -> bool | None:
    """Lock an open file, or what a number stands for, until it is closed, without waiting.

    Returns:
        Whether it was to be had; `None` where the file system has no locks.

    Raises:
        OSError: the file system refuses.
    """
    try:
        if sys.platform == "win32":
            number = file if isinstance(file, int) else file.fileno()
            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in NO_LOCKS:
            return None
        if error.errno not in TAKEN:
            raise
        return False
    return True


def is_at(file: BinaryIO, path: Path) -> bool:
    """Whether an open file still bears a name, which another may bear by now."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat(follow_symlinks=False))
    except OSError:
        return False
