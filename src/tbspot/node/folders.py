"""Folders that others write to, held while their files are read, moved and removed.

Takes a folder and the names of those below it; gives the last of them, held open, so that a link
which is put in its way leads nowhere. Which files are looked for is left to watch.py.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["HeldFolder", "held_below"]


@dataclass(frozen=True)
class HeldFolder:
    """A folder, by its descriptor and not by its path, which may lead elsewhere by now.

    Attributes:
        path: where it was found.
        number: its descriptor; `None` on Windows, which has none of folders.
    """

    path: Path
    number: int | None

    def named(self, name: str) -> Path:
        """By which functions that take `dir_fd` (this folder's `number`) know a file in it."""
        return self.path / name if self.number is None else Path(name)

    def status(self, name: str) -> os.stat_result:
        """Of a file, or of the link that it is.

        Raises:
            OSError: it is not there.
        """
        return os.stat(self.named(name), dir_fd=self.number, follow_symlinks=False)

    def has(self, name: str) -> bool:
        """Whether anything has this name."""
        try:
            self.status(name)
        except FileNotFoundError:
            return False
        return True

    def remove(self, name: str) -> None:
        """Remove a file.

        Raises:
            OSError: it cannot be.
        """
        os.unlink(self.named(name), dir_fd=self.number)

    def move(self, name: str, folder: HeldFolder, goal: str) -> None:
        """Move a file into another folder, under a name that is free there.

        Raises:
            OSError: it cannot be.
        """
        os.rename(
            self.named(name), folder.named(goal), src_dir_fd=self.number, dst_dir_fd=folder.number
        )


@contextmanager
def held_below(top: Path, *names: str, make: bool = False) -> Iterator[HeldFolder]:
    """Hold a folder; below the uppermost, no link is followed.

    Args:
        top: the uppermost, which may be a link.
        names: of folders, each in the one before; none = `top` itself.
        make: whether the last of them is made where nothing has its name.

    Raises:
        OSError: one of them is absent, no folder, or a link.
    """
    if make and names:
        with held_below(top, *names[:-1]) as above, suppress(FileExistsError):
            os.mkdir(above.named(names[-1]), dir_fd=above.number)
    path = top.joinpath(*names)
    if sys.platform == "win32":
        if names and not stat.S_ISDIR(path.lstat().st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        yield HeldFolder(path, None)
        return
    number = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for name in names:
            above_it = number
            number = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=above_it)
            os.close(above_it)
        yield HeldFolder(path, number)
    finally:
        os.close(number)
