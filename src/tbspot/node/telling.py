"""What the node says of itself: a line of JSON for each thing that happens, naming nobody.

Takes words and figures; gives lines for a journal. Films are numbers here; names, numbers and
instances of patients never are.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from tbspot.printable import printable

__all__ = ["Tell", "line_teller", "silent"]


class Tell(Protocol):
    """What parts of the node tell by: an event's name, and facts by keyword."""

    def __call__(self, event: str, **facts: Any) -> None:
        """Tell of an event; a fact that is `None` is left out."""


def silent(event: str, **facts: Any) -> None:
    """Say nothing."""


def line_teller() -> Tell:
    """A way to tell by lines of JSON on standard output, from any thread.

    Lines that cannot be written, as the disk of the journal is full, keep no film waiting: they
    are counted, and `lines lost` says how many once one can be.
    """
    lock, lost = threading.Lock(), 0

    def tell(event: str, **facts: Any) -> None:
        nonlocal lost
        with lock:
            try:
                if lost:
                    sys.stdout.write(_line("lines lost", {"lines": lost}))
                sys.stdout.write(_line(event, facts))
                sys.stdout.flush()
                lost = 0
            # A stream that was closed is a `ValueError`.
            except (OSError, ValueError):
                lost += 1

    return tell


def _line(event: str, facts: Mapping[str, Any]) -> str:
    said = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event}
    plain = {key: _plain(value) for key, value in facts.items() if value is not None}
    return json.dumps(said | plain) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    return value if isinstance(value, int) else printable(str(value))
