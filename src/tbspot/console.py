"""The one way in which tbspot prints: what a stranger chose, such as a film's name, is harmless.

Gives a console of rich. What characters are replaced is left to printable.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.text import Text

from tbspot.printable import printable

__all__ = ["open_console", "print_notes", "showing_status"]


def open_console() -> Console:
    """A console on standard output that wraps nothing and colours nothing by itself.

    Brackets are text, in tables too, and words between colons are no pictures: a name may have
    them (`[/v2]`, `10:on:30.png`). What is meant as markup says `markup=True`.
    """
    return _Console(highlight=False, soft_wrap=True, emoji=False, markup=False)


def print_notes(console: Console, notes: Iterable[str | None]) -> None:
    """A line for each note."""
    for note in notes:
        console.print(f"note: {note}")


@contextmanager
def showing_status(console: Console, text: str) -> Iterator[Callable[[str], None]]:
    """Show what is being done, on a terminal; gives what shows the next thing.

    rich takes a status for markup, whatever the console is told, and shows it as it is.
    """
    with console.status(Text(printable(text))) as status:
        yield lambda now: status.update(Text(printable(now)))


class _Console(Console):
    def render_str(self, text: str, **options: Any) -> Text:
        """What all text comes through that is printed, in tables too."""
        return super().render_str(printable(text), **options)
