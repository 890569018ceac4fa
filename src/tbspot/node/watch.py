"""Films out of a folder, for units that can do no more than write files.

Takes a folder; gives each of its films to the store once it is whole and stands still, and removes
it from there once it is on the node's disk. What is no film that the node takes goes into `refused`
beside them, so that somebody sees it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tbspot.errors import TbspotError
from tbspot.node.objects import is_whole, read_sent
from tbspot.node.store import Store
from tbspot.node.telling import Tell

__all__ = ["SOURCE", "Watch"]

SOURCE = "folder"
REFUSED = "refused"
# A film that is not whole and has not changed for so long will not be.
STALLED_SECONDS = 600.0


class State(NamedTuple):
    """Of a file: its bytes, and when it was changed, in nanoseconds since 1970."""

    size: int
    changed: int


class Seen(NamedTuple):
    """How a file was found, and since when, by a clock that nobody sets."""

    state: State
    since: float


@dataclass
class Watch:
    """Looks into a folder from time to time.

    Attributes:
        folder: that a unit writes to; folders in it are looked into, links are not.
        store: that gets the films.
        tell: of what happens.
        arrived: is called when a film is queued.
        film_bytes: of a film at the most.
        seconds: between two looks.
        clock: seconds of a clock that nobody sets.
    """

    folder: Path
    store: Store
    tell: Tell
    arrived: Callable[[], None]
    film_bytes: int
    seconds: float = 2.0
    clock: Callable[[], float] = time.monotonic
    _seen: dict[Path, Seen] = field(default_factory=dict, init=False)
    _stays: set[tuple[Path, Seen]] = field(default_factory=set, init=False)

    def work(self) -> float:
        """Take each file that has not changed since the last look; gives seconds to the next one.

        Raises:
            TbspotError: the folder cannot be looked into, or the disk is full; files stay there.
        """
        before, now = self._seen, self.clock()
        self._seen = {}
        for path, state in self._look():
            earlier = before.get(path)
            same = earlier is not None and earlier.state == state
            self._seen[path] = earlier if earlier is not None and same else Seen(state, now)
        still = self._seen.items() & before.items()
        self._stays &= still
        for path, seen in sorted(still - self._stays):
            try:
                self._take(path, *seen)
            except OSError as error:  # of this file alone; the others go on
                self._stays.add((path, seen))
                self.tell("file stays", source=SOURCE, reason=error.strerror)
        return self.seconds

    def _look(self) -> Iterator[tuple[Path, State]]:
        """Files with size and time of change; empty ones have yet to be written."""
        for parent, folders, names in os.walk(self.folder, onerror=self._raise):
            folders[:] = [one for one in folders if not one.startswith(".") and one != REFUSED]
            for name in names:
                # Many programs write under such a name and rename what is whole.
                if name.startswith(".") or name.endswith((".part", ".tmp")):
                    continue
                with suppress(OSError):
                    if (state := _state_of(path := Path(parent, name))).size:
                        yield path, state

    def _raise(self, error: OSError) -> None:
        raise TbspotError(
            f"{self.folder} cannot be looked into ({error.strerror}); let this user read and "
            "write there"
        ) from error

    def _take(self, path: Path, state: State, since: float) -> None:
        self.store.check_room(state.size)
        try:
            sent = read_sent(path, self.film_bytes)
        except TbspotError:
            self._refuse(path, "no film that is taken")
            return
        if not is_whole(sent):
            # Moved, it is still the file that its writer may go on with.
            if self.clock() - since > STALLED_SECONDS:
                self._refuse(path, "it ends too early")
            return
        taken = self.store.take(sent, SOURCE)
        self.tell(f"film {taken}", source=SOURCE, bytes=len(sent.data))
        if taken in ("new", "again"):
            self.arrived()
        if taken == "other":
            self._refuse(path, "another film has its SOP Instance UID")
            return
        with suppress(FileNotFoundError):
            if _state_of(path) == state:
                path.unlink()

    def _refuse(self, path: Path, reason: str) -> None:
        """Move a file aside, under a name that is free; names of files are not logged."""
        place = self.folder / REFUSED
        place.mkdir(exist_ok=True)
        goal, number = place / path.name, 1
        while goal.exists():
            goal, number = place / f"{number}-{path.name}", number + 1
        with suppress(FileNotFoundError):
            path.rename(goal)
        self.tell("file refused", source=SOURCE, reason=reason)


def _state_of(path: Path) -> State:
    found = path.stat(follow_symlinks=False)
    return State(found.st_size, found.st_mtime_ns)
