from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tbspot.tables import write_table


@pytest.mark.parametrize("mark", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_a_spreadsheet_would_run_is_made_harmless(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "table.csv"
    text = f"{mark}HYPERLINK(1)"
    write_table(path, [text, "b"], [[text, "plain"]])
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    # A control character is replaced besides.
    shown = f"'{text}" if mark.isprintable() else "'\N{REPLACEMENT CHARACTER}HYPERLINK(1)"
    assert rows == [[shown, "b"], [shown, "plain"]]


def test_numbers_stay_numbers_and_nothing_is_an_empty_cell(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    write_table(path, ["a", "b", "c"], [[-1.5, None, 3]])
    assert path.read_text() == "a,b,c\n-1.5,,3\n"
