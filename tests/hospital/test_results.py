"""What all three kinds of results share: study, identifiers, UIDs, and when there is none."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pydicom
import pytest

from results import SERIES, STUDY, Case
from tbspot.choices import ResultKind
from tbspot.errors import TbspotError

hospital = pytest.importorskip("tbspot.hospital", reason="highdicom is not installed")
KINDS = get_args(ResultKind)

Write = Callable[..., Path]


def _uids(case: Case) -> dict[str, str]:
    made = hospital.results_of(KINDS, *case.arguments)
    return {kind: result.SOPInstanceUID for kind, result in made.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_result_is_in_the_films_study_as_a_series_of_its_own(case: Case, kind: str) -> None:
    film, made = pydicom.dcmread(case.path), hospital.to_dicom(kind, *case.arguments)
    assert made.StudyInstanceUID == film.StudyInstanceUID == STUDY
    assert made.SeriesInstanceUID != SERIES
    assert made.PatientName == film.PatientName
    assert made.PatientID == film.PatientID
    assert made.StudyDate == film.StudyDate
    assert "PLANTED MAKER" not in str(made)
    assert "PLANTED HOSPITAL" not in str(made)


def test_the_same_answer_has_the_same_uids_whenever_it_is_made(case: Case) -> None:
    assert _uids(case) == _uids(case)
    assert len(set(_uids(case).values())) == 3
    renamed = replace(case, prediction=case.prediction.model_copy(update={"image": "other"}))
    assert _uids(renamed) == _uids(case)


@pytest.mark.parametrize(
    "change",
    [
        {"score": 0.25}, {"threshold": 0.75}, {"model": "other"}, {"version": "fedcba9876543210"},
        {"map_threshold": 0.51}, {"calibration": "0123456789abcdef"}, {"reason": "looks inverted"},
    ],
)  # fmt: skip
def test_another_answer_has_other_uids(case: Case, change: dict[str, object]) -> None:
    other = replace(case, prediction=case.prediction.model_copy(update=change))
    assert not set(_uids(other).values()) & set(_uids(case).values())


def test_a_score_on_the_other_side_of_the_threshold_has_other_uids_however_near_it_is(
    case: Case,
) -> None:
    above, below = (
        replace(case, prediction=case.prediction.model_copy(update={"score": score}))
        for score in (0.50001, 0.49999)
    )
    assert not set(_uids(above).values()) & set(_uids(below).values())


def test_a_score_that_differs_in_its_last_digits_has_the_same_uids(case: Case) -> None:
    near = case.prediction.model_copy(update={"score": 0.87654322})
    assert _uids(replace(case, prediction=near)) == _uids(case)


def test_another_heat_map_with_the_same_boxes_has_another_mask_and_picture(case: Case) -> None:
    assert case.evidence is not None
    evidence = case.evidence.copy()
    evidence[5, 4] = -1  # a hole
    before, after = _uids(case), _uids(replace(case, evidence=evidence))
    assert before["sr"] == after["sr"]
    assert before["sc"] != after["sc"]
    assert before["seg"] != after["seg"]


@pytest.mark.parametrize(
    "correction",
    [
        {"PatientID": "RIGHT-2"}, {"PatientName": "Right^Patient"}, {"AccessionNumber": "A2"},
        {"StudyInstanceUID": "1.2.826.0.1.3680043.8.498.81"},
        {"SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.82"},
        {"PatientOrientation": ["R", "F"]},
    ],
)  # fmt: skip
def test_a_film_that_was_corrected_under_its_uid_has_results_of_its_own(
    case: Case, write_film: Write, answered: Callable[..., Case], correction: dict[str, object]
) -> None:
    corrected = answered(write_film(name="corrected.dcm", **correction))
    made = [hospital.results_of(KINDS, *one.arguments) for one in (case, corrected)]
    for before, after in zip(*(one.values() for one in made), strict=True):
        assert before.SOPInstanceUID != after.SOPInstanceUID
        assert before.SeriesInstanceUID != after.SeriesInstanceUID


def test_another_release_of_tbspot_which_its_results_name_gives_other_uids(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _uids(case)
    monkeypatch.setattr("tbspot.hospital.instance.__version__", "9.9.9")
    assert not set(_uids(case).values()) & set(before.values())


@pytest.mark.parametrize("tags", [{}, {"StudyDate": None, "StudyTime": None}])
def test_the_same_answer_is_the_same_object_whenever_it_is_made(
    write_film: Write, answered: Callable[..., Case], tags: dict[str, None]
) -> None:
    case = answered(write_film(**tags))
    today = f"{datetime.date.today():%Y%m%d}"
    one = hospital.results_of(KINDS, *case.arguments)
    other = hospital.results_of(KINDS, *case.arguments)
    for kind in KINDS:
        assert one[kind].to_json() == other[kind].to_json()
        dates = {str(each.value)[:8] for each in one[kind].iterall() if each.VR in ("DA", "DT")}
        assert today not in dates


def test_the_same_answer_of_another_instance_has_other_uids(
    case: Case, write_film: Write, answered: Callable[..., Case]
) -> None:
    other = answered(write_film(name="other.dcm", SOPInstanceUID="1.2.826.0.1.3680043.8.498.99"))
    assert not set(_uids(other).values()) & set(_uids(case).values())


def test_uids_are_of_the_form_that_needs_no_registration(case: Case) -> None:
    for made in hospital.results_of(KINDS, *case.arguments).values():
        for uid in (made.SOPInstanceUID, made.SeriesInstanceUID):
            assert uid.is_valid
            assert uid.startswith("2.25.")
            assert int(uid[5:]) < 2**128


def test_a_refused_film_has_a_report_only_and_a_failed_one_nothing(refused: Case) -> None:
    assert list(hospital.results_of(KINDS, *refused.arguments)) == ["sr"]
    failed = refused.prediction.model_copy(update={"status": "failed"})
    assert hospital.results_of(KINDS, refused.path, failed) == {}
    for kind in ("sc", "seg"):
        with pytest.raises(TbspotError, match=f"no result of the kind {kind}, as it was refused"):
            hospital.to_dicom(kind, *refused.arguments)


def test_a_film_without_a_region_has_no_segmentation(
    write_film: Write, answered: Callable[..., Case]
) -> None:
    case = answered(write_film(), boxes=())
    empty = replace(case, evidence=np.full((16, 16), -1, np.float32))
    assert list(hospital.results_of(KINDS, *empty.arguments)) == ["sc", "sr"]
    with pytest.raises(TbspotError, match="as no region was found"):
        hospital.to_dicom("seg", *empty.arguments)


def test_a_prediction_of_another_film_is_one_sentence(case: Case) -> None:
    other = case.prediction.model_copy(update={"width": 500})
    with pytest.raises(TbspotError, match="name the film it was made of"):
        hospital.results_of(KINDS, case.path, other, case.pixels, case.evidence)


@pytest.mark.parametrize(
    "uid",
    [
        "1.2.840.10008.5.1.4.1.1.1.1",
        "1.2.840.10008.5.1.4.1.1.7.2",  # of several frames, here one
        "1.2.840.10008.5.1.4.1.1.12.2",  # fluoroscopy
        "1.2.840.10008.5.1.4.1.1.13.1.4",  # breast projection: with a frame of reference
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_film_of_any_class_has_results_that_refer_to_it_by_its_class(
    write_film: Write, answered: Callable[..., Case], uid: str, kind: str
) -> None:
    case = answered(write_film(SOPClassUID=uid))
    made = hospital.to_dicom(kind, *case.arguments)
    named = {
        element.value for element in made.iterall() if element.keyword == "ReferencedSOPClassUID"
    }
    assert named == {uid}


@pytest.mark.parametrize("uid", ["1.2.826.0.1.3680043.8.498.77", "1.2.840.10008.5.1.1.29"])
def test_a_film_of_a_private_or_retired_class_gives_one_sentence(
    write_film: Write, answered: Callable[..., Case], uid: str
) -> None:
    case = answered(write_film(SOPClassUID=uid))
    with pytest.raises(TbspotError, match="export it as CR, DX or secondary capture"):
        hospital.results_of(KINDS, *case.arguments)


@pytest.mark.parametrize("model", ["", "a" * 100, "back\\slash", "two\nlines", "模型"])
def test_a_model_of_any_name_is_named_in_valid_words(
    case: Case, model: str, recwarn: pytest.WarningsRecorder
) -> None:
    named = replace(case, prediction=case.prediction.model_copy(update={"model": model}))
    for made in hospital.results_of(KINDS, *named.arguments).values():
        assert 0 < len(made.ManufacturerModelName) <= 64
        assert "\\" not in made.ManufacturerModelName
    assert not recwarn.list


def test_making_a_result_says_nothing_of_the_patient(
    write_film: Write,
    answered: Callable[..., Case],
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    case = answered(write_film(PatientName="PLANTED"))  # a name that highdicom warns of
    caplog.clear()
    hospital.results_of(KINDS, *case.arguments)
    assert "PLANTED" not in "".join(capfd.readouterr()) + caplog.text
