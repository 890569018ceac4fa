"""CSV files that a spreadsheet program opens without running anything in them.

Takes rows of cells; gives a file. What the cells mean is left to the modules that write them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from tbspot.printable import printable
from tbspot.storage import replacing

__all__ = ["Cell", "write_table"]

# A spreadsheet takes a cell that begins so for a formula (CWE-1236).
# The wide forms do the same where Japanese or Chinese is written.
FORMULA_MARKS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")

Cell = str | float | int | None


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write a CSV file, whole or not at all; an apostrophe is put before text like a formula.

    Line ends and other control characters in cells are replaced.

    Raises:
        TbspotError: it cannot be written.
    """
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow([_harmless(cell) for cell in header])
        table.writerows([_harmless(cell) for cell in row] for row in rows)


def _harmless(cell: Cell) -> Cell:
    if not isinstance(cell, str):
        return cell
    text = printable(cell)
    # As it was given: what stood first may have been replaced.
    return f"'{text}" if cell.startswith(FORMULA_MARKS) else text
