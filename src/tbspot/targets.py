"""A file that a user names to be written, looked at before the work: nothing else is lost for it.

Takes its path, and how a file is told that tbspot wrote there before; refuses all others. Writing
it is left to storage.py.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from tbspot.errors import TbspotError
from tbspot.pathnames import leads_to, lies_in

__all__ = ["check_target", "refuse_inside"]


def check_target(
    path: Path,
    what: str,
    is_earlier: Callable[[Path], bool],
    *,
    overwrite: bool | None = None,
    reads: Iterable[Path] = (),
) -> None:
    """See that a file can be written where a user named it, and what would be lost by it.

    Args:
        path: of the file.
        what: it is to be, in words.
        is_earlier: whether the file that lies there is one of these, which may be replaced.
        overwrite: whether any other may be; `None` = the command cannot be told so.
        reads: files that are read for it, which it never replaces; asked for only where another
            file lies there.

    Raises:
        TbspotError: a folder or another file lies there, or its folder cannot be written to.
    """
    if path.is_dir():
        raise TbspotError(f"{path} is a folder; name a file in it")
    _check_folder(path)
    try:
        status = path.stat()
    except OSError:
        return
    # A device or a pipe takes what comes; in an empty file, as mktemp makes it, is nothing to lose.
    if not stat.S_ISREG(status.st_mode) or not status.st_size or is_earlier(path):
        return
    if any(leads_to(read, status) for read in reads):
        raise TbspotError(f"{path} is read by this very command; name another file to write")
    if not overwrite:
        remedy = "" if overwrite is None else ", or add `overwrite=True` to replace it"
        raise TbspotError(f"{path} exists and is not {what}; name another file to write{remedy}")


def refuse_inside(path: Path, folder: Path) -> None:
    """Refuse a file in a run's folder, where it would take the place of one of the run's.

    Raises:
        TbspotError: the file lies in the folder, or would.
    """
    if folder.exists():
        is_inside = lies_in(path, folder.stat())
    else:
        is_inside = Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
    if is_inside:
        raise TbspotError(f"{path} lies in {folder}, which is the run's own; name a file elsewhere")


def _check_folder(path: Path) -> None:
    folder = path.absolute().parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise TbspotError(
            f"{path} cannot be written, as {folder} takes no file; name a file elsewhere"
        )
