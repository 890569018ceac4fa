"""A file of SQLite that any thread of the node may ask, its faults told in one sentence.

Takes a path and what to do when it fails; gives rows, and transactions that are on the disk when
they end. What stands in it is left to ledger.py, listing.py and identities.py.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tbspot.errors import TbspotError

__all__ = ["Database"]

# Another process, such as a back-up, may hold the file for so long.
BUSY_SECONDS = 20


class Database:
    """One file, by one connection.

    Args:
        path: of the file, made where it is absent unless it is only read.
        advice: what to do when it cannot be used; the end of a sentence.
        read_only: nothing is ever written by this connection.
        pragmas: that it begins with.

    Raises:
        TbspotError: it is no database, or cannot be opened; so does whatever is asked of it.
    """

    def __init__(
        self,
        path: Path,
        advice: str,
        *,
        read_only: bool = False,
        pragmas: tuple[str, ...] = (),
    ) -> None:
        self._path, self._advice = path, advice
        self._lock = threading.RLock()
        mode = "ro" if read_only else "rwc"
        with self._told():
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_SECONDS,
                isolation_level=None, check_same_thread=False,
            )  # fmt: skip
            self._connection.row_factory = sqlite3.Row
            for pragma in pragmas:
                self._connection.execute(f"PRAGMA {pragma}")

    def close(self) -> None:
        """Close the file; what is asked of it afterwards is refused."""
        with self._lock:
            self._connection.close()

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """What a query gives."""
        with self.held() as connection:
            return connection.execute(query, values).fetchall()

    def write(self, query: str, *values: Any) -> None:
        """One statement, as a transaction."""
        with self.writing() as connection:
            connection.execute(query, values)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that has been done when it ends, or is undone if anything is raised."""
        with self.held() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def held(self) -> Iterator[sqlite3.Connection]:
        """The connection, for this thread alone meanwhile, and outside any transaction."""
        with self._lock, self._told():
            yield self._connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise TbspotError(f"cannot use {self._path}: {error}; {self._advice}") from error
