"""Films out of a folder, for units that can do no more than write files.

Takes a folder; gives each of its films to the store once its size stands still, and removes it
from there once it is on the node's disk. What is no film that the node takes goes into `refused`
beside them, so that somebody sees it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tbspot.errors import TbspotError
from tbspot.node.objects import read_sent
from tbspot.node.store import Store
from tbspot.node.telling import Tell

__all__ = ["SOURCE", "Watch"]

SOURCE = "folder"
REFUSED = "refused"


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
    """

    folder: Path
    store: Store
    tell: Tell
    arrived: Callable[[], None]
    film_bytes: int
    seconds: float = 2.0
    _seen: dict[Path, tuple[int, int]] = field(default_factory=dict, init=False)

    def work(self) -> float:
        """Take each file that has not changed since the last look; gives seconds to the next one.

        Raises:
            TbspotError: the folder cannot be looked into, or the disk is full; files stay there.
        """
        before, self._seen = self._seen, dict(self._look())
        for path in sorted(path for path, state in self._seen.items() if before.get(path) == state):
            self._take(path)
        return self.seconds

    def _look(self) -> Iterator[tuple[Path, tuple[int, int]]]:
        """Files with size and time of change; empty ones have yet to be written."""
        for parent, folders, names in os.walk(self.folder, onerror=self._raise):
            folders[:] = [one for one in folders if not one.startswith(".") and one != REFUSED]
            for name in names:
                # Many programs write under such a name and rename what is whole.
                if name.startswith(".") or name.endswith((".part", ".tmp")):
                    continue
                with suppress(OSError):
                    state = (path := Path(parent, name)).stat(follow_symlinks=False)
                    if state.st_size:
                        yield path, (state.st_size, state.st_mtime_ns)

    def _raise(self, error: OSError) -> None:
        raise TbspotError(
            f"{self.folder} cannot be looked into ({error.strerror}); let this user read and "
            "write there"
        ) from error

    def _take(self, path: Path) -> None:
        self.store.check_room(path.stat().st_size if path.exists() else 0)
        try:
            sent = read_sent(path, self.film_bytes)
        except TbspotError:
            self._refuse(path, "no film that is taken")
            return
        taken = self.store.take(sent, SOURCE)
        self.tell(f"film {taken}", source=SOURCE, bytes=len(sent.data))
        if taken == "other":
            self._refuse(path, "another film has its SOP Instance UID")
            return
        with suppress(FileNotFoundError):
            path.unlink()
        if taken in ("new", "again"):
            self.arrived()

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
