"""A clock that was wrong: nothing waits for a time that it named, and nothing is of the future.

Takes the node's queue and both of the machine's clocks; mends times in the queue. A clock that runs
ahead at the start of a machine and is set right later puts films off by as much.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from tbspot.node.store import Store

__all__ = ["ClockWatch"]

BETWEEN_LOOKS = 60.0
# Clocks are kept right by less at a time.
LEAST_JUMP = 5.0


@dataclass
class ClockWatch:
    """Looks at the clock from time to time.

    Attributes:
        store: whose clock names when films are due.
        longest: seconds of the longest pause.
        mended: is called when something is due that was not.
        steady: seconds of a clock that nobody sets.
    """

    store: Store
    longest: float
    mended: Callable[[], None]
    steady: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._ahead = self.store.clock() - self.steady()

    def work(self) -> float:
        """Bring forward what a clock that was wrong put off; gives seconds to the next look.

        All that waits after a clock was set back, else what is put off for longer than anything is.
        """
        now = self.store.clock()
        before, self._ahead = self._ahead, now - self.steady()
        set_back = self._ahead < before - LEAST_JUMP
        if self.store.ledger.bring_forward(now, 0.0 if set_back else self.longest):
            self.mended()
        return BETWEEN_LOOKS
