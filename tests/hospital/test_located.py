"""Results as DICOM of a run: made once, kept whole, and the only outputs that name a patient."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from click.testing import Result
from numpy.typing import NDArray
from pydicom.uid import generate_uid
from typer.testing import CliRunner

from results import Case
from tbspot.choices import ResultKind
from tbspot.cli import app
from tbspot.description import Description
from tbspot.engine.engine import Engine
from tbspot.errors import TbspotError
from tbspot.locating import Counts, LocateSettings, Model, find_items, locate
from tbspot.records.predictions import FILE_NAME, read_predictions

hospital = pytest.importorskip("tbspot.hospital", reason="highdicom is not installed")
from tbspot.hospital.source import Source, read_source  # noqa: E402

Write = Callable[..., Path]
KINDS = ("sc", "seg", "sr")


def _ask(films: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A model that finds the middle of every film suspicious."""
    maps = np.zeros((len(films), 8, 8), np.float32)
    maps[:, 3:5, 3:5] = 1
    return np.zeros(len(films), np.float32), maps


def _locate(folder: Path, out: Path, ask: Any = _ask, **changes: Any) -> Counts:
    engine = Engine(Description(name="middle", version="1", size=64), "numpy", ask)
    values = {"gate": False, "dicom": KINDS} | changes
    settings = LocateSettings((str(folder),), "", "middle 1", engine.name, "cam", **values)
    return locate(find_items([folder], out), engine, settings, out)


@pytest.fixture
def films(write_film: Write, tmp_path: Path) -> Path:
    """A folder of three films of a study."""
    (tmp_path / "films").mkdir()
    for number in range(3):
        uid = f"1.2.826.0.1.3680043.8.498.{number}"
        path = write_film(name=f"films/{number}.dcm", SOPInstanceUID=uid)
    return path.parent


def _objects(out: Path) -> dict[str, str]:
    found = (out / "dicom").glob("*")
    return {path.name: str(pydicom.dcmread(path).SOPInstanceUID) for path in found}


def test_each_film_gets_the_kinds_that_are_asked_for(films: Path, tmp_path: Path) -> None:
    _locate(films, tmp_path / "out", dicom=("seg", "sr"))
    objects = _objects(tmp_path / "out")
    assert len(objects) == len(set(objects.values())) == 6
    assert {name.rsplit("-")[-1] for name in objects} == {"seg.dcm", "sr.dcm"}


def test_after_an_interruption_the_same_command_neither_loses_nor_doubles_objects(
    films: Path, tmp_path: Path
) -> None:
    _locate(films, tmp_path / "whole")
    out, asked = tmp_path / "out", []

    def dies(batch: NDArray[np.float32]) -> Any:
        asked.append(1)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return _ask(batch)

    with pytest.raises(KeyboardInterrupt):
        _locate(films, out, dies)
    # As killed between a film's objects and its line.
    (out / FILE_NAME).write_bytes(b"")
    _locate(films, out)
    assert _objects(out) == _objects(tmp_path / "whole")
    assert len(list(read_predictions(out))) == 3


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ({"ViewPosition": "LL"}, {"sr"}),  # refused
        ({"PatientID": "A\\B"}, set()),  # a number that cannot be copied
        ({"BitsAllocated": 7}, set()),  # broken
        ({"PatientOrientation": ["L", "F"]}, {"sc", "seg", "sr"}),
    ],
)
def test_no_result_of_the_film_before_stays_beside_another_films_answer(
    write_film: Write, tmp_path: Path, change: dict[str, Any], kinds: set[str]
) -> None:
    out, folder = tmp_path / "out", tmp_path / "films"
    folder.mkdir()
    write_film(name="films/a.dcm", PatientID="ANNA")
    _locate(folder, out, gate=True)
    assert len(_objects(out)) == 3
    other = {"PatientID": "BERTA", "SOPInstanceUID": "1.2.3.4"} | change
    write_film(name="films/a.dcm", **other)
    _locate(folder, out, gate=True)
    assert {name.rpartition("-")[2] for name in _objects(out)} == {f"{one}.dcm" for one in kinds}
    assert not any(b"ANNA" in path.read_bytes() for path in (out / "dicom").glob("*"))


def test_a_run_that_ends_before_a_changed_film_is_answered_keeps_no_result_of_the_film_before(
    films: Path, write_film: Write, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    _locate(films, out)
    before = _objects(out)
    write_film(name="films/1.dcm", PatientID="BERTA", SOPInstanceUID="1.2.3.4")

    def dies(_: NDArray[np.float32]) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _locate(films, out, dies)
    left = _objects(out)
    assert len(left) == 6
    assert left.items() <= before.items()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("many", [False, True])
def test_a_finding_has_no_result_that_names_the_patient_of_a_film_that_came_later(
    write_film: Write, kind: ResultKind, *, many: bool
) -> None:
    path = write_film(PatientID="ANNA")
    model = Model(Engine(Description(name="middle", version="1", size=64), "numpy", _ask))
    finding = next(model.locate_many([path])) if many else model.locate(path)
    assert finding.to_dicom(kind).PatientID == "ANNA"
    write_film(PatientID="BERTA")
    with pytest.raises(TbspotError, match="is no longer the film that was located"):
        finding.to_dicom(kind)


def test_a_film_that_is_replaced_while_it_is_answered_has_no_results(
    write_film: Write, tmp_path: Path
) -> None:
    path = write_film(PatientID="ANNA")

    def replaces(batch: NDArray[np.float32]) -> Any:
        write_film(PatientID="BERTA")
        return _ask(batch)

    _locate(path.parent, tmp_path / "out", replaces)
    (line,) = read_predictions(tmp_path / "out")
    assert "no results as DICOM" in str(line.reason)
    assert "is no longer the film that was located" in str(line.reason)
    assert not (tmp_path / "out" / "dicom").exists()


def test_the_line_of_a_film_is_written_after_its_objects(films: Path, tmp_path: Path) -> None:
    out = tmp_path / "new"
    _locate(films, out)
    (out / FILE_NAME).write_bytes(b"")
    for path in (out / "dicom").glob("*"):
        path.unlink()
    (out / "dicom").rmdir()
    (out / "dicom").write_bytes(b"a file where the folder was")
    with pytest.raises(TbspotError, match="free space or choose another folder"):
        _locate(films, out)
    assert (out / FILE_NAME).read_bytes() == b""


def test_two_films_of_the_same_pixels_keep_their_own_objects(films: Path, tmp_path: Path) -> None:
    _locate(films, tmp_path / "out")
    studies = [pydicom.dcmread(path) for path in (tmp_path / "out" / "dicom").glob("*-sr.dcm")]
    assert len({one.SOPInstanceUID for one in studies}) == 3


def test_no_other_output_names_the_patient_and_the_objects_do(
    write_film: Write, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write_film(name="a.dcm", StudyDescription="PLANTED STUDY", AccessionNumber="PLANTED")
    write_film(name="none.dcm", StudyInstanceUID=None, SOPInstanceUID=generate_uid())
    out = tmp_path / "out"
    _locate(path.parent, out)
    for written in (one for one in out.rglob("*") if one.is_file()):
        assert (b"PLANTED" in written.read_bytes()) == (written.suffix == ".dcm")
        assert "PLANTED" not in str(written)
    assert "PLANTED" not in "".join(capfd.readouterr())


def test_a_film_without_a_study_is_located_and_its_line_says_that_it_has_no_objects(
    write_film: Write, tmp_path: Path
) -> None:
    path = write_film(StudyInstanceUID=None)
    counts = _locate(path.parent, tmp_path / "out")
    assert counts.ok == 1
    (one,) = read_predictions(tmp_path / "out")
    assert one.score is not None
    assert one.reason is not None
    assert "no results as DICOM" in one.reason
    assert "does not name its study" in one.reason
    assert not (tmp_path / "out" / "dicom").exists()


def test_a_film_that_the_gate_refuses_has_a_report_only(films: Path, tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    film = pydicom.dcmread(films / "0.dcm")
    film.ViewPosition = "LL"
    film.save_as(tmp_path / "small" / "lateral.dcm")
    counts = _locate(tmp_path / "small", tmp_path / "out", gate=True)
    assert counts.refused == 1
    (report,) = (tmp_path / "out" / "dicom").glob("*")
    assert "Not judged: tagged as a lateral view" in pydicom.dcmread(report).to_json()


def test_a_film_that_is_no_dicom_has_none(film_path: Path, tmp_path: Path) -> None:
    assert _locate(film_path, tmp_path / "out").ok == 1
    assert not (tmp_path / "out" / "dicom").exists()


def _invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_command_makes_them_and_says_how_many(
    films: Path, checkpoint: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    options = ("--model", checkpoint, "--no-gate", "--dicom", "sr, sc")
    result = _invoke("locate", films, "--out", out, *options)
    assert result.exit_code == 0, result.output
    assert f"results as DICOM: 6 in {out / 'dicom'}" in result.output
    again = _invoke("locate", films, "--out", out, *options[:-1], "sc,sr")
    assert again.exit_code == 0, again.output


@pytest.mark.parametrize("kinds", ["pdf", "sc,", "sc;seg", ","])
def test_kinds_that_there_are_not_are_one_sentence(films: Path, tmp_path: Path, kinds: str) -> None:
    result = _invoke("locate", films, "--out", tmp_path / "out", "--dicom", kinds)
    assert isinstance(result.exception, TbspotError)
    assert "must be of sc, seg, sr" in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_the_command_send_fails_in_one_sentence(case: Case, tmp_path: Path) -> None:
    (tmp_path / "dicom").mkdir()
    made = hospital.to_dicom("sr", *case.arguments)
    made.save_as(tmp_path / "dicom" / "sr.dcm", enforce_file_format=True)
    result = _invoke("send", tmp_path, "--to", "http://127.0.0.1:1/dicom-web")
    assert isinstance(result.exception, TbspotError)
    assert "1 of 1 results were not confirmed" in str(result.exception)
    assert "the same command sends them again" in str(result.exception)
    assert "stored 0, confirmed before 0, failed 1" in result.output


def test_the_command_send_repeats_no_warning_of_a_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    sending = pytest.importorskip("tbspot.hospital.sending")

    def warns(*_: object, **__: object) -> Any:
        warnings.warn_explicit("PLANTED", UserWarning, "valuerep.py", 1, "pydicom.valuerep")
        return sending.Sent()

    monkeypatch.setattr(sending, "send", warns)
    assert _invoke("send", tmp_path, "--to", "A@host:104").exit_code == 0
    assert [str(one.message) for one in recwarn] == []


@pytest.mark.parametrize(
    "arguments", [("locate", "film.dcm", "--out", "out", "--dicom", "sr"),
                  ("send", "run", "--to", "A@host:104")]
)  # fmt: skip
def test_without_the_extra_a_command_says_how_to_install_it(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "film.dcm").write_bytes(b"x")
    without = "import sys; sys.modules.update(highdicom=None); "
    code = without + "from tbspot.__main__ import main; main()"
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    expected = "error: this needs highdicom; install it with `pip install 'tbspot[hospital]'`\n"
    assert done.stderr == expected


def test_tags_of_a_film_that_was_there_for_a_moment_get_into_no_result(
    write_film: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_film(PatientID="ANNA")
    own, read = path.read_bytes(), read_source

    def read_other(*given: Any, **options: Any) -> Source:
        write_film(PatientID="BERTA")
        try:
            return read(*given, **options)
        finally:
            path.write_bytes(own)

    monkeypatch.setattr("tbspot.hospital.results.read_source", read_other)
    _locate(path.parent, tmp_path / "out")
    (line,) = read_predictions(tmp_path / "out")
    assert "is no longer the film that was located" in str(line.reason)
    assert not (tmp_path / "out" / "dicom").exists()
    with pytest.raises(TbspotError, match="is no longer the film that was located"):
        hospital.to_dicom("sr", path, line)
