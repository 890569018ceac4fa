"""Results in a real archive: stored both ways, found in the film's study, read back the same."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pydicom
import pytest
from pydicom.sr.codedict import codes
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

from orthanc import Orthanc, absent
from results import Case
from tbspot.choices import ResultKind

hospital = pytest.importorskip("tbspot.hospital", reason="highdicom is not installed")
highdicom = pytest.importorskip("highdicom")
sending = pytest.importorskip("tbspot.hospital.sending", reason="pynetdicom is not installed")
KINDS = get_args(ResultKind)

pytestmark = [
    pytest.mark.hospital,
    pytest.mark.skipif(absent, reason="orthanc or orthanc-dicomweb is not installed"),
]

SYNTAXES = [ExplicitVRLittleEndian, RLELossless, JPEGLSLossless, JPEG2000Lossless]


def _keep(case: Case, run: Path) -> dict[str, Any]:
    """What `tbspot locate --dicom sc,seg,sr` leaves in a run's folder."""
    (run / "dicom").mkdir(parents=True, exist_ok=True)
    made: dict[str, Any] = hospital.results_of(KINDS, *case.arguments)
    for kind, result in made.items():
        result.save_as(run / "dicom" / f"{kind}.dcm", enforce_file_format=True)
    return made


@pytest.mark.parametrize("way", ["network", "dicomweb"])
@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
def test_results_are_found_beside_their_film_and_read_back_the_same(
    orthanc: Orthanc,
    write_film: Callable[..., Path],
    answered: Callable[..., Case],
    tmp_path: Path,
    way: str,
    syntax: Any,
) -> None:
    study = generate_uid()
    path = write_film(
        StudyInstanceUID=study, SeriesInstanceUID=generate_uid(), SOPInstanceUID=generate_uid(),
        SpecificCharacterSet="ISO_IR 100", PatientName="Buc^Jérôme", PatientID=str(study)[-12:],
    )  # fmt: skip
    if syntax.is_compressed:
        film = pydicom.dcmread(path)
        film.compress(syntax, generate_instance_uid=False)
        film.save_as(path)
    case = answered(path)
    made = _keep(case, tmp_path / "run")
    orthanc.ask("/instances", path.read_bytes())

    sent = sending.send(tmp_path / "run", getattr(orthanc, way))
    assert (sent.stored, sent.before, sent.failed) == (3, 0, [])
    found = orthanc.instances(study)
    film = pydicom.dcmread(path, stop_before_pixels=True)
    assert set(found) == {film.SOPInstanceUID, *(one.SOPInstanceUID for one in made.values())}
    (patient,) = orthanc.ask(f"/patients/{_patient(orthanc, study)}/studies")
    assert patient["MainDicomTags"]["StudyInstanceUID"] == study
    _check_read_back(case, {kind: found[one.SOPInstanceUID] for kind, one in made.items()})

    again = sending.send(tmp_path / "run", getattr(orthanc, way))
    assert (again.stored, again.before, again.failed) == (0, 3, [])
    forced = sending.send(tmp_path / "run", getattr(orthanc, way), again=True)
    assert (forced.stored, forced.failed) == (3, [])
    assert set(orthanc.instances(study)) == set(found)


def _patient(orthanc: Orthanc, study: str) -> str:
    query = b'{"Level": "Study", "Expand": true, "Query": {"StudyInstanceUID": "%s"}}'
    (found,) = orthanc.ask("/tools/find", query % study.encode())
    return str(found["ParentPatient"])


def _check_read_back(case: Case, files: dict[str, bytes]) -> None:
    report = highdicom.sr.srread(io.BytesIO(files["sr"]))
    assert str(report.PatientName) == "Buc^Jérôme"
    (whole,) = report.content.get_image_measurement_groups()
    (score,) = whole.get_measurements(name=codes.DCM.CertaintyOfFinding)
    assert score.value == pytest.approx(case.prediction.score)
    groups = report.content.get_planar_roi_measurement_groups()
    masks = highdicom.seg.segread(io.BytesIO(files["seg"])).pixel_array
    assert len(groups) == len(masks) == len(case.prediction.boxes)
    for group, mask, box in zip(groups, masks, case.prediction.boxes, strict=True):
        corners = (box.x0, box.y0, box.x1, box.y1)
        line = group.roi.value
        assert (*line.min(0), *line.max(0)) == pytest.approx(corners, abs=1e-3)
        rows, columns = np.nonzero(mask)
        rectangle = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert rectangle == pytest.approx(corners, abs=1)
    made = hospital.results_of(KINDS, *case.arguments)
    assert np.array_equal(masks, made["seg"].pixel_array)
    picture = pydicom.dcmread(io.BytesIO(files["sc"])).pixel_array
    assert np.array_equal(picture, made["sc"].pixel_array)


def test_the_report_of_a_refused_film_is_stored_too(
    orthanc: Orthanc, refused: Case, tmp_path: Path
) -> None:
    made = _keep(refused, tmp_path / "run")
    sent = sending.send(tmp_path / "run", orthanc.network)
    assert (sent.stored, sent.failed) == (1, [])
    assert made["sr"].SOPInstanceUID in orthanc.instances(made["sr"].StudyInstanceUID)


def test_a_wrong_path_of_dicomweb_is_one_clear_reason(
    orthanc: Orthanc, refused: Case, tmp_path: Path
) -> None:
    _keep(refused, tmp_path / "run")
    sent = sending.send(tmp_path / "run", f"{orthanc.web}/nowhere")
    assert sent.stored == 0
    assert sent.failed == [("sr.dcm", "there is no STOW-RS there (HTTP 404): check the path")]
