"""The node's queue: which film stands where, in SQLite, each step on the disk before it counts.

Takes what has happened to a film or a result; gives which is next, and lines for people. Nothing
in it names a person: instances stand as hashes. Files are left to store.py.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from tbspot.choices import FilmState, ResultKind
from tbspot.errors import TbspotError
from tbspot.node.database import Database
from tbspot.storage import sync_folder

__all__ = ["FilmLine", "Ledger", "NewResult", "ResultLine"]

VERSION = 1
SCHEMA = (
    """CREATE TABLE films (
    id INTEGER PRIMARY KEY AUTOINCREMENT, instance TEXT NOT NULL UNIQUE, digest TEXT NOT NULL,
    file TEXT NOT NULL UNIQUE, bytes INTEGER NOT NULL, source TEXT NOT NULL, state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, due REAL NOT NULL, reason TEXT, prediction TEXT,
    received REAL NOT NULL, located REAL, finished REAL)""",
    "CREATE INDEX films_by_state ON films (state, due)",
    """CREATE TABLE results (
    id INTEGER PRIMARY KEY AUTOINCREMENT, film INTEGER NOT NULL REFERENCES films (id),
    kind TEXT NOT NULL, file TEXT NOT NULL, instance TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, due REAL NOT NULL, reason TEXT, stored REAL)""",
    "CREATE INDEX results_by_film ON results (film)",
    "CREATE INDEX results_by_instance ON results (instance)",
    "CREATE INDEX results_waiting ON results (due) WHERE stored IS NULL",
)
FINISH = """UPDATE films SET state = 'delivered', finished = ? WHERE id = ? AND NOT EXISTS
    (SELECT 1 FROM results WHERE film = films.id AND stored IS NULL)"""
# Tries of a result after which others go first.
PATIENCE = 3
# In which results wait for the archive, so that the next one costs the same however many there are.
TURN = f"max(attempts, {PATIENCE}), id"
# Made where they are absent: an older tbspot goes on with a queue that has them.
INDEXES = (f"CREATE INDEX IF NOT EXISTS results_in_turn ON results ({TURN}) WHERE stored IS NULL",)


@dataclass(frozen=True)
class FilmLine:
    """A film of the queue.

    Attributes:
        id: its number, by which logs and pages call it.
        instance: hash of its SOP instance UID.
        digest: of its data set as it came.
        file: in the folder of films.
        bytes: of its data set.
        source: AE title of the unit, `folder`, or `web` with an address; may be empty.
        state: `received`, `located` (results wait for the archive, or none is named), `delivered`
            or `aside`.
        attempts: tries to locate it, of which the last may be going on.
        due: when it is tried next; seconds since 1970, as all times.
        reason: why it was put off or set aside, or what was found about its results.
        prediction: its line as JSON (`tbspot.records.predictions.Prediction`).
        received: when it was acknowledged.
        located: when its results were on the disk.
        finished: when nothing was left to do.
    """

    id: int
    instance: str
    digest: str
    file: str
    bytes: int
    source: str
    state: FilmState
    attempts: int
    due: float
    reason: str | None
    prediction: str | None
    received: float
    located: float | None
    finished: float | None


@dataclass(frozen=True)
class NewResult:
    """A result whose file is on the disk: its kind, file, and hash of its instance UID."""

    kind: ResultKind
    file: str
    instance: str


@dataclass(frozen=True)
class ResultLine:
    """A result of a film: as `NewResult`, with its tries; `stored` is when the archive said so."""

    id: int
    film: int
    kind: ResultKind
    file: str
    instance: str
    attempts: int
    due: float
    reason: str | None
    stored: float | None


class Ledger:
    """The queue of one node; any thread may ask.

    Args:
        path: of the database, made where it is absent.

    Raises:
        TbspotError: it is none, of a newer tbspot, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        # A commit is on the disk when it returns; readers wait for nobody.
        pragmas = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON")
        advice = "free space, or see docs/hospital.md on back-up"
        self._base = Database(path, advice, pragmas=pragmas)
        self._prepare(path)
        sync_folder(path.parent)

    def close(self) -> None:
        """Close the database; what is asked of it afterwards is refused."""
        self._base.close()

    # What has come.

    def film_of(self, instance: str) -> FilmLine | None:
        """The film of an instance, by its hash."""
        return self._film("SELECT * FROM films WHERE instance = ?", instance)

    def is_result(self, instance: str) -> bool:
        """Whether an instance, by its hash, is a result that was made here."""
        return bool(self._base.rows("SELECT 1 FROM results WHERE instance = ? LIMIT 1", instance))

    def add(
        self, instance: str, digest: str, file: str, size: int, source: str, now: float
    ) -> int | None:
        """Queue a film whose file is on the disk; gives its number, `None` if it is queued."""
        with self._base.writing() as base:
            done = base.execute(
                "INSERT OR IGNORE INTO films (instance, digest, file, bytes, source, state, due, "
                "received) VALUES (?, ?, ?, ?, ?, 'received', ?, ?)",
                (instance, digest, file, size, source, now, now),
            )
            return done.lastrowid if done.rowcount else None

    def replace(
        self, film: int, digest: str, file: str, size: int, now: float, source: str | None = None
    ) -> None:
        """Queue a film anew, of another file maybe; results are made anew too.

        `source` is who sent it now; `None` = nobody did, and it came when it came.
        """
        with self._base.writing() as base:
            base.execute("DELETE FROM results WHERE film = ?", (film,))
            base.execute(
                "UPDATE films SET state = 'received', digest = ?1, file = ?2, bytes = ?3, "
                "attempts = 0, due = ?4, reason = NULL, prediction = NULL, located = NULL, "
                "finished = NULL, received = CASE WHEN ?5 IS NULL THEN received ELSE ?4 END, "
                "source = coalesce(?5, source) WHERE id = ?6",
                (digest, file, size, now, source, film),
            )  # fmt: skip

    # What becomes of films.

    def next_film(self, now: float) -> FilmLine | None:
        """The film to be located next: of those that are due, the one that came first."""
        return self._film(
            "SELECT * FROM films WHERE state = 'received' AND due <= ? ORDER BY id LIMIT 1", now
        )

    def begin(self, film: int, due: float) -> None:
        """Count a try before it is made, so that a film that ends the process is known by it."""
        self._base.write(
            "UPDATE films SET attempts = attempts + 1, due = ? WHERE id = ?", due, film
        )

    def take_back(self, film: int, due: float) -> None:
        """Uncount a try that failed by no fault of the film, if it did not come anew meanwhile."""
        self._base.write(
            "UPDATE films SET attempts = max(attempts - 1, 0), due = ? WHERE id = ?", due, film
        )

    def put_off(self, film: int, reason: str, due: float) -> None:
        """Say why a try failed, and when the next one is."""
        self._base.write("UPDATE films SET reason = ?, due = ? WHERE id = ?", reason, due, film)

    def set_aside(self, film: int, reason: str, prediction: str | None, now: float) -> None:
        """Try a film no more."""
        self._base.write(
            "UPDATE films SET state = 'aside', reason = ?, finished = ?, "
            "prediction = coalesce(?, prediction) WHERE id = ?", reason, now, prediction, film,
        )  # fmt: skip

    def locate(
        self,
        film: int,
        prediction: str,
        results: Sequence[NewResult],
        reason: str | None,
        now: float,
    ) -> None:
        """Keep a film's answer and its results, whose files are on the disk.

        A film without any is done.
        """
        state, finished = ("located", None) if results else ("delivered", now)
        with self._base.writing() as base:
            base.execute(
                "UPDATE films SET state = ?, finished = ?, prediction = ?, reason = ?, located = ? "
                "WHERE id = ?", (state, finished, prediction, reason, now, film),
            )  # fmt: skip
            base.executemany(
                "INSERT INTO results (film, kind, file, instance, due) VALUES (?, ?, ?, ?, ?)",
                [(film, one.kind, one.file, one.instance, now) for one in results],
            )

    # What becomes of results.

    def next_result(self, now: float) -> ResultLine | None:
        """The result to be sent next: of those that are due, the one that was made first.

        One that was often tried steps behind the others: it may be why a connection is lost.
        """
        rows = self._base.rows(
            # With a plus SQLite looks by their turn, not by when they are due, and sorts nothing.
            "SELECT * FROM results WHERE stored IS NULL AND +due <= ? "  # noqa: S608 - of a constant
            f"ORDER BY {TURN} LIMIT 1", now,
        )  # fmt: skip
        return ResultLine(**dict(rows[0])) if rows else None

    def soonest_result(self) -> float | None:
        """When the next result is due; `None` = none waits."""
        (row,) = self._base.rows("SELECT min(due) AS due FROM results WHERE stored IS NULL")
        return cast("float | None", row["due"])

    def confirm(self, result: ResultLine, now: float) -> bool:
        """Keep that the archive has stored a result; gives whether its film is done with it."""
        with self._base.writing() as base:
            base.execute(
                "UPDATE results SET stored = ?, attempts = attempts + 1, reason = NULL "
                "WHERE id = ?", (now, result.id),
            )  # fmt: skip
            return bool(base.execute(FINISH, (now, result.film)).rowcount)

    def drop(self, results: Sequence[ResultLine], now: float) -> None:
        """Wait for results no more, whose files are gone; films are done that wait for no other."""
        with self._base.writing() as base:
            base.executemany("DELETE FROM results WHERE id = ?", [(one.id,) for one in results])
            base.executemany(FINISH, [(now, number) for number in {one.film for one in results}])

    def refuse(self, result: ResultLine, reason: str, due: float) -> None:
        """Say why the archive has not stored a result, and when the next try is."""
        self._base.write(
            "UPDATE results SET attempts = attempts + 1, reason = ?, due = ? WHERE id = ?",
            reason, due, result.id,
        )  # fmt: skip

    def waiting_results(self) -> list[ResultLine]:
        """Results that the archive has not confirmed."""
        rows = self._base.rows("SELECT * FROM results WHERE stored IS NULL ORDER BY id")
        return [ResultLine(**dict(row)) for row in rows]

    def drop_results(self, film: int) -> None:
        """Wait for a film's results no more, whose files are gone."""
        self._base.write("DELETE FROM results WHERE film = ?", film)

    def results_of(self, film: int) -> list[ResultLine]:
        """A film's results."""
        rows = self._base.rows("SELECT * FROM results WHERE film = ? ORDER BY id", film)
        return [ResultLine(**dict(row)) for row in rows]

    # What is done with.

    def finished_before(
        self, moment: float, *, undelivered: bool, after: int = 0
    ) -> FilmLine | None:
        """The first film that was done before a moment.

        Args:
            moment: in seconds since 1970.
            after: number of the film before it.
            undelivered: whether no archive is waited for, so that a located film is done.
        """
        done = "coalesce(finished, located)" if undelivered else "finished"
        return self._film(
            f"SELECT * FROM films WHERE {done} < ? AND id > ? "  # noqa: S608 - of two
            "ORDER BY id LIMIT 1", moment, after,
        )  # fmt: skip

    def forget(self, film: int) -> None:
        """Remove a film and its results, whose files are gone."""
        with self._base.writing() as base:
            base.execute("DELETE FROM results WHERE film = ?", (film,))
            base.execute("DELETE FROM films WHERE id = ?", (film,))

    # What people are shown.

    def film(self, number: int) -> FilmLine | None:
        """The film of a number."""
        return self._film("SELECT * FROM films WHERE id = ?", number)

    def films(self, count: int, before: int | None = None) -> list[FilmLine]:
        """The newest films, or the newest of those with smaller numbers than `before`."""
        rows = self._base.rows(
            "SELECT * FROM films WHERE id < coalesce(?, id + 1) ORDER BY id DESC LIMIT ?",
            before, count,
        )  # fmt: skip
        return [_film_line(row) for row in rows]

    def counts(self) -> dict[FilmState, int]:
        """Films by state."""
        rows = self._base.rows("SELECT state, count(*) AS films FROM films GROUP BY state")
        counts: dict[FilmState, int] = dict.fromkeys(
            ("received", "located", "delivered", "aside"), 0
        )
        return counts | {row["state"]: row["films"] for row in rows}

    def last(self) -> dict[str, float | None]:
        """When a film last came, was located and was finished; when the oldest that waits came.

        Of those that wait to be finished, and of those that wait to be located.
        """
        (row,) = self._base.rows(
            "SELECT max(received) AS received, max(located) AS located, max(finished) AS finished, "
            "min(CASE WHEN finished IS NULL THEN received END) AS oldest_unfinished, "
            "min(CASE WHEN state = 'received' THEN received END) AS oldest_unread FROM films"
        )
        return dict(row)

    def files(self) -> set[str]:
        """Of all films, the names of their files."""
        return {str(row["file"]) for row in self._base.rows("SELECT file FROM films")}

    def soonest(self) -> float | None:
        """When the next film is due; `None` = none is queued."""
        (row,) = self._base.rows("SELECT min(due) AS due FROM films WHERE state = 'received'")
        return cast("float | None", row["due"])

    def bring_forward(self, now: float, longest: float) -> bool:
        """Let nothing be due later than a pause from now, or of the future, as a clock was wrong.

        Args:
            now: by the clock.
            longest: seconds that anything may be put off; what is put off for longer is due.

        Returns:
            whether something was.
        """
        latest = now + longest
        with self._base.writing() as base:
            films = base.execute(
                "UPDATE films SET due = ? WHERE due > ? AND state = 'received'", (now, latest)
            )
            results = base.execute(
                "UPDATE results SET due = ? WHERE due > ? AND stored IS NULL", (now, latest)
            )
            # Of a time that is not known the lesser is not known either.
            base.execute(
                "UPDATE films SET received = min(received, ?1), located = min(located, ?1), "
                "finished = min(finished, ?1) WHERE max(received, coalesce(located, 0), "
                "coalesce(finished, 0)) > ?1", (now,),
            )  # fmt: skip
            return films.rowcount + results.rowcount > 0

    def move_times(self, seconds: float, since: float) -> None:
        """Let what happened since a moment have happened so much later, as a clock was wrong."""
        self._base.write(
            "UPDATE films SET received = received + ?1 * (received >= ?2), "
            "located = located + ?1 * (located >= ?2), finished = finished + ?1 * (finished >= ?2)",
            seconds, since,
        )  # fmt: skip

    # How it is asked.

    def _prepare(self, path: Path) -> None:
        ((found,),) = self._base.rows("PRAGMA user_version")
        if found > VERSION:
            raise TbspotError(f"{path} was written by a newer tbspot; install that version again")
        if found == 0:
            with self._base.writing() as base:
                for statement in SCHEMA:
                    base.execute(statement)
                base.execute(f"PRAGMA user_version = {VERSION}")
        for statement in INDEXES:
            self._base.write(statement)

    def _film(self, query: str, *values: Any) -> FilmLine | None:
        rows = self._base.rows(query, *values)
        return _film_line(rows[0]) if rows else None


def _film_line(row: sqlite3.Row) -> FilmLine:
    return FilmLine(**dict(row))
