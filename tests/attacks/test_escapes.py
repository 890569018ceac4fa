"""What a stranger may choose, such as a film's name, reaches no terminal, page or table raw."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from pages import serving, write_model
from tbspot.console import open_console, showing_status
from tbspot.html.templating import _displayed as displayed
from tbspot.printable import printable
from tbspot.tables import write_table

pytestmark = pytest.mark.attack

# Colours, a window's title, C1's own introducer, a bell, a line of its own, right to left, NUL.
HOSTILE = ("\x1b[31m", "\x1b]0;owned\x07", "\x9b31m", "\x07", "\rerror: none", "\n", "\u202e",
           "\u2066", "\u2028", "\0", "\x7f", "\x85", "\udcff", "\U000e0041")  # fmt: skip


def harmful(text: str) -> list[str]:
    """Characters that a terminal obeys or that turn what stands beside them."""
    return [one for one in text if not one.isprintable() and one not in "\n\t "]


@pytest.mark.parametrize("sequence", HOSTILE)
def test_a_character_that_is_obeyed_is_replaced(sequence: str) -> None:
    shown = printable(f"a{sequence}b")
    assert shown.isprintable()
    assert "\N{REPLACEMENT CHARACTER}" in shown
    assert shown.encode()


def test_names_in_any_script_stay_as_they_are() -> None:
    persian = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
    for name in ("Ærøskøbing 1.png", "胸部\u3000写真.dcm", persian, "na\u00efve\u00a0x", "📷"):
        assert printable(name) == name


@pytest.mark.parametrize("sequence", HOSTILE)
def test_the_console_prints_text_and_tables_without_escapes(
    sequence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from rich.table import Table

    console = open_console()
    console.print(f"note: a{sequence}b", markup=False)
    table = Table(f"h{sequence}", title=f"t{sequence}")
    table.add_row(f"c{sequence}d")
    console.print(table)
    said = capsys.readouterr().out
    assert harmful(said) == []
    # The note, and the table's title, heading, row and four lines: none of the stranger's.
    assert said.count("\n") == 7


def test_a_name_with_colons_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.table import Table

    name = "10:on:30 :key:.png"
    console, table = open_console(), Table(name, title=name)
    table.add_row(name)
    console.print(f"note: {name}", markup=False)
    console.print(name)
    console.print(table)
    assert capsys.readouterr().out.count(name) == 5


def test_brackets_of_a_name_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.table import Table

    name = "[/v2][bold][link=file:///x]"
    console, table = open_console(), Table(name, title=name)
    table.add_row(name)
    console.print(name)
    console.print(table)
    assert capsys.readouterr().out.count(name) == 4


@pytest.mark.parametrize("sequence", HOSTILE)
def test_a_status_shows_no_escape_and_no_markup(
    sequence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(Console, "is_terminal", True)
    console = open_console()
    console.file = io.StringIO()
    with showing_status(console, f"first{sequence}[/v2]") as tell:
        console.print("between")
        tell(f"then{sequence}[/v3]")
        console.print("after")
    said = console.file.getvalue()
    # rich's own sequences move and hide the cursor, clear lines and colour the spinner.
    assert harmful(re.sub(r"\x1b\[[?\d;]*[A-Zhlm]|\r", "", said)) == []
    assert "[/v2]" in said
    assert "[/v3]" in said
    assert "\x1b[31m" not in said


@pytest.mark.parametrize("sequence", HOSTILE)
def test_a_table_for_spreadsheets_holds_no_control_character(tmp_path: Path, sequence: str) -> None:
    write_table(tmp_path / "table.csv", ["image"], [[f"{sequence}film.png"], [f"f{sequence}.png"]])
    text = (tmp_path / "table.csv").read_text("utf-8")
    assert harmful(text) == []
    assert text.count("\n") == 3


@pytest.mark.parametrize("mark", "=+-@\uff1d\uff0b\uff0d\uff20")
def test_a_formula_behind_a_control_character_or_in_wide_form_is_none(
    tmp_path: Path, mark: str
) -> None:
    write_table(tmp_path / "table.csv", ["image"], [[f"{mark}1+1"]])
    assert (tmp_path / "table.csv").read_text("utf-8").splitlines()[1] == f"'{mark}1+1"


@pytest.mark.parametrize("sequence", HOSTILE)
def test_a_template_shows_no_escape(sequence: str) -> None:
    assert harmful(displayed(f"a{sequence}b")) == []


NAME = "a\x1b[31m\u202e\rb.png"


@pytest.fixture
def films(tmp_path: Path, film_path: Path) -> Path:
    """A film, and a broken one, whose names hold escape sequences."""
    folder = tmp_path / "films"
    folder.mkdir()
    shutil.copy(film_path, folder / NAME)
    (folder / f"broken{NAME}").touch()
    (folder / os.fsdecode(b"\xff\x1b[31m.png")).touch()
    return folder


def test_a_film_with_escapes_in_its_name_is_located_and_seen_without_them(
    films: Path, tmp_path: Path
) -> None:
    model, out = write_model(tmp_path / "model.onnx", "m", 1), tmp_path / "found"
    command = [sys.executable, "-m", "tbspot", "locate", films, "--out", out, "--model", model]
    done = subprocess.run([*command, "--no-gate"], capture_output=True, check=False, timeout=120)
    assert done.returncode == 1
    assert harmful(done.stdout.decode() + done.stderr.decode()) == []
    assert harmful((out / "predictions.csv").read_text("utf-8")) == []
    lines = (out / "predictions.jsonl").read_text("utf-8").split("\n")
    names = [json.loads(line)["image"] for line in lines if line]
    assert NAME in names
    with serving(out, "--model", model, "--no-gate") as page:
        for path in ("/", *(f"/film/{number}" for number in range(3))):
            assert harmful(page.ask(path).text) == []
        assert page.ask(f"/film/{names.index(NAME)}/pixels").status == 200
        refused = page.ask(f"/film/{names.index('broken' + NAME)}/pixels")
        assert refused.status == 422
        assert harmful(refused.text) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["locate", f"absent{NAME}", "--out", "x"],
        ["locate", b"absent\xff\x1b[31m", "--out", "x"],
        ["prepare", f"absent{NAME}", "--out", "x"],
        ["locate", f"--no-such{NAME}"],
        [f"no-such{NAME}"],
        ["locate", "x", "--out", "x", "--method", f"none{NAME}"],
        ["view", f"absent{NAME}"],
        ["evaluate", f"absent{NAME}", "--data", f"absent{NAME}"],
    ],
)
def test_a_complaint_about_an_argument_holds_no_escape(
    arguments: list[str | bytes], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "tbspot", *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=60)
    assert done.returncode in (1, 2)
    assert harmful(done.stdout.decode() + done.stderr.decode()) == []
    assert b"Traceback" not in done.stderr
