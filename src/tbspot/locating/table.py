"""The predictions as a table for a spreadsheet program.

Takes a folder with `predictions.jsonl`; gives `predictions.csv` beside it. Boxes and maps stay in
the JSON lines; what a cell may not hold is left to tables.py.
"""

from __future__ import annotations

from pathlib import Path

from tbspot.records.predictions import read_predictions
from tbspot.tables import write_table

__all__ = ["PARQUET_FILE", "TABLE_FILE", "forget_predictions_table", "write_predictions_table"]

TABLE_FILE = "predictions.csv"
# What parquet.py writes, where it is asked for.
PARQUET_FILE = "predictions.parquet"
# Of a prediction, in the order of the columns; the number of boxes comes last.
COLUMNS = ("image", "status", "code", "reason", "score", "threshold", "called", "calibration",
           "width", "height", "model", "version")  # fmt: skip


def write_predictions_table(folder: Path) -> Path:
    """Write one row a film, in the order of the lines, whole or not at all; give the path.

    Raises:
        TbspotError: a line is not a prediction, or the table cannot be written.
    """
    path = folder / TABLE_FILE
    rows = (
        [*(_cell(getattr(one, name)) for name in COLUMNS), len(one.boxes)]
        for one in read_predictions(folder)
    )
    write_table(path, (*COLUMNS, "boxes"), rows)
    return path


def forget_predictions_table(folder: Path) -> None:
    """Remove the tables, so that none is older than the lines beside it."""
    for name in (TABLE_FILE, PARQUET_FILE):
        (folder / name).unlink(missing_ok=True)


def _cell(value: str | float | bool | None) -> str | float | None:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
