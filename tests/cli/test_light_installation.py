from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pages import write_model
from tbspot.cli import app

# What `pip install .` does not bring; a name that is None cannot be imported.
ABSENT = ("scipy", "sklearn", "torch", "lightning_fabric", "safetensors", "onnx", "onnxscript",
          "pyarrow", "distributed")  # fmt: skip
WITHOUT = f"import sys; sys.modules.update(dict.fromkeys({ABSENT!r})); "
OURS = (
    "locating",
    "evaluation",
    "report",
    "calibration",
    "viewer",
    "export.selftest",
    "gate.verdict",
)


def _light(*arguments: str | Path) -> None:
    code = WITHOUT + "from tbspot.__main__ import main; main()"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", OURS)
def test_what_the_light_installation_is_for_imports_nothing_of_an_extra(module: str) -> None:
    code = WITHOUT + f"import tbspot.{module}"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.slow
def test_films_are_located_evaluated_reported_and_calibrated_without_any_extra(
    tmp_path: Path,
) -> None:
    drawn, found = tmp_path / "drawn", tmp_path / "found"
    arguments = ["draw", str(drawn), "--count", "120", "--size", "64"]
    assert CliRunner().invoke(app, arguments, catch_exceptions=False).exit_code == 0
    chosen = ("--data", drawn, "--split", "train")
    _light("selftest")
    # The selftest has asked the released student; what follows takes any model.
    model = write_model(tmp_path / "bright.onnx", "bright", 1)
    _light("locate", *chosen, "--model", model, "--out", found)
    _light("evaluate", found, *chosen, "--resamples", "100")
    _light("report", found, "--data", drawn, "--out", tmp_path / "report.html")
    _light("calibrate", found, *chosen, "--out", tmp_path / "calibrated")


@pytest.mark.parametrize(
    ("arguments", "package", "extra"),
    [
        (("draw", "films"), "scipy", "audit"),
        (
            ("audit", "--model", "m.onnx", "--data", "d", "--split", "val", "--out", "o"),
            "scipy",
            "audit",
        ),
        (("train", "--data", "d", "--init", "random", "--out", "o"), "torch", "train"),
        (("locate", "films", "--out", "o", "--parquet"), "pyarrow", "parquet"),
        (
            ("locate", "films", "--out", "o", "--scheduler", "tcp://a:1"),
            "distributed",
            "cluster",
        ),
        (("export", "m.safetensors", "--out", "m.onnx"), "onnx", "train"),
    ],
)
def test_a_command_of_an_extra_says_how_to_install_it(
    arguments: tuple[str, ...], package: str, extra: str, tmp_path: Path
) -> None:
    code = WITHOUT + "from tbspot.__main__ import main; main()"
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    expected = f"error: this needs {package}; install it with `pip install 'tbspot[{extra}]'`\n"
    assert done.stderr == expected
