"""Files and folders that survive an interruption.

Takes paths and contents; gives files that are whole or absent and folders that hold one run.
What the files mean is left to the modules that write them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tbspot import __version__
from tbspot.errors import TbspotError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["check_run", "fingerprint", "open_run", "replacing", "write_json"]

RUN_FILE = "run.json"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to; rename it over `path` on success.

    Raises:
        TbspotError: the file system refused, for instance because the disk is full; what stood
            at `path` before is untouched.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except OSError as error:
        raise TbspotError(
            f"cannot write {path}: {error.strerror or error}; free space or choose another folder"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write `content` as indented JSON, whole or not at all; NaN is refused (ValueError)."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", "utf-8")


def fingerprint(*parts: bytes | memoryview) -> str:
    """First 16 hexadecimal digits of the SHA-256 of the parts, each preceded by its length."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()[:16]


def check_run(
    folder: Path, command: str, settings: DataclassInstance, *, overwrite: bool = False
) -> bool:
    """Whether `folder` is this run's already, to resume; nothing in it is touched.

    For commands that have more to check before an earlier run may be replaced by `open_run`.

    Raises:
        TbspotError: the folder holds another run, or files that are not a run's, and `overwrite`
            is not set.
    """
    if folder.exists() and not folder.is_dir():
        raise TbspotError(f"{folder} is a file; name a folder to write to")
    if not folder.is_dir() or not any(folder.iterdir()):
        return False
    record = folder / RUN_FILE
    if _recorded(record) == _wanted(command, settings):
        return True
    if not overwrite:
        raise TbspotError(
            f"{folder} holds another run or other files; choose another folder, "
            "or add --overwrite to replace it"
        )
    if not record.exists():
        raise TbspotError(
            f"{folder} is not a folder of tbspot's, so --overwrite does not delete it"
        )
    return False


def open_run(
    folder: Path, command: str, settings: DataclassInstance, *, overwrite: bool = False
) -> None:
    """Make `folder` the run folder of one command and its settings, or come back to it.

    Writes `run.json` (command, settings, versions, and the folder that the settings' paths are
    relative to). The same command with the same settings finds its earlier files in place, to
    resume from; those of another run are deleted if `overwrite` is set.

    Raises:
        TbspotError: as `check_run`.
    """
    if check_run(folder, command, settings, overwrite=overwrite):
        return
    if folder.exists():
        shutil.rmtree(folder)
    versions = {"tbspot": __version__, "python": sys.version.split()[0]}
    wanted = _wanted(command, settings)
    write_json(folder / RUN_FILE, wanted | versions | {"called_in": str(Path.cwd())})


def _wanted(command: str, settings: DataclassInstance) -> dict[str, Any]:
    content = json.dumps(dataclasses.asdict(settings), default=str)
    return {"command": command, "settings": json.loads(content)}


def _recorded(record: Path) -> dict[str, Any] | None:
    try:
        run = json.loads(record.read_text("utf-8"))
        return {"command": run["command"], "settings": run["settings"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None
