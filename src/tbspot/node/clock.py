"""A clock that was wrong: nothing waits for a time that it named, and nothing is of the future.

Takes the node's queue and both of the machine's clocks; mends times in the queue. A clock that runs
ahead at the start of a machine and is set right later puts films off by as much; one that is behind
(an empty battery: the year 2000) lets them look as old as they may become.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tbspot.node.store import Store

__all__ = ["ClockWatch"]

BETWEEN_LOOKS = 60.0
# Clocks are kept right by less at a time.
LEAST_JUMP = 5.0
# By more at once no clock goes wrong that was right at the start, but in a machine that lost it.
FAR = 24 * 60 * 60.0
# Where all that is done was done longer ago, the clock was wrong that said when.
LONG_AGO = 365 * FAR


def _steady() -> float:
    """Seconds of a clock that nobody sets, and that goes on while the machine sleeps."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


@dataclass
class ClockWatch:
    """Looks at the clock from time to time; any thread may ask.

    Attributes:
        store: whose clock names when films are due.
        longest: seconds of the longest pause.
        mended: is called when something is due that was not.
        steady: seconds of a clock that nobody sets.
    """

    store: Store
    longest: float
    mended: Callable[[], None]
    steady: Callable[[], float] = _steady

    def __post_init__(self) -> None:
        self._turn = threading.Lock()
        self._since = self.store.clock()
        self._ahead = self._since - self.steady()

    def start(self) -> None:
        """Mend times that a clock named which was wrong before this start."""
        last, now = self.store.ledger.last(), self.store.clock()
        newest = max(last["located"] or 0.0, last["finished"] or 0.0)
        if newest and now - newest > LONG_AGO:
            self.store.ledger.move_times(now - newest, 0.0)
        self.look()

    def work(self) -> float:
        """Look at the clock; gives seconds to the next look."""
        self.look()
        return BETWEEN_LOOKS

    def look(self) -> float:
        """Mend times where the clock was set since the last look.

        What happened since the start happened as much earlier or later; after a far jump forward so
        did all before, so that nothing is old of a sudden. After a clock was set back all that
        waits is due, else what is put off for longer than anything is.

        Returns:
            the time now, to which those of the queue fit.
        """
        with self._turn:
            now, ledger = self.store.clock(), self.store.ledger
            before, self._ahead = self._ahead, now - self.steady()
            jump = self._ahead - before
            if abs(jump) > LEAST_JUMP:
                ledger.move_times(jump, 0.0 if jump > FAR else self._since)
                self._since += jump
            if ledger.bring_forward(now, 0.0 if jump < -LEAST_JUMP else self.longest):
                self.mended()
            return now
