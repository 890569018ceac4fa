"""What the node says of itself: a line of JSON for each thing that happens, naming nobody.

Takes words and figures; gives lines for a journal. Films are numbers here; names, numbers and
instances of patients never are.
"""

from __future__ import annotations

import json
import select
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from io import UnsupportedOperation
from typing import Any, Protocol, TextIO

from tbspot.printable import printable

__all__ = ["Tell", "line_teller", "silent"]

# In which the journal takes a line.
PATIENCE_SECONDS = 1.0


class Tell(Protocol):
    """What parts of the node tell by: an event's name, and facts by keyword."""

    def __call__(self, event: str, **facts: Any) -> None:
        """Tell of an event; a fact that is `None` is left out."""


def silent(event: str, **facts: Any) -> None:
    """Say nothing."""


def line_teller() -> Tell:
    """A way to tell by lines of JSON on standard output, from any thread.

    Lines that cannot be written, as the disk of the journal is full or nobody reads it any more,
    keep no film waiting: they are counted, and `lines lost` says how many once one can be.
    """
    lock, lost = threading.Lock(), 0

    def tell(event: str, **facts: Any) -> None:
        nonlocal lost
        with lock:
            try:
                # Who has kept one line waiting has no patience left for the next.
                if not _has_room(sys.stdout, 0.0 if lost else PATIENCE_SECONDS):
                    lost += 1
                    return
                if lost:
                    sys.stdout.write(_line("lines lost", {"lines": lost}))
                sys.stdout.write(_line(event, facts))
                sys.stdout.flush()
                lost = 0
            # A stream that was closed is a `ValueError`.
            except (OSError, ValueError):
                lost += 1

    return tell


def _has_room(stream: TextIO, seconds: float) -> bool:
    """Whether a line can be written in time: a pipe that is not read, or a terminal that was
    stopped (Ctrl+S), would hold its writer for ever.

    Raises:
        ValueError: the stream was closed.
    """
    if sys.platform == "win32":  # whose pipes cannot be asked
        return True
    try:
        number = stream.fileno()
    except UnsupportedOperation:  # in memory
        return True
    waiting = select.poll()
    waiting.register(number, select.POLLOUT)
    return bool(waiting.poll(seconds * 1000))


def _line(event: str, facts: Mapping[str, Any]) -> str:
    said = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event}
    plain = {key: _plain(value) for key, value in facts.items() if value is not None}
    return json.dumps(said | plain) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    return value if isinstance(value, int) else printable(str(value))
