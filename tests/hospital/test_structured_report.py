"""The report, read back by highdicom as another program would."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydicom.sr.codedict import codes

from results import Case

hospital = pytest.importorskip("tbspot.hospital", reason="highdicom is not installed")
highdicom = pytest.importorskip("highdicom")


def _read(case: Case) -> Any:
    file = io.BytesIO()
    hospital.to_dicom("sr", *case.arguments).save_as(file, enforce_file_format=True)
    file.seek(0)
    return highdicom.sr.srread(file)


def _comments(group: Any) -> str:
    return " ".join(str(item.value) for item in group[0].ContentSequence
                    if item.name == codes.DCM.Comment)  # fmt: skip


def test_the_score_and_its_threshold_are_measurements_of_the_film(case: Case) -> None:
    (film,) = _read(case).content.get_image_measurement_groups()
    (score,) = film.get_measurements(name=codes.DCM.CertaintyOfFinding)
    (threshold,) = film.get_measurements(name=codes.DCM.ThresholdValue)
    assert score.value == pytest.approx(case.prediction.score)
    assert score.unit == codes.UCUM.NoUnits
    assert threshold.value == case.prediction.threshold
    assert film.finding_type.meaning == "Pulmonary tuberculosis"
    assert "not a diagnosis" in _comments(film)
    (source,) = film.source_images
    assert source.referenced_sop_instance_uid == "1.2.826.0.1.3680043.8.498.1"


def test_each_box_is_a_closed_line_with_its_score(case: Case) -> None:
    groups = _read(case).content.get_planar_roi_measurement_groups()
    assert len(groups) == len(case.prediction.boxes) == 2
    for group, box in zip(groups, case.prediction.boxes, strict=True):
        line = group.roi.value
        assert group.roi.graphic_type.value == "POLYLINE"
        assert np.array_equal(line[0], line[-1])
        found = (*line.min(0), *line.max(0))
        assert found == pytest.approx((box.x0, box.y0, box.x1, box.y1), abs=1e-3)
        (score,) = group.get_measurements(name=codes.DCM.CertaintyOfFinding)
        assert score.value == pytest.approx(box.score)


def test_a_region_has_the_same_tracking_uid_as_its_segment(case: Case) -> None:
    groups = _read(case).content.get_planar_roi_measurement_groups()
    segments = hospital.to_dicom("seg", *case.arguments).SegmentSequence
    assert [group.tracking_uid for group in groups] == [one.TrackingUID for one in segments]


def test_the_model_and_its_version_are_the_algorithm_and_the_observer(case: Case) -> None:
    report = _read(case)
    (observer,) = report.content.get_observer_contexts()
    assert observer.observer_identifying_attributes.model_name == "student"
    said = str(report)
    assert "Algorithm Version" in said
    assert "Algorithm Family" in said


def test_it_is_complete_but_unverified_and_preliminary(case: Case) -> None:
    report = _read(case)
    assert report.CompletionFlag == "COMPLETE"
    assert report.VerificationFlag == "UNVERIFIED"
    assert report.PreliminaryFlag == "PRELIMINARY"


def test_the_report_of_a_refused_film_says_why_and_has_no_score(refused: Case) -> None:
    report = _read(refused)
    (film,) = report.content.get_image_measurement_groups()
    assert film.get_measurements() == []
    assert film.finding_type is None
    assert "Not judged: looks like a lateral view; a frontal one is needed." in _comments(film)
    assert not report.content.get_planar_roi_measurement_groups()


def test_the_gates_warning_is_told_beside_the_score(case: Case) -> None:
    warned = case.prediction.model_copy(update={"reason": "tagged as mirrored"})
    (film,) = _read(replace(case, prediction=warned)).content.get_image_measurement_groups()
    assert "Warning: tagged as mirrored." in _comments(film)
