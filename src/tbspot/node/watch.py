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
from tbspot.node.folders import HeldFolder, held_below
from tbspot.node.objects import Sent, UnfitError, is_whole, read_sent
from tbspot.node.store import Store
from tbspot.node.telling import Tell

__all__ = ["SOURCE", "Watch"]

SOURCE = "folder"
REFUSED = "refused"
# A film that is not whole and has not changed for so long will not be.
STALLED_SECONDS = 600.0
# Folders in one another that are looked into: more than anybody files films by.
DEEPEST = 16


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
        ending: whether the node is to end, so that files that are not begun stay.
    """

    folder: Path
    store: Store
    tell: Tell
    arrived: Callable[[], None]
    film_bytes: int
    seconds: float = 2.0
    clock: Callable[[], float] = time.monotonic
    ending: Callable[[], bool] = lambda: False
    _seen: dict[Path, Seen] = field(default_factory=dict, init=False)
    _stays: set[tuple[Path, Seen]] = field(default_factory=set, init=False)
    _unread: set[str] = field(default_factory=set, init=False)

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
            if self.ending():
                break
            try:
                with held_below(self.folder, *path.parent.relative_to(self.folder).parts) as held:
                    self._take(held, path.name, *seen)
            except OSError as error:  # of this file alone; the others go on
                self._stays.add((path, seen))
                self.tell("file stays", source=SOURCE, reason=error.strerror)
        return self.seconds

    def _look(self) -> Iterator[tuple[Path, State]]:
        """Files with size and time of change; empty ones have yet to be written."""
        unread: dict[str, str] = {}
        for parent, folders, names in os.walk(
            self.folder, onerror=lambda error: self._note(error, unread)
        ):
            below = Path(parent).relative_to(self.folder).parts
            hidden = {one for one in folders if one.startswith(".")}
            folders[:] = {*folders} - hidden - ({REFUSED} if not below else set())
            if folders and len(below) == DEEPEST:
                unread[parent] = f"more than {DEEPEST} folders in one another"
                folders.clear()
            for name in names:
                # Many programs write under such a name and rename what is whole.
                if name.startswith(".") or name.endswith((".part", ".tmp")):
                    continue
                with suppress(OSError):
                    state = _state_in((path := Path(parent, name)).lstat())
                    if state.size:
                        yield path, state
        for folder in unread.keys() - self._unread:
            self.tell("folder stays", source=SOURCE, reason=unread[folder])
        self._unread = set(unread)

    def _note(self, error: OSError, unread: dict[str, str]) -> None:
        """One folder that cannot be looked into keeps no film in another one waiting."""
        if error.filename == str(self.folder):
            raise TbspotError(
                f"{self.folder} cannot be looked into ({error.strerror}); let this user read and "
                "write there"
            ) from error
        if not isinstance(error, FileNotFoundError):
            unread[str(error.filename)] = error.strerror or "it cannot be looked into"

    def _take(self, held: HeldFolder, name: str, state: State, since: float) -> None:
        self.store.check_room(state.size)
        try:
            sent = self._whole(held, name)
        except UnfitError as error:
            self._refuse(held, name, str(error))
            return
        except TbspotError as error:
            # Moved, it is still the file that its writer may go on with.
            if self.clock() - since > STALLED_SECONDS:
                self._refuse(held, name, str(error))
            return
        taken = self.store.take(sent, SOURCE)
        self.tell(f"film {taken}", source=SOURCE, bytes=len(sent.data))
        if taken in ("new", "again"):
            self.arrived()
        if taken == "other":
            self._refuse(held, name, "another film has its SOP Instance UID")
            return
        with suppress(FileNotFoundError):
            if _state_in(held.status(name)) == state:
                held.remove(name)

    def _whole(self, held: HeldFolder, name: str) -> Sent:
        """A film that is there to its end; names of files are not logged.

        Raises:
            UnfitError: it will never be taken.
            TbspotError: it is not there as yet, or is no film.
        """
        sent = read_sent(held.named(name), self.film_bytes, name="the file", within=held.number)
        if not is_whole(sent):
            raise TbspotError("the file ends too early; export it again")
        return sent

    def _refuse(self, held: HeldFolder, name: str, reason: str) -> None:
        """Move a file aside, under a name that is free.

        Raises:
            OSError: it cannot be.
        """
        goal, number = name, 1
        try:
            with held_below(self.folder, REFUSED, make=True) as aside:
                while aside.has(goal):
                    goal, number = f"{number}-{name}", number + 1
                held.move(name, aside, goal)
        except FileNotFoundError:  # somebody else was faster
            return
        except OSError as error:
            why = f"it cannot be put into `{REFUSED}` ({error.strerror}); let that be a folder"
            raise OSError(error.errno, why) from error
        self.tell("file refused", source=SOURCE, reason=reason)


def _state_in(found: os.stat_result) -> State:
    return State(found.st_size, found.st_mtime_ns)
