"""Folders that hold one run, which says in run.json what it is.

Takes a folder, a command and its settings; gives the folder to go on in, or emptied for a new run.
What the other files mean is left to the modules that write them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tbspot import __version__
from tbspot.errors import TbspotError, refuse_unread
from tbspot.lock import LOCK_FILE, RUN_FILE, is_held, refusals_told
from tbspot.parsing import load_json, open_file
from tbspot.pathnames import as_path, as_text, lies_in
from tbspot.storage import clear_parts, is_part, make_folder, replacing

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["check_run", "fingerprint", "open_run", "write_json"]

# Kept by the runs of one folder for each other.
CACHE = "cache"
# Not of one run: what holds the folder, what runs share, and what every new ext4 disk has.
NOT_OF_A_RUN = (LOCK_FILE, CACHE, "lost+found")
# In run.json while an earlier run is being removed: whoever finds it there goes on removing.
EMPTYING = "emptying"


def write_json(path: Path, content: Any, *, named: bool = False) -> None:
    """Write `content` as indented JSON, whole or not at all; NaN is refused (ValueError).

    What is of a file's name and no text is written out as by `as_text`: no reader takes it.
    `named` is as of `replacing`.
    """
    text = json.dumps(content, indent=2, allow_nan=False)
    if "\\ud" in text:
        text = json.dumps(_plain(content), indent=2, allow_nan=False)
    with replacing(path, named=named) as temporary:
        temporary.write_text(text + "\n", "utf-8")


def fingerprint(*parts: bytes | memoryview) -> str:
    """First 16 hexadecimal digits of the SHA-256 of the parts, each preceded by its length."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()[:16]


def check_run(
    folder: Path,
    command: str,
    settings: DataclassInstance,
    *,
    overwrite: bool = False,
    inputs: Mapping[str, str] | None = None,
    reads: Iterable[Path] = (),
) -> bool:
    """Whether `folder` is this run's already, to resume; nothing in it is touched.

    For commands that have more to check before an earlier run may be replaced by `open_run`.

    Args:
        folder: of the run.
        command: that is called.
        settings: that it has.
        overwrite: whether another run may be replaced.
        inputs: fingerprints of files that it reads, by what they are: with others it is another
            run. A run that did not note them is taken for one of these.
        reads: files that it reads and that its settings do not name, such as films and models;
            asked for only where another run is to be replaced, which must hold none of them.

    Raises:
        TbspotError: the folder holds another run, or files that are not a run's, and `overwrite`
            is not set; or it is set, and not all of that run could be removed, or one in it is
            still written to; or this run's folder holds links or pipes, as no run leaves there.
    """
    with refusals_told(folder):
        if folder.exists() and not folder.is_dir():
            raise TbspotError(f"{folder} is a file; name a folder to write to")
        if not folder.is_dir() or not any(_content(folder)):
            return False
    record = folder / RUN_FILE
    run, wanted = _recorded(record), _wanted(command, settings)
    same = all(name in run and run[name] == value for name, value in wanted.items())
    noted = run.get("inputs")
    known: dict[str, str] = noted if isinstance(noted, dict) else {}
    changed = [name for name, now in (inputs or {}).items() if known.get(name, now) != now]
    if same and not changed and not _is_of_elsewhere(str(run.get("called_in", "")), settings):
        # Of a run that was being replaced by this one, nothing is to be gone on with.
        if run.get(EMPTYING):
            return False
        with refusals_told(folder):
            _refuse_links(folder)
        return True
    if not overwrite:
        if same and changed:
            raise TbspotError(
                f"{folder} holds a run that read other files under the same names "
                f"({', '.join(changed)}); choose another folder, or add `overwrite=True` to "
                "replace it"
            )
        raise TbspotError(
            f"{folder} holds another run or other files; choose another folder, "
            "or add `overwrite=True` to replace it"
        )
    if not record.exists():
        raise TbspotError(
            f"{folder} is not a folder of tbspot's, so `overwrite=True` does not delete it"
        )
    with refusals_told(folder):
        _refuse_to_empty(folder, chain(_paths_in(_plain(settings)), reads))
    return False


def open_run(
    folder: Path,
    command: str,
    settings: DataclassInstance,
    *,
    overwrite: bool = False,
    inputs: Mapping[str, str] | None = None,
    reads: Iterable[Path] = (),
) -> None:
    """Make `folder` the run folder of one command and its settings, or come back to it.

    Writes `run.json` (command, settings, versions, fingerprints of `inputs`, and the folder that
    the settings' paths are relative to). The same command with the same settings finds its earlier
    files in place, to resume from; those of another run are deleted if `overwrite` is set. The
    folder itself is never removed: it may be a mount point, a link, or the folder that the user
    stands in.

    Raises:
        TbspotError: as `check_run`.
    """
    resumes = check_run(folder, command, settings, overwrite=overwrite, inputs=inputs, reads=reads)
    with refusals_told(folder):
        make_folder(folder)
        for parent, _, _ in os.walk(folder):
            clear_parts(Path(parent))
        if resumes:
            return
        versions = {"tbspot": __version__, "python": sys.version.split()[0]}
        run = _wanted(command, settings) | versions | {"called_in": as_text(Path.cwd())}
        if inputs:
            run["inputs"] = dict(inputs)
        if any(_content(folder)):
            # Until the earlier run is gone, what lies there is neither's.
            write_json(folder / RUN_FILE, run | {EMPTYING: True})
            _empty(folder)
        write_json(folder / RUN_FILE, run)


def _content(folder: Path) -> Iterator[Path]:
    """What lies in the folder, but for what is of no run and what a killed run never finished."""
    for path in folder.iterdir():
        if path.name not in NOT_OF_A_RUN and not is_part(path.name):
            yield path


def _refuse_links(folder: Path) -> None:
    """See that a run that goes on here writes and removes nothing elsewhere, and never waits."""
    for path in _content(folder):
        mode = path.lstat().st_mode
        # Films' files lie in folders of folders; of what lies there as a file, a link is replaced.
        inside = list(os.scandir(path)) if stat.S_ISDIR(mode) else []
        links = [Path(one.path) for one in inside if one.is_symlink() and one.is_dir()]
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            links.append(path)
        if links:
            raise TbspotError(
                f"{links[0]} is a link, a pipe or a device, as no run of tbspot leaves there; "
                "remove it, or choose another folder"
            )


def _refuse_to_empty(folder: Path, reads: Iterable[Path]) -> None:
    """See first that all of an earlier run can go, and that the new one does not read it."""
    whole = folder.stat()
    for read in reads:
        if os.path.exists(read) and lies_in(read, whole):  # noqa: PTH110 - no path raises
            raise TbspotError(
                f"{folder} holds {read}, which this run reads; choose another folder to write to"
            )
    for parent, folders, names in os.walk(folder, onerror=_raise):
        inside = Path(parent)
        if inside == folder:
            folders[:] = [name for name in folders if name not in NOT_OF_A_RUN]
        elif LOCK_FILE in names and is_held(inside):
            raise TbspotError(
                f"{folder} holds {inside}, to which another run of tbspot writes; wait for its "
                "end, or choose another folder"
            )
        if not os.access(inside, os.R_OK | os.W_OK | os.X_OK) or (
            inside != folder and inside.is_mount()
        ):
            raise TbspotError(
                f"{inside} cannot be emptied, so the run in {folder} stays; choose another folder"
            )


def _raise(error: OSError) -> None:
    raise error


def _paths_in(settings: Any) -> Iterator[Path]:
    """Every path, and every text that may be one, in settings; a source's options are cut off."""
    if isinstance(settings, dict):
        settings = tuple(settings.values())
    if isinstance(settings, tuple | list):
        for one in settings:
            yield from _paths_in(one)
    elif isinstance(settings, str | Path) and (path := _location(str(settings))):
        yield as_path(path)


def _location(text: str) -> str:
    """A source without its options, which stand behind its last question mark."""
    return text.rpartition("?")[0] or text


def _empty(folder: Path) -> None:
    for path in list(folder.iterdir()):
        if path.name in (RUN_FILE, *NOT_OF_A_RUN):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _wanted(command: str, settings: DataclassInstance) -> dict[str, Any]:
    return {"command": command, "settings": _plain(settings)}


def _plain(value: Any) -> Any:
    """Settings as JSON holds them; what is neither a number nor settings itself, by its text."""
    if dataclasses.is_dataclass(value) and type(value).__str__ is object.__str__:
        fields = dataclasses.fields(value)
        return {one.name: _plain(getattr(value, one.name)) for one in fields}
    if isinstance(value, dict):
        return {as_text(str(key)): _plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float) else as_text(str(value))


def _recorded(record: Path) -> dict[str, Any]:
    """What run.json says; nothing where there is none, or another file of its name.

    Raises:
        TbspotError: it cannot be read now, so that nobody knows whose run this is.
    """
    try:
        with open_file(record) as file:
            run = _plain(load_json(file.read()))
    except OSError as error:
        refuse_unread(error, record)
        return {}
    except (ValueError, RecursionError):  # nested deeper than any settings
        return {}
    return run if isinstance(run, dict) else {}


def _is_of_elsewhere(called_in: str, settings: DataclassInstance) -> bool:
    """Whether the settings name other files now: as paths of another working folder."""
    for path in _paths_in(_plain(settings)):
        before = Path(as_path(called_in), path)
        # A folder that was moved as a whole is still the same run's.
        with suppress(OSError, ValueError):
            if not before.samefile(path):
                return True
    return False
