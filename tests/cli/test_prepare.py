from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tbspot.cli import app
from tbspot.errors import TbspotError


def test_prepare_prints_counts_and_writes_the_split(drawn: Path, tmp_path: Path) -> None:
    out = tmp_path / "split.json"
    result = CliRunner().invoke(app, ["prepare", str(drawn), "--out", str(out)])
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.output.replace("│", " ").splitlines()]
    assert ["tbx11k", "not", "TB", "24", "8", "32"] in lines
    assert ["tbx11k", "TB", "12", "4", "16"] in lines
    films = json.loads(out.read_text())["films"]["tbx11k"]
    assert len(films) == 48
    assert films["tb/tb0001.png"] in ("train", "val")


def test_prepare_leaves_another_split_alone(drawn: Path, tmp_path: Path) -> None:
    out = tmp_path / "split.json"
    out.write_text("{}")
    result = CliRunner().invoke(app, ["prepare", str(drawn), "--out", str(out)])
    assert isinstance(result.exception, TbspotError)
    assert out.read_text() == "{}"


@pytest.mark.parametrize("name", ["absent", "."])
def test_prepare_refuses_a_folder_that_is_no_data_set(tmp_path: Path, name: str) -> None:
    result = CliRunner().invoke(
        app, ["prepare", str(tmp_path / name), "--out", str(tmp_path / "split.json")]
    )
    assert isinstance(result.exception, TbspotError)
    assert not (tmp_path / "split.json").exists()
