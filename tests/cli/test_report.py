from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from studies import Study, rectangles
from tbspot.cli import app
from tbspot.errors import TbspotError


def test_an_evaluation_becomes_a_page_with_its_films(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.add("one.png", 1, [(0, 0, 99, 99)])
    folder = str(study.predict("student", {"one.png": rectangles((0, 0, 99, 99))}))
    source = ["--data", study.source]
    made = ["evaluate", folder, *source, "--split", "test", "--resamples", "100"]
    assert CliRunner().invoke(app, made).exit_code == 0
    out = tmp_path / "pages" / "report.html"
    result = CliRunner().invoke(app, ["report", folder, *source, "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert str(out) in result.output
    assert "data:image/jpeg;base64," in out.read_text("utf-8")


def test_a_report_of_nothing_is_one_clear_sentence(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["report", str(tmp_path), "--out", str(tmp_path / "r.html")])
    assert isinstance(result.exception, TbspotError)
    assert "make one with `tbspot evaluate`" in str(result.exception)


def test_a_split_without_data_to_divide_is_refused(tmp_path: Path) -> None:
    arguments = ["report", str(tmp_path), "--out", "r.html", "--split-file", "split.json"]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, TbspotError)
    assert "--split-file divides the films of --data" in str(result.exception)
