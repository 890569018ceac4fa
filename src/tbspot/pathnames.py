"""Names of files as text that any file can hold, and back again; and where a path leads.

Takes paths, of which Linux allows any bytes; gives text without lone surrogates, which JSON and
web pages cannot hold, and the path that such a text was made of. One folder may have many paths:
what is the same is asked of the disk, not read off names.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from tbspot.errors import TbspotError

__all__ = ["as_given_path", "as_path", "as_text", "leads_to", "lies_in"]

# How Python reads a byte that is no text, written out.
BYTE = re.compile(r"\\udc([89a-f][0-9a-f])")


def as_given_path(path: str | os.PathLike[str], name: str) -> Path:
    """The path that a caller gave; of an empty text pathlib would make the working folder.

    Args:
        path: as it was given.
        name: of the parameter.

    Raises:
        TbspotError: it is empty.
    """
    if not os.fspath(path):
        raise TbspotError(f"`{name}` is an empty path; name a file or folder")
    return Path(path)


def as_text(path: Path | str) -> str:
    """The path with bytes that are no text written out, as `\\udcff` for the byte 255."""
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")


def as_path(text: str) -> Path:
    """The path that `as_text` made the text of, unless a file is called by the text itself."""
    path = Path(text)
    try:
        if path.exists():
            return path
    except (OSError, ValueError):
        return path
    return Path(BYTE.sub(lambda found: chr(0xDC00 + int(found[1], 16)), text))


def leads_to(path: Path, one: os.stat_result) -> bool:
    """Whether a path leads to one file or folder: by a link, a mount or another spelling too."""
    try:
        return os.path.samestat(path.stat(), one)
    except (OSError, ValueError):
        return False


def lies_in(path: Path, folder: os.stat_result) -> bool:
    """Whether a path is a folder or lies in it: itself as it stands there, or what it leads to."""
    ends = {Path(os.path.realpath(path))}
    if path.is_symlink():
        ends.add(Path(os.path.realpath(path.parent)) / path.name)
    return any(leads_to(place, folder) for end in ends for place in (end, *end.parents))
