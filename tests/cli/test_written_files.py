"""A file that a user names to be written: no command replaces what it did not write itself."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from studies import Study, rectangles
from tbspot.cli import app
from tbspot.errors import TbspotError
from tbspot.records.coco import write_coco_results
from tbspot.targets import check_target

COMMANDS = typer.main.get_command(app).commands
# Each option that names a file to write, and the least that its command asks for besides.
WRITING = {
    ("locate", "--coco"): ["film.png", "--out", "found", "--model", "absent.onnx", "--overwrite"],
    ("report", "--out"): ["judged"],
    ("prepare", "--out"): ["films", "--overwrite"],
    ("export", "--out"): ["model.safetensors"],
}


def _invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)])


def _refused(*arguments: str | Path) -> str:
    result = _invoke(*arguments)
    assert isinstance(result.exception, TbspotError), result.output
    return str(result.exception)


def test_every_option_that_names_a_file_to_write_is_listed() -> None:
    found = {
        (name, option.opts[0])
        for name, command in COMMANDS.items()
        for option in command.params
        if re.search(r"^(?!Folder).*\bwrite\b(?! DIR)", str(getattr(option, "help", "")))
    }
    assert found == set(WRITING)


@pytest.fixture
def in_films(film_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(film_path, tmp_path / "film.png")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("in_films")
@pytest.mark.parametrize(("name", "option"), WRITING)
def test_a_foreign_file_is_left_before_anything_is_read(name: str, option: str) -> None:
    # But for films nothing that the command reads is there, so what it says of the file is first.
    given = [one for one in WRITING[name, option] if name == "prepare" or one != "--overwrite"]
    target = Path("foreign.onnx" if name == "export" else "foreign")
    target.write_bytes(b"a patient's film")
    assert "foreign" in _refused(name, *given, option, target)
    assert target.read_bytes() == b"a patient's film"


@pytest.mark.usefixtures("in_films")
@pytest.mark.parametrize(("name", "option"), WRITING)
def test_a_folder_or_a_place_below_a_file_is_told_before_anything_is_read(
    name: str, option: str
) -> None:
    Path("folder.onnx").mkdir()
    Path("file").write_bytes(b"x")
    given = WRITING[name, option]
    assert "folder.onnx is a folder" in _refused(name, *given, option, "folder.onnx")
    below = Path("file", "below.onnx")
    assert f"{below} cannot be written" in _refused(name, *given, option, below)


@pytest.mark.parametrize("link", [False, True])
def test_a_film_that_is_located_is_never_replaced(
    link: bool, film_path: Path, tmp_path: Path
) -> None:
    film = shutil.copy(film_path, tmp_path / "film.png")
    target = tmp_path / "link.json" if link else film
    if link:
        target.symlink_to(film)
    before, out = film.read_bytes(), tmp_path / "found"
    told = _refused("locate", film, "--out", out, "--coco", target, "--overwrite")
    assert "is read by this very command" in told
    assert "choose" not in _refused("locate", film, "--out", out, "--coco", target)
    assert film.read_bytes() == before
    assert not out.exists()


def test_a_table_whose_films_are_located_is_never_replaced(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.add("one.png", 1, [(0, 0, 99, 99)])
    source = f"{study.source}?path=path"
    given = ("locate", "--data", source, "--out", tmp_path / "found", "--overwrite")
    assert "is read by this" in _refused(*given, "--coco", study.source)


@pytest.mark.parametrize("before", [False, True])
def test_results_never_take_the_place_of_a_file_of_the_run(
    before: bool, film_path: Path, tmp_path: Path
) -> None:
    out = tmp_path / "found"
    if before:
        out.mkdir()
    given = ("locate", film_path, "--out", out, "--coco", out / "predictions.jsonl", "--overwrite")
    assert f"lies in {out}, which is the run's own" in _refused(*given)


def test_earlier_results_are_replaced_and_another_file_where_one_is_told_to(
    film_path: Path, tmp_path: Path
) -> None:
    given = ("locate", film_path, "--out", tmp_path / "found", "--model", "absent.onnx")
    coco = tmp_path / "results.json"
    write_coco_results(coco, [])
    assert "absent.onnx" in _refused(*given, "--coco", coco)
    coco.write_text('[{"image_id": 1, "category_id": 1, "bbox": [1, 1, 1, 1], "score": 1}]')
    assert "not a file of COCO results by tbspot" in _refused(*given, "--coco", coco)
    assert "absent.onnx" in _refused(*given, "--coco", coco, "--overwrite")


def test_a_report_replaces_an_earlier_one_alone(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.add("one.png", 1, [(0, 0, 99, 99)])
    folder = study.predict("student", {"one.png": rectangles((0, 0, 99, 99))})
    made = ("evaluate", folder, "--data", study.source, "--split", "test", "--resamples", "100")
    assert _invoke(*made).exit_code == 0
    for name in ("evaluation.json", "predictions.jsonl"):
        before = (folder / name).read_bytes()
        assert "exists and is not a report" in _refused("report", folder, "--out", folder / name)
        assert (folder / name).read_bytes() == before
    out = tmp_path / "report.html"
    for _ in range(2):
        assert _invoke("report", folder, "--out", out).exit_code == 0


def test_a_device_an_empty_file_and_a_new_folder_are_written_to(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for path in (Path(os.devnull), tmp_path / "empty", tmp_path / "new" / "file"):
        check_target(path, "ours", lambda _: False)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_folder_that_takes_no_file_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(TbspotError, match="takes no file"):
        check_target(tmp_path / "file", "ours", lambda _: False)
