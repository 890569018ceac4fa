"""An end by Ctrl+C, a closed terminal or the system's request: in order, and with one sentence.

Takes nothing; gives a context in which each raises one exception, so that everything open is closed
as after any other. What is kept and how it goes on is left to the commands.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TextIO

__all__ = ["Interrupted", "flush_or_drop", "interruptible", "leave_end_to_parent", "tell_end"]

NAMES = {signal.SIGINT: "Ctrl+C", signal.SIGTERM: "SIGTERM"}
if sys.platform != "win32":
    # What a terminal sends that is closed; without an answer, films would stay behind.
    NAMES[signal.SIGHUP] = "SIGHUP"


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
    """End with a sentence and 128 + the signal's number (130 after Ctrl+C) when asked to.

    A second signal ends the process at once. What the caller chose to ignore, as `nohup` and
    shells do for commands in the background, stays ignored.
    """
    asked: list[signal.Signals] = []

    def interrupt(number: int, _: FrameType | None) -> None:
        for one in NAMES:
            signal.signal(one, signal.SIG_DFL)
        asked.append(signal.Signals(number))
        raise Interrupted(number)

    for number in NAMES:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, interrupt)
    try:
        yield
    except (Interrupted, Exception):
        # Libraries make errors of their own of it, as OpenVINO does while it is imported.
        if not asked:
            raise
        (by,) = asked
        tell_end(
            f"ended by {NAMES[by]}: what was finished is kept; run the same command again to go on"
        )
        sys.exit(128 + by)


def tell_end(sentence: str) -> None:
    """Write a last sentence on standard error; its terminal may be gone, its disk full."""
    with suppress(OSError):
        sys.stderr.write(f"{sentence}\n")
    flush_or_drop(sys.stderr)


def flush_or_drop(stream: TextIO) -> None:
    """Write what is left in a stream's buffer, or drop it where nobody takes it.

    The interpreter would try once more at its end, and end with a code of its own.
    """
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def leave_end_to_parent() -> None:
    """Ignore what asks for an end, in a process that works for another, which ends it.

    A terminal asks all of its processes at once, and so do systemd and a cluster's queue; what is
    in hand is finished first.
    """
    for number in NAMES:
        signal.signal(number, signal.SIG_IGN)
