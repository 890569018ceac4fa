"""Whose films these are, for the worklist of this machine alone: the only place of the node that
keeps names.

Takes a film's file; gives name, number and accession number of its patient, kept in a file of
their own that only this user can read. A film is known by the name of its file, which is given
once: numbers of the queue are given again by one that was lost or restored. Nothing of it is logged
or sent.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from tbspot.errors import TbspotError
from tbspot.hospital.source import read_identifiers
from tbspot.node.database import Database
from tbspot.node.store import QUEUE

__all__ = ["Identities", "Identity", "remove_identities"]

FILE = "identities.sqlite"
ADVICE = "free space or mend it"
SCHEMA = """CREATE TABLE IF NOT EXISTS whose (
    file TEXT PRIMARY KEY, accession TEXT NOT NULL, patient TEXT NOT NULL, name TEXT NOT NULL)"""
# Of a node of 0.2.0, which knew films by their numbers.
NUMBERED = "SELECT name FROM sqlite_master WHERE name = 'identities'"
TAKEN_OVER = (
    "INSERT OR IGNORE INTO whose SELECT films.file, accession, patient, name FROM identities "
    "JOIN queue.films ON films.id = identities.film",
    "DROP TABLE identities",
)


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
        path = folder / FILE
        try:
            # Of this user alone from its first byte; SQLite's own files beside it take its mode.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            path.chmod(0o600)
        except OSError as error:
            raise TbspotError(f"cannot use {path}: {error.strerror}; {ADVICE}") from error
        self._base = Database(path, ADVICE, pragmas=("journal_mode = WAL", "secure_delete = ON"))
        self._base.write(SCHEMA)
        with self._base.held() as base:
            # SQLite's own LIKE knows capitals of ASCII alone.
            base.create_function("folded", 1, _folded, deterministic=True)
            if base.execute(NUMBERED).fetchone() is not None:
                base.execute("ATTACH ? AS queue", (str(folder / QUEUE),))
                for statement in TAKEN_OVER:
                    base.execute(statement)
                base.execute("DETACH queue")

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    def keep(self, path: Path) -> None:
        """Keep whose film it is, where its text says so without doubt.

        Args:
            path: of the film, which has been read (images/).

        Raises:
            TbspotError: the file cannot be written.
        """
        try:
            found = read_identifiers(path)
        except TbspotError:
            return
        row = (path.name, found.AccessionNumber, found.PatientID, str(found.PatientName))
        self._base.write("INSERT OR REPLACE INTO whose VALUES (?, ?, ?, ?)", *row)

    def of(self, files: Iterable[str]) -> dict[str, Identity]:
        """Whose each film is, by the names of their files, as far as it is known."""
        query = "SELECT * FROM whose WHERE file = ?"
        rows = [row for name in files for row in self._base.rows(query, name)]
        return {file: Identity(*rest) for file, *rest in rows}

    def find(self, text: str, count: int = 100) -> list[str]:
        """Files of the films whose accession number, number or name holds a text, last kept first.

        However the text is written; `count` of them at the most.
        """
        rows = self._base.rows(
            "SELECT file FROM whose WHERE instr(folded(accession), ?1) OR "
            "instr(folded(patient), ?1) OR instr(folded(name), ?1) "
            "ORDER BY rowid DESC LIMIT ?2", _folded(text), count,
        )  # fmt: skip
        return [str(file) for (file,) in rows]

    def forget(self, file: str) -> None:
        """Remove whose film it was; its bytes are overwritten."""
        self._base.write("DELETE FROM whose WHERE file = ?", file)
        self._base.rows("PRAGMA wal_checkpoint(TRUNCATE)")

    def forget_others(self, files: Collection[str]) -> None:
        """Remove all but whose these films are: others were replaced, by films of others maybe."""
        for (file,) in self._base.rows("SELECT file FROM whose"):
            if file not in files:
                self.forget(str(file))


def _folded(text: str) -> str:
    """A text as it is compared: however its letters are written and put together."""
    return unicodedata.normalize("NFKC", text).casefold()


def remove_identities(folder: Path) -> None:
    """Remove what an earlier node kept of identities here."""
    for path in folder.glob(f"{FILE}*"):
        path.unlink(missing_ok=True)
