"""Films dropped on the page: a queue, one film at a time, results in memory for a while.

Takes bytes of any file; gives what becomes of it. A file lies on the disk, in a folder of this
user's alone, only until it is read. How a film is judged is left to judge.py.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import AsyncIterable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tbspot.errors import TbspotError
from tbspot.images.opening import MOST_BYTES
from tbspot.temporary import held_folder, let_go, remove_leftovers
from tbspot.viewer.bodies import GRACE, SLOWEST, TooLargeError, TooSlowError, paced
from tbspot.viewer.cases import Case

__all__ = [
    "NAME",
    "BusyError",
    "Drops",
    "Judged",
    "Progress",
    "TooLargeError",
    "TooSlowError",
]

# The browser does not tell a film's own name, which may be a patient's.
NAME = "the dropped film"
# On the disk at one time: a few films of the largest size that is read, or hundreds of usual ones.
MOST_WAITING_BYTES = 4 * MOST_BYTES
MOST_WAITING = 500
# In memory: results of the last hundred films, fewer when they are large.
MOST_KEPT = 100
MOST_KEPT_BYTES = 256_000_000


class BusyError(Exception):
    """More is waiting than should."""


@dataclass(frozen=True)
class Judged:
    """What became of a film, and the bytes of memory it holds."""

    case: Case
    size: int


@dataclass(frozen=True)
class Progress:
    """How far a film is.

    Attributes:
        ahead: films that come before it; 0 when it is being looked at.
        case: the result, once there is one.
    """

    ahead: int
    case: Case | None


class _Arrival:
    """A file that arrives, and what of it was counted.

    Args:
        count: is told films and bytes that arrived, and refuses them when there are too many.
        file: to be written.
    """

    def __init__(self, count: Callable[[int, int], None], file: Path) -> None:
        self.file = file
        self.films = self.length = 0
        self._count = count

    async def take(self, content: AsyncIterable[bytes]) -> None:
        """Write what arrives, as long as it arrives."""
        with self.file.open("xb") as copy:
            async for part in paced(content, GRACE, SLOWEST):
                if self.length + len(part) > MOST_BYTES:
                    raise TooLargeError
                self._count(1 - self.films, len(part))
                self.films, self.length = 1, self.length + len(part)
                copy.write(part)
        if not self.films:  # an empty file takes a place in the queue too
            self._count(1, 0)
            self.films = 1


class Drops:
    """The queue and its results; its folder goes when it is closed.

    Args:
        judge: says what is to be said of a file under a name, whatever it holds; called from one
            thread only.
    """

    def __init__(self, judge: Callable[[Path, str], Judged]) -> None:
        self._judge = judge
        remove_leftovers()
        self._folder, self._hold = held_folder()
        self._thread = ThreadPoolExecutor(1, "drops")
        self._lock = threading.RLock()
        self._films: dict[str, Future[Judged]] = {}
        self._waiting = self._waiting_bytes = 0

    async def receive(self, declared: int, content: AsyncIterable[bytes]) -> str:
        """Put a file into the queue; gives the name under which to ask for it.

        What arrives is counted, whatever was declared, and nothing is kept free for what has not
        arrived; who sends too slowly is cut off.

        Raises:
            TbspotError: it cannot be kept until it is read.
            TooLargeError: it is larger than any film, or is declared to be.
            TooSlowError: it does not arrive.
            BusyError: too much is waiting.
        """
        if declared > MOST_BYTES:
            raise TooLargeError
        arrival = _Arrival(self._count, self._folder / secrets.token_urlsafe(12))
        try:
            await arrival.take(content)
        except OSError as error:
            self._release(arrival)
            raise TbspotError(
                f"{NAME} cannot be kept until it is read ({error.strerror}); free space in "
                f"{self._folder.parent}"
            ) from error
        except BaseException:  # such as that the browser has gone away
            self._release(arrival)
            raise
        return self._enqueue(arrival.file, NAME, lambda: self._release(arrival))

    def add(self, path: Path) -> str:
        """Put a file of the user's own into the queue; it stays as it is."""
        return self._enqueue(path, path.name, lambda: None)

    def progress(self, name: str) -> Progress | None:
        """How far a film is; `None` if it is not known, or no longer."""
        with self._lock:
            film = self._films.get(name)
            films = list(self._films.values())
        if film is None:
            return None
        if film.done():
            # It may have been forgotten since it was looked up.
            return None if film.cancelled() else Progress(0, film.result().case)
        return Progress(sum(not one.done() for one in films[: films.index(film)]), None)

    def forget(self, name: str) -> None:
        """Drop a film and its result; one that waits is not looked at."""
        with self._lock:
            film = self._films.pop(name, None)
        if film is not None:
            film.cancel()

    def close(self) -> None:
        """End the queue and remove its folder."""
        self._thread.shutdown(cancel_futures=True)
        let_go(self._folder, self._hold)
        self._hold = None

    def _count(self, films: int, length: int) -> None:
        """Count what arrived.

        Raises:
            BusyError: all films together are too many, or have too many bytes.
        """
        with self._lock:
            waiting, waiting_bytes = self._waiting + films, self._waiting_bytes + length
            if waiting > MOST_WAITING or waiting_bytes > MOST_WAITING_BYTES:
                raise BusyError
            self._waiting, self._waiting_bytes = waiting, waiting_bytes

    def _release(self, arrival: _Arrival) -> None:
        with suppress(OSError):  # it goes with its folder
            arrival.file.unlink(missing_ok=True)
        with self._lock:
            self._waiting -= arrival.films
            self._waiting_bytes -= arrival.length

    def _enqueue(self, file: Path, called: str, after: Callable[[], None]) -> str:
        # Not to be guessed, so that a film is seen only where it was dropped.
        name = secrets.token_urlsafe(12)
        with self._lock:
            film = self._films[name] = self._thread.submit(self._judge, file, called)
        # Also called when the film is forgotten before its turn.
        film.add_done_callback(lambda _: after())
        film.add_done_callback(lambda _: self._forget_oldest())
        return name

    def _forget_oldest(self) -> None:
        with self._lock:
            done = {
                name: film
                for name, film in self._films.items()
                if film.done() and not film.cancelled()
            }
            sizes = [film.result().size for film in done.values()]
            for name in done:
                if len(sizes) <= MOST_KEPT and sum(sizes) <= MOST_KEPT_BYTES:
                    return
                del self._films[name], sizes[0]
