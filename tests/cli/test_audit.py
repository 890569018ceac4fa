from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tbspot.cli import app
from tbspot.errors import TbspotError


@pytest.mark.slow
def test_audit_writes_figures_and_a_page_and_says_the_answer(
    drawn: Path, checkpoint: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = ["audit", "--model", str(checkpoint), "--data", str(drawn), "--split", "val"]
    command += ["--out", str(out), "--films", "1", "--resamples", "100"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert {path.name for path in out.iterdir()} == {"audit.html", "audit.json", "run.json"}
    assert "tbx11k: too few films of a class to ask; 20 of each are needed." in result.output
    assert "random" in result.output


def test_overwriting_with_an_absent_model_leaves_the_earlier_audit_as_it_is(
    drawn: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "run.json").write_text('{"command": "audit", "settings": {}}')
    (out / "audit.json").write_text("an hour of work")
    command = ["audit", "--model", str(tmp_path / "absent.onnx"), "--data", str(drawn)]
    command += ["--split", "val", "--out", str(out), "--overwrite"]
    result = CliRunner().invoke(app, command)
    assert isinstance(result.exception, TbspotError)
    assert (out / "audit.json").read_text() == "an hour of work"


def test_an_audit_of_an_absent_model_is_one_clear_sentence(drawn: Path, tmp_path: Path) -> None:
    command = ["audit", "--model", str(tmp_path / "absent.onnx"), "--data", str(drawn)]
    command += ["--split", "val", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, command)
    assert isinstance(result.exception, TbspotError)
    assert "does not exist" in str(result.exception)
