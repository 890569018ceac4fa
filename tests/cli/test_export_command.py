from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from tbspot.cli import app
from tbspot.errors import TbspotError
from tbspot.export.selftest import reference_path

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
