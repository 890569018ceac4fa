"""Each object passes the checkers of Debian's dicom3tools and dcmtk."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from results import Case
from tbspot.choices import ResultKind
from tbspot.errors import TbspotError

hospital = pytest.importorskip("tbspot.hospital", reason="highdicom is not installed")
KINDS = get_args(ResultKind)

pytestmark = [
    pytest.mark.hospital,
    pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed"),
    pytest.mark.skipif(shutil.which("dsrdump") is None, reason="dcmtk is not installed"),
]

Write = Callable[..., Path]
Answer = Callable[..., Case]

# What films of the field hold: each is a film's tags.
ODD: dict[str, dict[str, Any]] = {
    "plain": {},
    "no patient": {"PatientName": "", "PatientID": ""},
    "no modality": {"Modality": ""},
    "computed": {"Modality": "CR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1"},
    "capture": {"Modality": "OT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"},
    "class of frames": {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.2", "NumberOfFrames": 1},
    "fluoroscopy": {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.12.2", "Modality": "RF"},
    "latin": {"SpecificCharacterSet": "ISO_IR 100", "PatientName": "Buc^Jérôme",
              "PatientID": "ÄÖÜ"},
    "chinese": {"SpecificCharacterSet": "GB18030", "PatientName": "王^小东",
                "StudyDescription": "胸" * 21, "PatientID": "病" * 20},
    "japanese": {"SpecificCharacterSet": ["", "ISO 2022 IR 87"],
                 "PatientName": "Yamada^Tarou=山田^太郎=やまだ^たろう"},
    "arabic": {"SpecificCharacterSet": "ISO_IR 127", "PatientName": "قباني^لنزار"},
    "one name": {"PatientName": "PLANTED"},
    "five parts": {"PatientName": "A^B^C^D^E"},
    "frame": {"FrameOfReferenceUID": "1.2.826.0.1.3680043.8.498.78"},
    "no orientation": {"PatientOrientation": None},
    "empty orientation": {"PatientOrientation": ""},
    "odd orientation": {"PatientOrientation": ["X", "1"]},
    "orientation both ways": {"PatientOrientation": ["LR", "F"]},
    "oblique": {"PatientOrientation": ["LAF", "FP"]},
    "spaced": {"PixelSpacing": [0.2, 0.3], "ImagerPixelSpacing": [0.2, 0.3]},
    "whole identity": {"PatientBirthDate": "19600101", "PatientSex": "O", "StudyTime": "101112.5",
                       "AccessionNumber": "A1", "StudyID": "S1", "IssuerOfPatientID": "HERE",
                       "ReferringPhysicianName": "Doc^Tor", "StudyDescription": "Chest PA"},
    "half a date": {"StudyTime": "1011"},
}  # fmt: skip


@pytest.mark.parametrize("tags", ODD.values(), ids=ODD)
@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")  # what is written is odd on purpose
def test_an_object_of_any_film_is_valid(
    write_film: Write, answered: Answer, tmp_path: Path, tags: dict[str, Any]
) -> None:
    case = answered(write_film(**tags))
    for kind, made in hospital.results_of(KINDS, *case.arguments).items():
        assert _faults(made, tmp_path / f"{kind}.dcm") == []


@pytest.mark.parametrize(
    "change",
    [
        {"model": "模型" * 40}, {"threshold": None}, {"calibration": "0123"}, {"score": 1e-7},
        {"score": 0.0}, {"score": 1.0}, {"reason": "tagged as mirrored"}, {"version": ""},
    ],
)  # fmt: skip
def test_an_object_of_any_answer_is_valid(
    write_film: Write, answered: Answer, tmp_path: Path, change: dict[str, Any]
) -> None:
    case = answered(write_film())
    changed = replace(case, prediction=case.prediction.model_copy(update=change))
    for kind, made in hospital.results_of(KINDS, *changed.arguments).items():
        assert _faults(made, tmp_path / f"{kind}.dcm") == []


def test_objects_without_a_region_are_valid(
    write_film: Write, answered: Answer, tmp_path: Path
) -> None:
    case = answered(write_film(), boxes=())
    empty = replace(case, evidence=np.full((16, 16), -1, np.float32))
    for kind, made in hospital.results_of(KINDS, *empty.arguments).items():
        assert _faults(made, tmp_path / f"{kind}.dcm") == []


def test_the_report_of_a_refused_film_is_valid(refused: Case, tmp_path: Path) -> None:
    made = hospital.to_dicom("sr", *refused.arguments)
    assert _faults(made, tmp_path / "sr.dcm") == []


def test_dsrdump_shows_score_threshold_boxes_and_model(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "sr.dcm"
    hospital.to_dicom("sr", *case.arguments).save_as(path, enforce_file_format=True)
    said = _run("dsrdump", "+Pl", path).stdout
    assert '"Certainty of Finding")="0.87654321"' in said
    assert '"Threshold Value")="0.5"' in said
    assert said.count("POLYLINE") == 2
    assert "Research use only, not a diagnosis" in said
    assert '"Algorithm Version")="0123456789abcdef"' in said


def test_the_checker_finds_a_fault_where_there_is_one(case: Case, tmp_path: Path) -> None:
    made = hospital.to_dicom("sc", *case.arguments)
    del made.ConversionType
    assert _faults(made, tmp_path / "sc.dcm")


def test_a_film_without_a_study_gives_one_sentence(write_film: Write, answered: Answer) -> None:
    case = answered(write_film(StudyInstanceUID=""))
    with pytest.raises(TbspotError, match="does not name its study"):
        hospital.results_of(KINDS, *case.arguments)


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=True)


def _faults(made: Any, path: Path) -> list[str]:
    """What dciodvfy calls an error, and dsrdump where it reads a report."""
    made.save_as(path, enforce_file_format=True)
    said = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False).stderr
    faults = [line for line in said.splitlines() if line.startswith(("Error", "Abort"))]
    if made.Modality == "SR":
        read = subprocess.run(["dsrdump", path], capture_output=True, text=True, check=False)
        faults += [line for line in read.stderr.splitlines() if line.startswith(("E:", "F:"))]
        faults += ["dsrdump fails"] * (read.returncode != 0)
    return faults
