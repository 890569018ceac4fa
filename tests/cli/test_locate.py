from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from engines import bright_engine
from tbspot.choices import Method
from tbspot.cli import _locating, _serving, app
from tbspot.cli.locate import locate
from tbspot.cli.serve import serve
from tbspot.drawings import draw_film
from tbspot.errors import TbspotError
from tbspot.lock import holding
from tbspot.maps.boxes import rectangle_mask
from tbspot.metrics import mask_iou
from tbspot.records.predictions import FILE_NAME, read_predictions


def _invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["locate", *map(str, arguments)])


@pytest.mark.parametrize(("command", "given"), [(locate, _locating.Given), (serve, _serving.Given)])
def test_the_options_handed_on_are_those_of_the_command(
    command: Callable[..., None], given: type[Any]
) -> None:
    assert set(signature(command).parameters) == set(given.__annotations__)


def test_films_of_a_folder_are_located(drawn: Path, checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "found"
    result = _invoke(drawn / "imgs/tb", "--out", out, "--model", checkpoint, "--no-gate")
    assert result.exit_code == 0, result.output
    assert "ok 16, refused 0, failed 0" in result.output
    assert len(list(read_predictions(out))) == 16


def test_films_of_a_data_set_are_located_under_their_names_there(
    drawn: Path, checkpoint: Path, tmp_path: Path
) -> None:
    out = tmp_path / "found"
    data = ("--data", drawn, "--split", "val")
    result = _invoke(*data, "--out", out, "--model", checkpoint, "--no-overlays")
    assert result.exit_code == 0, result.output
    names = {one.image for one in read_predictions(out)}
    assert len(names) == 12
    assert all((drawn / "imgs" / name).exists() for name in names)


def test_the_model_that_a_run_is_told_to_use_is_not_deleted_for_it(
    film_path: Path, checkpoint: Path, tmp_path: Path
) -> None:
    out = tmp_path / "student"
    out.mkdir()
    model = shutil.copy(checkpoint, out / "model.safetensors")
    (out / "run.json").write_text('{"command": "train", "settings": {}}')
    result = _invoke(film_path, "--no-gate", "--model", model, "--out", out, "--overwrite")
    assert isinstance(result.exception, TbspotError)
    assert "model.safetensors, which this run reads" in str(result.exception)
    assert (out / "model.safetensors").exists()


def test_one_broken_film_makes_the_exit_code_1_and_is_counted(
    film_path: Path, checkpoint: Path, tmp_path: Path
) -> None:
    films = tmp_path / "films"
    films.mkdir()
    shutil.copy(film_path, films / "a.png")
    (films / "b.png").touch()
    options = ("--model", checkpoint, "--no-gate", "--out", tmp_path / "found")
    result = _invoke(films, *options)
    assert isinstance(result.exception, TbspotError)
    assert "1 of 2 films could not be located" in str(result.exception)
    assert f"in {tmp_path / 'found' / 'predictions.csv'} say why" in str(result.exception)
    assert [one.status for one in read_predictions(tmp_path / "found")] == ["ok", "failed"]


def test_films_that_cannot_be_looked_at_are_named_and_make_the_exit_code_1(
    film_path: Path, checkpoint: Path, tmp_path: Path
) -> None:
    films = tmp_path / "films"
    films.mkdir()
    shutil.copy(film_path, films / "a.png")
    (films / "more").symlink_to(film_path.parent, target_is_directory=True)
    (films / "notes.txt").touch()
    options = ("--model", checkpoint, "--no-gate", "--out", tmp_path / "found")
    result = _invoke(films, *options)
    assert "note: 1 other file was passed over as no film (notes.txt)" in result.output
    assert f"note: {films}/more is a link to a folder" in result.output
    assert "1 of 2 films could not be located" in str(result.exception)
    assert "the same command tries them again" in str(result.exception)
    (films / "more").unlink()
    assert _invoke(films, *options).exit_code == 0
    assert [one.image for one in read_predictions(tmp_path / "found")] == ["a.png"]


@pytest.mark.parametrize("method", get_args(Method))
def test_every_method_can_be_asked_for(
    film_path: Path, checkpoint: Path, tmp_path: Path, method: str
) -> None:
    options = ("--method", method, "--mirror", "--scales", "1,1.5", "--no-gate")
    out = ("--out", tmp_path / "found")
    result = _invoke(film_path, *out, "--model", checkpoint, *options)
    assert result.exit_code == 0, result.output


@pytest.mark.slow
def test_the_exported_model_finds_the_same_boxes(
    film_path: Path, checkpoint: Path, exported: Path, tmp_path: Path
) -> None:
    found = []
    for model in (checkpoint, exported):
        out = tmp_path / model.suffix
        options = ("--model", model, "--no-gate", "--precision", "float32")
        assert _invoke(film_path, "--out", out, *options).exit_code == 0
        found.append([one.model_dump() for one in next(read_predictions(out)).boxes])
    assert len(found[0]) == len(found[1])
    for ours, theirs in zip(*found, strict=True):
        assert ours == pytest.approx(theirs, abs=2)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "name films or folders to locate"),
        (("drawn", "--data", "drawn"), "name films or folders to locate"),
        (("drawn", "--split", "val"), "need a data set"),
        (("absent",), "absent does not exist"),
        (("pyproject.toml", "--model", "absent.onnx"), "does not exist"),
    ],
)
def test_what_cannot_be_done_is_one_clear_sentence(
    arguments: tuple[str, ...], sentence: str, tmp_path: Path
) -> None:
    result = _invoke(*arguments, "--out", tmp_path / "found")
    assert isinstance(result.exception, TbspotError)
    assert sentence in str(result.exception)
    assert not (tmp_path / "found").exists()


@pytest.mark.parametrize("scales", ["", "0", "one", "1;2", "nan", "5"])
def test_scales_that_are_no_sizes_are_one_clear_sentence(
    film_path: Path, checkpoint: Path, tmp_path: Path, scales: str
) -> None:
    result = _invoke(
        film_path, "--out", tmp_path / "found", "--model", checkpoint, "--scales", scales
    )
    assert "must be numbers from 0.25 to 4" in str(result.exception)


def test_json_prints_the_lines_and_keeps_nothing_without_a_folder(
    film_path: Path, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = _invoke(film_path, film_path.parent, "--json", "--model", checkpoint, "--no-gate")
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(lines) == 17
    assert {line["status"] for line in lines} == {"ok"}
    assert list(tmp_path.iterdir()) == []


def test_json_is_utf_8_wherever_it_is_printed(
    film_path: Path, checkpoint: Path, tmp_path: Path
) -> None:
    film = tmp_path / "Müller \N{GRINNING FACE}.png"
    shutil.copy(film_path, film)
    for charset in ("latin-1", "ascii"):
        options = ("--json", "--model", str(checkpoint), "--no-gate")
        result = CliRunner(charset=charset).invoke(app, ["locate", str(film), *options])
        assert json.loads(result.stdout_bytes.decode("utf-8"))["image"] == str(film)


def test_json_with_a_folder_prints_what_is_written_there(
    film_path: Path, checkpoint: Path, tmp_path: Path
) -> None:
    options = ("--json", "--model", checkpoint, "--no-gate", "--out", tmp_path / "found")
    result = _invoke(film_path, *options)
    assert result.stdout == (tmp_path / "found" / FILE_NAME).read_text()


def test_a_film_comes_from_standard_input(film_path: Path, checkpoint: Path) -> None:
    options = ["locate", "-", "--json", "--model", str(checkpoint), "--no-gate"]
    result = CliRunner().invoke(app, options, input=film_path.read_bytes())
    assert result.exit_code == 0, result.output
    line = json.loads(result.stdout)
    assert (line["image"], line["status"], line["width"]) == ("standard input", "ok", 128)


def test_a_file_named_like_standard_input_is_a_file(
    film_path: Path, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(film_path, "./-")
    result = _invoke("./-", "--json", "--model", checkpoint, "--no-gate")
    assert result.exit_code == 0, result.output
    line = json.loads(result.stdout)
    assert (line["image"], line["status"]) == (str(tmp_path / "-"), "ok")


def test_two_films_of_one_id_in_coco_are_told_before_the_first_is_located(
    film_path: Path, tmp_path: Path
) -> None:
    for folder in ("p1", "p2"):
        (tmp_path / "films" / folder).mkdir(parents=True)
        shutil.copy(film_path, tmp_path / "films" / folder / "chest.png")
    options = ("--out", tmp_path / "found", "--coco", tmp_path / "c.json", "--model", "absent.onnx")
    result = _invoke(tmp_path / "films", *options)
    assert "p1/chest.png and p2/chest.png would have one image_id" in str(result.exception)
    assert not (tmp_path / "found").exists()


def test_few_films_are_told_of_one_by_one(
    film_path: Path, checkpoint: Path, tmp_path: Path
) -> None:
    out = tmp_path / "found"
    result = _invoke(film_path, "--out", out, "--model", checkpoint, "--no-gate")
    (line,) = read_predictions(out)
    assert line.score is not None
    told = " ".join(result.output.split())
    assert f"{100 * line.score:.1f}" in told
    assert "research use only, not a diagnosis" in told
    assert f"called TB {int(bool(line.called))}" in told


def test_quiet_says_nothing_but_faults(film_path: Path, checkpoint: Path, tmp_path: Path) -> None:
    options = ("--quiet", "--model", checkpoint, "--no-gate")
    result = _invoke(film_path, "--out", tmp_path / "found", *options)
    assert (result.exit_code, result.output) == (0, "")


@pytest.mark.slow
def test_the_example_is_called_and_found_where_its_lesions_were_drawn(tmp_path: Path) -> None:
    result = _invoke("--example", "--out", tmp_path / "shown")
    assert result.exit_code == 0, result.output
    (line,) = read_predictions(tmp_path / "shown")
    drawn_there = np.array([(b.x0, b.y0, b.x1, b.y1) for b in draw_film("tb", 512, (9,)).boxes])
    found = np.array([(b.x0, b.y0, b.x1, b.y1) for b in line.boxes])
    assert line.called
    assert mask_iou(rectangle_mask(found), rectangle_mask(drawn_there)) > 0.7


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("film.png",), "with --out, or print lines with --json"),
        (("film.png", "--example", "--out", "o"), "name films or folders to locate"),
        (("--out", "o"), "name films or folders to locate"),
        (("film.png", "--json", "--parquet"), "--parquet needs a run's folder"),
        (("film.png", "--json", "--pack"), "--pack needs a run's folder"),
        (("film.png", "--json", "--dicom", "sr"), "--dicom needs a run's folder"),
        (("film.png", "--json", "--names", "hash"), "--names needs a run's folder"),
        (("film.png", "--json", "--overwrite"), "--overwrite needs a run's folder"),
        (("film.png", "--json", "--scheduler", "tcp://a:1"), "--scheduler needs a run's folder"),
        (("-", "--out", "o", "--scheduler", "tcp://a:1"), "files that every worker sees"),
        (("--example", "--out", "o", "--scheduler", "tcp://a:1"), "files that every worker sees"),
        (
            ("-", "--json", "--device", "tpu"),
            "the device must be auto, cpu, cuda, cuda:N, gpu or gpu:N",
        ),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    result = _invoke(*arguments)
    assert isinstance(result.exception, TbspotError)
    assert sentence in str(result.exception)


def test_what_is_made_of_a_run_is_made_before_another_may_change_it(
    film_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, made = tmp_path / "found", []

    def refused(*_: object) -> str:
        with pytest.raises(TbspotError, match="another run of tbspot is using"), holding(out):
            pass
        made.append(1)
        return "told"

    monkeypatch.setattr(_locating, "open_engine", lambda *_, **__: bright_engine())
    for name in ("write_coco_results", "table_of", "summary_of"):
        monkeypatch.setattr(_locating, name, refused)
    result = _invoke(film_path, "--no-gate", "--out", out, "--coco", tmp_path / "coco.json")
    assert result.exit_code == 0, result.output
    assert len(made) == 3
    monkeypatch.setattr(_locating, "_print_lines", refused)
    assert _invoke(film_path, "--no-gate", "--out", out, "--json").exit_code == 0
    assert len(made) == 4
