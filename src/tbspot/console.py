"""The one way in which tbspot prints: what a stranger chose, such as a film's name, is harmless.

Gives a console of rich. What characters are replaced is left to printable.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.text import Text

from tbspot.printable import printable

__all__ = ["open_console", "print_notes"]


def open_console() -> Console:
    """A console on standard output that wraps nothing and colours nothing by itself.

    Nor does it make pictures of words between colons, as a name may have them (`10:on:30.png`).
    """
    return _Console(highlight=False, soft_wrap=True, emoji=False)


def print_notes(console: Console, notes: Iterable[str | None]) -> None:
    """A line for each note; brackets in it are text."""
    for note in notes:
        console.print(f"note: {note}", markup=False)


class _Console(Console):
    def render_str(self, text: str, **options: Any) -> Text:
        """What all text comes through that is printed, in tables too."""
        return super().render_str(printable(text), **options)
