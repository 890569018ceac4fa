from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tbspot.cli import app
from tbspot.errors import TbspotError
from tbspot.nets.weights import load_classifier


def _refit(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, ["refit", *map(str, arguments)])
    if isinstance(result.exception, TbspotError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output.replace("\n", "")


def test_a_model_gets_a_head_for_its_score_and_says_where_it_lies(
    averaging: Path, drawn: Path, tmp_path: Path
) -> None:
    out = tmp_path / "refitted"
    said = _refit(averaging, "--data", drawn, "--out", out, "--looks", 1, "--name", "steadier")
    assert str(out / "model.safetensors") in said
    _, description = load_classifier(out / "model.safetensors")
    assert (description.name, description.score_head) == ("steadier", "own")
    # Films and features lie beside the run: another head of the same takes no changed look.
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()}
    assert len(kept) == 2
    _refit(averaging, "--data", drawn, "--out", tmp_path / "other", "--looks", 1, "--ridge", 1)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()} == kept


def test_an_earlier_run_is_kept_where_the_new_one_cannot_begin(
    averaging: Path, checkpoint: Path, drawn: Path, tmp_path: Path
) -> None:
    out = tmp_path / "refitted"
    _refit(averaging, "--data", drawn, "--out", out, "--looks", 1)
    for model, data, said in (
        (tmp_path / "none.safetensors", drawn, "does not exist"),
        (checkpoint, drawn, "mean pooling"),
        (averaging, tmp_path / "none", "none"),
    ):
        with pytest.raises(TbspotError, match=said):
            _refit(model, "--data", data, "--out", out, "--overwrite")
    assert (out / "model.safetensors").exists()
