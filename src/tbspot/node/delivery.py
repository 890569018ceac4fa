"""Results of the store to the archive, each until the archive has said that it stored it.

Takes a store and an address; gives the store's lines what the archive answered. An archive that is
down is tried again with growing pauses, for ever: a result that waits is never given up. How to
speak to archives is left to hospital/archives.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field

from tbspot.hospital.archives import Archive, ArchiveLost, archive_of
from tbspot.hospital.result_files import read_result
from tbspot.node.ledger import ResultLine
from tbspot.node.settings import Pauses
from tbspot.node.store import Store
from tbspot.node.telling import Tell

__all__ = ["Delivery"]

# Results of one connection; after them films that came meanwhile have their turn in order.
MOST_IN_A_ROW = 500


@dataclass
class Delivery:
    """Sends results of a store.

    Attributes:
        store: with the results.
        to: the archive, as `hospital.archives.archive_of` takes it.
        calling: AE title of this node.
        tell: of what happens.
        pauses: between tries, of the archive and of a result that it refuses.
        ending: whether the node is to end, so that what is not begun waits.
        queued: is called when a film is queued anew, as its results are to be made anew.
        lost: why the archive cannot be spoken to; empty while it can.
        tries: how often in a row it could not.
    """

    store: Store
    to: str
    calling: str
    tell: Tell
    pauses: Pauses = field(default_factory=Pauses)
    ending: Callable[[], bool] = lambda: False
    queued: Callable[[], None] = lambda: None
    lost: str = field(default="", init=False)
    tries: int = field(default=0, init=False)
    _again: float = field(default=0.0, init=False)
    _made_anew: set[int] = field(default_factory=set, init=False)

    def work(self) -> float | None:
        """Send what is due.

        Returns:
            seconds until there is something to do, `None` = not before a result is made.
        """
        if (pause := self._again - time.monotonic()) > 0:
            return pause
        soonest, now = self.store.ledger.soonest_result(), self.store.clock()
        if soonest is None or soonest > now:
            return None if soonest is None else soonest - now
        with closing(archive_of(self.to, self.calling)) as archive:
            for _ in range(MOST_IN_A_ROW):
                result = self.store.ledger.next_result(self.store.clock())
                if result is None or self.ending():
                    break
                try:
                    self._send(archive, result)
                except ArchiveLost as error:
                    return self._lose(result, str(error))
        return 0

    def _send(self, archive: Archive, result: ResultLine) -> None:
        began = time.monotonic()
        made = None
        with suppress(OSError):
            made = read_result(self.store.path_of_result(result))
        if made is None:
            self._make_anew(result, "its file is no longer there, or no longer whole")
            return
        refusal = archive.store(made)
        if self.lost:
            self.tell("archive answers", tries=self.tries)
            self.lost, self.tries, self._again = "", 0, 0.0
        if refusal is not None:
            self._refuse(result, refusal)
            return
        now = self.store.clock()
        done = self.store.ledger.confirm(result, now)
        seconds = time.monotonic() - began
        self.tell("result stored", film=result.film, kind=result.kind, seconds=seconds)
        film = self.store.ledger.film(result.film) if done else None
        if film is not None:
            # Not below nothing, where the clock was set back meanwhile.
            self.tell("film delivered", film=film.id, seconds=max(0.0, now - film.received))

    def _make_anew(self, result: ResultLine, reason: str) -> None:
        """Have all results of a film made anew, once: a disk that keeps none would never end it."""
        if result.film in self._made_anew:
            self._refuse(result, reason)
            return
        anew = self.store.make_anew(result.film)
        self._made_anew.add(result.film)
        event = "results made anew" if anew else "film set aside"
        self.tell(event, film=result.film, kind=result.kind, reason=reason)
        self.queued()

    def _refuse(self, result: ResultLine, reason: str) -> None:
        """Try one result later; the others go on."""
        tries = result.attempts + 1
        due = self.store.clock() + self.pauses.after(tries)
        self.store.ledger.refuse(result, reason, due)
        self.tell("result refused", film=result.film, kind=result.kind, tries=tries, reason=reason)

    def _lose(self, result: ResultLine, why: str) -> float:
        """Wait for an archive that is down."""
        self.tries += 1
        self.lost = why
        self.store.ledger.refuse(result, why, self.store.clock())
        pause = self.pauses.after(self.tries)
        self._again = time.monotonic() + pause
        self.tell("archive lost", tries=self.tries, reason=why, pause_seconds=pause)
        return pause
