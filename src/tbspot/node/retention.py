"""What becomes of films that are done: they are deleted after a stated time.

Takes a store; gives nothing. A film whose results wait for the archive is not done, however old.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tbspot.errors import TbspotError
from tbspot.node.identities import Identities
from tbspot.node.store import Store
from tbspot.node.telling import Tell

__all__ = ["Retention"]

SECONDS_OF_DAY = 24 * 60 * 60
BETWEEN_LOOKS = 600.0


@dataclass
class Retention:
    """Deletes films of a store.

    Attributes:
        store: with the films.
        keep_days: after which a film that is done is deleted, its results with it.
        undelivered: whether no archive is named, so that a located film is done.
        tell: of what happens.
        identities: where whose films they are is kept.
        now: the time by which films are old, in seconds since 1970; `None` = by the store's clock.
        ending: whether the node is to end, so that the other films are deleted at its next start.
    """

    store: Store
    keep_days: float
    undelivered: bool
    tell: Tell
    identities: Identities | None = None
    now: Callable[[], float] | None = None
    ending: Callable[[], bool] = lambda: False

    def work(self) -> float:
        """Delete what is old enough; gives seconds to the next look.

        Raises:
            TbspotError: a film cannot be deleted; the others are. Or the folder is away.
        """
        now = self.store.clock() if self.now is None else self.now()
        moment, count, last, why = now - self.keep_days * SECONDS_OF_DAY, 0, 0, ""
        ledger = self.store.ledger
        while film := ledger.finished_before(moment, undelivered=self.undelivered, after=last):
            if self.ending():
                break
            last = film.id
            self.store.check_there()  # the files of one that is away would stay without a line
            if self.identities is not None:
                self.identities.forget(film.file)
            try:
                count += self.store.forget(film)
            except OSError as error:
                why = why or f"film {film.id} cannot be deleted ({error.strerror})"
        if self.identities is not None:
            self.identities.forget_others(ledger.files())
        if count:
            self.tell("films deleted", films=count, days=self.keep_days)
        if why:
            raise TbspotError(f"{why}; let the node's user write in {self.store.folder}")
        return BETWEEN_LOOKS
