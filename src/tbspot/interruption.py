"""An end by Ctrl+C or by the system's request: in order, and with one sentence.

Takes nothing; gives a context in which both raise one exception, so that everything open is closed
as after any other. What is kept and how it goes on is left to the commands.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Interrupted", "interruptible"]

NAMES = {signal.SIGINT: "Ctrl+C", signal.SIGTERM: "SIGTERM"}


class Interrupted(BaseException):
    """The process was asked to end; no fault, and nothing that handles faults catches it.

    Attributes:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = signal.Signals(number)


@contextmanager
def interruptible() -> Iterator[None]:
    """End with a sentence and exit code 130 (Ctrl+C) or 143 (SIGTERM) when asked to.

    A second signal ends the process at once. What the caller chose to ignore, as `nohup` and
    shells do for commands in the background, stays ignored.
    """
    for number in NAMES:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _interrupt)
    try:
        yield
    except Interrupted as interruption:
        sys.stderr.write(
            f"ended by {NAMES[interruption.number]}: what was finished is kept; run the same "
            "command again to go on\n"
        )
        sys.exit(128 + interruption.number)


def _interrupt(number: int, _: FrameType | None) -> None:
    for one in NAMES:
        signal.signal(one, signal.SIG_DFL)
    raise Interrupted(number)
