"""What the node says of itself: a line of JSON for each thing that happens, naming nobody.

Takes words and figures; gives lines for a journal. Films are numbers here; names, numbers and
instances of patients never are.
"""

from __future__ import annotations

import json
import sys
import threading
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
    """A way to tell by lines of JSON on standard output, from any thread."""
    lock = threading.Lock()

    def tell(event: str, **facts: Any) -> None:
        said = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event}
        plain = {key: _plain(value) for key, value in facts.items() if value is not None}
        with lock:
            sys.stdout.write(json.dumps(said | plain) + "\n")
            sys.stdout.flush()

    return tell


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    return value if isinstance(value, int) else printable(str(value))
