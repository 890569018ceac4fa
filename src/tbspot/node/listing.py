"""A node's films as people are shown them: chosen, sorted, a page at a time.

Takes the node's queue; gives lines, and a mark that changes when they do. Reads by a connection of
its own, so that nobody who looks makes a film wait. Whose films they are is left to identities.py.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tbspot.choices import FilmsOrder, FilmsShown, FilmState
from tbspot.node.database import Database
from tbspot.records.predictions import Prediction

__all__ = ["PAGE", "Found", "Line", "Listing", "Wanted"]

PAGE = 50
# Words of a search; more would find nothing that these do not.
MOST_WORDS = 8
# Of a film: what its prediction and its results say, in figures.
LINES = """SELECT films.*, json_extract(prediction, '$.score') AS score,
    json_extract(prediction, '$.threshold') AS threshold,
    (SELECT count(*) FROM results WHERE film = films.id) AS results,
    (SELECT count(stored) FROM results WHERE film = films.id) AS stored,
    (SELECT coalesce(sum(max(attempts - 1, 0)), 0) FROM results WHERE film = films.id) AS resent,
    (SELECT reason FROM results WHERE film = films.id AND stored IS NULL AND reason IS NOT NULL
        ORDER BY id LIMIT 1) AS refusal
    FROM films"""
SHOWN: Mapping[FilmsShown, str] = {
    "all": "1",
    "above": "score >= threshold",
    "below": "score < threshold",
    "waiting": "state = 'received'",
    "located": "state = 'located'",
    "sent": "state = 'delivered' AND results",
    "aside": "state = 'aside'",
}
ORDERS: Mapping[FilmsOrder, str] = {
    "newest": "id DESC",
    "oldest": "id",
    "highest": "score DESC NULLS LAST, id DESC",
    "lowest": "score NULLS LAST, id DESC",
}
COLUMNS = ("id", "file", "source", "state", "attempts", "reason", "prediction", "received",
           "located", "results", "stored", "resent", "refusal")  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """Which films somebody wants to see.

    Attributes:
        order: of the films.
        shown: which of them, by answer and state.
        words: that all stand in a film's number, unit, reason or identity, as far as it is kept.
        page: from 1.
    """

    order: FilmsOrder = "newest"
    shown: FilmsShown = "all"
    words: tuple[str, ...] = ()
    page: int = 1


@dataclass(frozen=True)
class Line:
    """A film as it stands in the list.

    Attributes:
        number: by which logs and pages call it.
        file: in the folder of films.
        source: AE title of the unit, `folder`, or `web` with an address.
        state: as `FilmLine` has it.
        attempts: tries to locate it, of which the last may be going on.
        reason: why it was put off or set aside, or what was found about its results.
        prediction: what the model says, once it does.
        received: when it was acknowledged, in seconds since 1970.
        located: when its results were on the disk.
        results: how many were made.
        stored: how many of them the archive has confirmed.
        retries: of locating and of sending.
        refusal: why a result has not been stored at the last try.
    """

    number: int
    file: str
    source: str
    state: FilmState
    attempts: int
    reason: str | None
    prediction: Prediction | None
    received: float
    located: float | None
    results: int
    stored: int
    retries: int
    refusal: str | None


@dataclass(frozen=True)
class Found:
    """A page of films, how many there are in all pages, and which page it is."""

    lines: Sequence[Line]
    count: int
    page: int

    @property
    def pages(self) -> int:
        """How many there are; 1 at least."""
        return max(1, -(-self.count // PAGE))


class Listing:
    """What a queue holds; any thread may ask.

    Args:
        queue: file of the node's queue, which is there.
        known: gives the files of the films whose identity holds a word; `None` = no identities are
            kept.

    Raises:
        TbspotError: it cannot be read.
    """

    def __init__(self, queue: Path, known: Callable[[str], Collection[str]] | None = None) -> None:
        self._known = known
        self._base = Database(queue, "look again later", read_only=True)

    def close(self) -> None:
        """Ask no more."""
        self._base.close()

    def mark(self) -> int:
        """A number that is another one once anything has changed; it costs next to nothing."""
        ((version,),) = self._base.rows("PRAGMA data_version")
        return int(version)

    def find(self, wanted: Wanted) -> Found:
        """A page of films; the last one where there are fewer pages.

        Raises:
            TbspotError: the queue cannot be read.
        """
        where, values = self._where(wanted)
        ((count,),) = self._base.rows(f"SELECT count(*) FROM ({LINES}) WHERE {where}", *values)  # noqa: S608 - of constants
        page = min(wanted.page, max(1, -(-count // PAGE)))
        rows = self._base.rows(
            f"SELECT * FROM ({LINES}) WHERE {where} ORDER BY {ORDERS[wanted.order]} "  # noqa: S608 - of constants
            "LIMIT ? OFFSET ?", *values, PAGE, PAGE * (page - 1),
        )  # fmt: skip
        return Found([_line(row) for row in rows], count, page)

    def film(self, number: int) -> Line | None:
        """The film of a number."""
        rows = self._base.rows(f"{LINES} WHERE id = ?", number)
        return _line(rows[0]) if rows else None

    def beside(self, number: int) -> tuple[int | None, int | None]:
        """The films that came next after one, and last before it."""
        ((after, before),) = self._base.rows(
            "SELECT (SELECT min(id) FROM films WHERE id > ?1), "
            "(SELECT max(id) FROM films WHERE id < ?1)", number,
        )  # fmt: skip
        return after, before

    def _where(self, wanted: Wanted) -> tuple[str, list[Any]]:
        conditions, values = [SHOWN[wanted.shown]], []
        for word in wanted.words[:MOST_WORDS]:
            known = list(self._known(word)) if self._known is not None else []
            escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
            conditions.append(
                "(CAST(id AS TEXT) = ? OR source LIKE ? ESCAPE '\\' OR reason LIKE ? ESCAPE '\\' "
                "OR file IN (SELECT value FROM json_each(?)))"
            )
            values += [word, f"%{escaped}%", f"%{escaped}%", json.dumps(known)]
        return " AND ".join(conditions), values


def _line(row: sqlite3.Row) -> Line:
    found = {name: row[name] for name in COLUMNS}
    number, resent, said = found.pop("id"), found.pop("resent"), found.pop("prediction")
    retries = max(0, found["attempts"] - 1) + resent
    prediction = None if said is None else Prediction.model_validate_json(said)
    return Line(number=number, prediction=prediction, retries=retries, **found)
