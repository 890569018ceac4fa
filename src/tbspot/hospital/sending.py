"""Sending a run's results to an archive, instance by instance, until it has confirmed each.

Takes a folder that `tbspot locate --dicom` wrote and an address; gives what was stored and what was
not. How to speak to archives is left to archives.py.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from pydicom import dcmread

from tbspot.errors import TbspotError
from tbspot.hospital.archives import Archive, ArchiveLost, archive_of
from tbspot.hospital.result_files import read_result
from tbspot.parsing import load_json, open_file
from tbspot.records.run import DICOM

__all__ = ["SENT_FILE", "Sent", "send"]

SENT_FILE = "sent.jsonl"


@dataclass
class Sent:
    """What became of a run's results.

    Attributes:
        stored: how many the archive has confirmed now.
        before: how many it had confirmed before, which were not sent.
        failed: those that it has not confirmed: file, and why.
    """

    stored: int = 0
    before: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)


def send(
    run: Path,
    to: str,
    *,
    calling: str = "TBSPOT",
    again: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Sent:
    """Send each result of a run that this archive has not confirmed yet.

    What it has confirmed is kept in `dicom/sent.jsonl`, a line an instance, so that the same call
    sends what failed and nothing twice.

    Args:
        run: folder of `tbspot locate --dicom`.
        to: `AE@HOST:PORT` for C-STORE (PS3.4 B), `http(s)://...` for STOW-RS (PS3.18 10.5).
        calling: title of this application towards `AE@HOST:PORT`.
        again: also send what the archive has confirmed before.
        tell: gets a line for each result that fails.

    Raises:
        TbspotError: no results are there, the address is none, or the disk is full.
    """
    folder = run / DICOM
    paths = sorted(folder.rglob("[!.]*.dcm"))  # in numbered folders where they are many
    if not paths:
        raise TbspotError(
            f"{run} holds no results as DICOM; make them with `tbspot locate --dicom sc,seg,sr`"
        )
    archive, done = archive_of(to, calling), Sent()
    known = set() if again else _confirmed(folder / SENT_FILE, archive.name)
    waiting = [path for path in paths if _uid(path) not in known]
    done.before = len(paths) - len(waiting)
    if waiting:
        for path, why in _stored(archive, waiting):
            if why is None:
                _confirm(folder / SENT_FILE, archive.name, _uid(path))
                done.stored += 1
            else:
                done.failed.append((path.name, why))
                tell(f"{path.name}: {why}")
    return done


def _stored(archive: Archive, paths: Iterable[Path]) -> Iterator[tuple[Path, str | None]]:
    """Each result and why the archive has not confirmed it; `None` where it has.

    Without a connection the rest are not tried: an archive that is down would cost its patience
    for each.
    """
    lost = ""
    with closing(archive):
        for path in paths:
            if lost:
                yield path, lost
                continue
            try:
                why = _refusal(archive, path)
            except ArchiveLost as error:
                why = lost = str(error)
            yield path, why


def _refusal(archive: Archive, path: Path) -> str | None:
    try:
        result = read_result(path)
    except OSError as error:
        return f"cannot be read ({error.strerror}); mend that, and the same command goes on"
    if result is None:
        return "is not a whole DICOM file; locate anew with --overwrite"
    return archive.store(result)


def _uid(path: Path) -> str:
    try:
        with open_file(path, sys.maxsize) as file:
            return str(dcmread(file, stop_before_pixels=True).SOPInstanceUID)
    # What was cut off may break its reader in any way; it is told where it is to be sent.
    except Exception:
        return ""


def _confirmed(record: Path, archive: str) -> set[str]:
    """Instances that the archive has confirmed; a line that was cut off is one that it has not."""
    known = set()
    for line in _lines(record):
        try:
            confirmed = load_json(line)
            if confirmed["to"] == archive:
                known.add(str(confirmed["instance"]))
        except (ValueError, KeyError, TypeError):
            continue
    return known


def _lines(record: Path) -> list[bytes]:
    try:
        with open_file(record, sys.maxsize) as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise TbspotError(f"cannot read {record}: {error.strerror}; mend or remove it") from error


def _confirm(record: Path, archive: str, instance: str) -> None:
    # A new line first: whatever a broken end of the file holds, this line is whole.
    line = "\n" + json.dumps({"to": archive, "instance": instance}) + "\n"
    try:
        with record.open("ab", buffering=0) as file:
            if file.write(line.encode()) != len(line):
                raise OSError("the disk is full")
    except OSError as error:
        raise TbspotError(
            f"cannot write {record}: {error.strerror or error}; free space, and the same command "
            "goes on"
        ) from error
