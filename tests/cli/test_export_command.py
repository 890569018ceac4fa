from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from tbspot.cli import app
from tbspot.errors import TbspotError
from tbspot.export.selftest import reference_path
from tbspot.records.predictions import read_predictions

pytestmark = pytest.mark.slow


def _invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_checkpoint_is_exported_and_passes_its_own_test(
    checkpoint: Path, film_path: Path, tmp_path: Path
) -> None:
    out = tmp_path / "model.onnx"
    result = _invoke("export", checkpoint, "--out", out, "--films", film_path)
    assert result.exit_code == 0, result.output
    assert "masks have IoU 1.0000" in result.output
    result = _invoke("selftest", "--model", out, "--precision", "float32")
    assert result.exit_code == 0, result.output
    assert "passed: OpenVINO float32" in result.output


def test_a_self_test_that_does_not_pass_is_one_clear_sentence(
    exported: Path, tmp_path: Path
) -> None:
    import numpy as np

    model = tmp_path / "model.onnx"
    model.write_bytes(exported.read_bytes())
    with np.load(reference_path(exported)) as stored:
        np.savez(reference_path(model), **(dict(stored) | {"score": 0.9}))
    result = _invoke("selftest", "--model", model)
    assert isinstance(result.exception, TbspotError)
    assert "does not give the reference's answer" in str(result.exception)


def test_films_without_tb_choose_the_threshold_that_the_file_carries(
    exported: Path, film_path: Path, drawn: Path, tmp_path: Path
) -> None:
    from tbspot.engine.engine import open_engine

    listed = [f"{kind}/{path.name}" for kind in ("health", "sick") for path in _films(drawn, kind)]
    table = tmp_path / "films.csv"
    rows = [f"{name},0,s,train" for name in listed]
    table.write_text("\n".join(["path,label,source,split", *rows]) + "\n", "utf-8")
    source = f"{table}?root={drawn / 'imgs'}"
    shown = ("--data", source, "--split", "train")
    found = tmp_path / "found"
    result = _invoke("locate", *shown, "--model", exported, "--no-overlays", "--out", found)
    assert result.exit_code == 0, result.output
    out = tmp_path / "chosen.onnx"
    chosen = ("export", exported, "--out", out, "--films", film_path, "--healthy", found)
    result = _invoke(*chosen, *shown, "--specificity", "0.75")
    assert result.exit_code == 0, result.output
    description = open_engine(out).description
    scores = [one.score for one in read_predictions(found)]
    below = sum(score < description.score_threshold for score in scores) / len(scores)
    assert 0.75 <= below < 1
    assert "75% specificity" in description.score_rule
    result = _invoke(*chosen, "--overwrite")
    assert "--healthy needs --data" in str(result.exception)
    result = _invoke(*chosen, *shown, "--mirror", "--overwrite")
    assert "--mirror changes what --healthy chooses by" in str(result.exception)


@pytest.mark.parametrize(
    "unused",
    [
        ("--data", "films.csv"),
        ("--split", "val"),
        ("--split-file", "split.json"),
        ("--specificity", "0.95"),
    ],
)
def test_what_is_of_films_without_tb_is_refused_without_them(
    tmp_path: Path, unused: tuple[str, str]
) -> None:
    result = _invoke("export", tmp_path / "a.safetensors", "--out", tmp_path / "a.onnx", *unused)
    assert f"{unused[0]} is of the films of --healthy" in str(result.exception)


def _films(drawn: Path, kind: str) -> list[Path]:
    return sorted((drawn / "imgs" / kind).iterdir())
