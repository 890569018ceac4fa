from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tbspot.cli import app
from tbspot.errors import TbspotError


def _run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["draw", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.slow
def test_the_examples_of_the_help_work_as_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    help_text = typer.main.get_command(app).commands["draw"].help or ""
    examples = [line.strip() for line in help_text.splitlines() if "tbspot draw" in line]
    assert len(examples) == 3
    for example in examples:
        _, _, *arguments = shlex.split(example)
        said = "60 films of 256 x 256 pixels: "
        if "--into" in arguments:
            said = "20 films, with lesions and without: "
        assert _run(*arguments).startswith(f"{said}{arguments[0]}")
    assert len(list((tmp_path / "films").rglob("*.png"))) == 60
    assert (tmp_path / "planted" / "shortcuts.csv").is_file()


def test_the_options_reach_the_drawing_and_are_recorded(tmp_path: Path) -> None:
    options = "--count 12 --size 64 --seed 5 --style portable --shortcut source --strength 0.5"
    _run(str(tmp_path / "films"), *options.split(), "--in-val", "reversed")
    record = json.loads((tmp_path / "films" / "run.json").read_text("utf-8"))
    assert record["command"] == "draw"
    assert record["settings"] == {
        "count": 12,
        "size": 64,
        "seed": 5,
        "style": "portable",
        "shortcut": {"kind": "source", "strength": 0.5, "in_val": "reversed"},
    }


def test_no_shortcut_is_planted_unless_asked(tmp_path: Path) -> None:
    _run(str(tmp_path / "films"), "--count", "12", "--size", "64")
    assert not (tmp_path / "films" / "shortcuts.csv").exists()


def test_an_unknown_shortcut_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["draw", str(tmp_path / "films"), "--shortcut", "arrow"])
    assert result.exit_code == 2
    assert "marker" in result.output
    assert not (tmp_path / "films").exists()


def test_another_data_set_is_replaced_only_with_overwrite(tmp_path: Path) -> None:
    folder = str(tmp_path / "films")
    _run(folder, "--count", "12", "--size", "64")
    with pytest.raises(TbspotError, match="`overwrite=True`"):
        _run(folder, "--count", "15", "--size", "64")
    _run(folder, "--count", "15", "--size", "64", "--overwrite")
    assert len(list((tmp_path / "films").rglob("*.png"))) == 15


def test_lesions_are_drawn_into_films_of_ones_own(drawn: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pairs"
    options = ["--into", str(drawn), "--split", "val", "--count", "2", "--seed", "3"]
    said = _run(str(folder), *options)
    assert said == f"2 films, with lesions and without: {folder / 'pairs.csv'}\n"
    settings = json.loads((folder / "run.json").read_text("utf-8"))["settings"]
    assert settings == {"into": [str(drawn)], "split": "val", "count": 2, "seed": 3}


def test_a_split_of_no_films_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TbspotError, match="--into"):
        _run(str(tmp_path / "films"), "--count", "12", "--size", "64", "--split", "val")
    assert not (tmp_path / "films").exists()


@pytest.mark.parametrize(
    "unused", [("--size", "64"), ("--style", "portable"), ("--shortcut", "marker")]
)
def test_what_is_of_drawn_chests_alone_is_refused_beside_into(
    drawn: Path, tmp_path: Path, unused: tuple[str, str]
) -> None:
    with pytest.raises(TbspotError, match=f"leave out {unused[0]}"):
        _run(str(tmp_path / "pairs"), "--into", str(drawn), *unused)


@pytest.mark.parametrize("unused", [("--strength", "0.5"), ("--in-val", "reversed")])
def test_what_is_of_a_shortcut_is_refused_without_one(
    tmp_path: Path, unused: tuple[str, str]
) -> None:
    with pytest.raises(TbspotError, match="name one with --shortcut"):
        _run(str(tmp_path / "films"), "--count", "12", "--size", "64", *unused)
    assert not (tmp_path / "films").exists()
