"""Whose films these are, for the worklist of this machine alone: the only place of the node that
keeps names.

Takes a film's number and path; gives name, number and accession number of its patient, kept in a
file of their own that only this user can read. Nothing of it is logged or sent.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tbspot.errors import TbspotError
from tbspot.hospital.source import read_identifiers

__all__ = ["Identities", "Identity", "remove_identities"]

FILE = "identities.sqlite"
SCHEMA = """CREATE TABLE IF NOT EXISTS identities (
    film INTEGER PRIMARY KEY, accession TEXT NOT NULL, patient TEXT NOT NULL, name TEXT NOT NULL)"""


@dataclass(frozen=True)
class Identity:
    """Whose film it is; each may be empty.

    Attributes:
        accession: number of the request, often a barcode.
        patient: number of the patient.
        name: of the patient, parts separated by `^` as DICOM has them.
    """

    accession: str
    patient: str
    name: str


class Identities:
    """The identities of a node's films; any thread may ask.

    Args:
        folder: of the node.

    Raises:
        TbspotError: the file cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._lock = threading.Lock()
        with self._told():
            # Of this user alone from its first byte; SQLite's own files beside it take its mode.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
            self._path.chmod(0o600)
            self._base = sqlite3.connect(
                self._path, timeout=20, isolation_level=None, check_same_thread=False
            )
            # SQLite's own LIKE knows capitals of ASCII alone.
            self._base.create_function("folded", 1, _folded, deterministic=True)
            for statement in ("PRAGMA journal_mode = WAL", "PRAGMA secure_delete = ON", SCHEMA):
                self._base.execute(statement)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._base.close()

    def keep(self, film: int, path: Path) -> None:
        """Keep whose film it is, where its text says so without doubt.

        Args:
            film: its number.
            path: of the film, which has been read (images/).

        Raises:
            TbspotError: the file cannot be written.
        """
        try:
            found = read_identifiers(path)
        except TbspotError:
            return
        row = (film, found.AccessionNumber, found.PatientID, str(found.PatientName))
        with self._lock, self._told():
            self._base.execute("INSERT OR REPLACE INTO identities VALUES (?, ?, ?, ?)", row)

    def of(self, films: Iterable[int]) -> dict[int, Identity]:
        """Whose each film is, as far as it is known."""
        numbers = list(films)
        with self._lock, self._told():
            rows = [
                row
                for number in numbers
                for row in self._base.execute("SELECT * FROM identities WHERE film = ?", (number,))
            ]
        return {film: Identity(*rest) for film, *rest in rows}

    def find(self, text: str, count: int = 100) -> list[int]:
        """The newest films whose accession number, number or name holds a text, however written."""
        with self._lock, self._told():
            rows = self._base.execute(
                "SELECT film FROM identities WHERE instr(folded(accession), ?1) OR "
                "instr(folded(patient), ?1) OR instr(folded(name), ?1) "
                "ORDER BY film DESC LIMIT ?2",
                (_folded(text), count),
            ).fetchall()
        return [int(film) for (film,) in rows]

    def forget(self, film: int) -> None:
        """Remove whose film it was; its bytes are overwritten."""
        with self._lock, self._told():
            self._base.execute("DELETE FROM identities WHERE film = ?", (film,))
            self._base.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise TbspotError(f"cannot use {self._path}: {error}; free space or mend it") from error


def _folded(text: str) -> str:
    """A text as it is compared: however its letters are written and put together."""
    return unicodedata.normalize("NFKC", text).casefold()


def remove_identities(folder: Path) -> None:
    """Remove what an earlier node kept of identities here."""
    for path in folder.glob(f"{FILE}*"):
        path.unlink(missing_ok=True)
