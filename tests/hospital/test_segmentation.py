"""The regions as masks, read back by highdicom as another program would."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from results import Case
from tbspot.errors import TbspotError
from tbspot.locating.predict import boxes_of
from tbspot.maps.cutting import Cut
from tbspot.records.predictions import Prediction

hospital = pytest.importorskip("tbspot.hospital", reason="highdicom is not installed")
highdicom = pytest.importorskip("highdicom")


def _read(case: Case) -> Any:
    file = io.BytesIO()
    hospital.to_dicom("seg", *case.arguments).save_as(file, enforce_file_format=True)
    file.seek(0)
    return highdicom.seg.segread(file)


def test_there_is_one_segment_a_box_whose_bounding_rectangle_is_the_box(case: Case) -> None:
    segmentation = _read(case)
    assert case.pixels is not None
    assert (segmentation.Rows, segmentation.Columns) == case.pixels.shape
    masks = segmentation.pixel_array.astype(bool)
    assert len(masks) == segmentation.number_of_segments == len(case.prediction.boxes) == 2
    for mask, box in zip(masks, case.prediction.boxes, strict=True):
        rows, columns = np.nonzero(mask)
        corners = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert corners == pytest.approx((box.x0, box.y0, box.x1, box.y1), abs=1)


def test_highdicom_finds_the_masks_by_the_film_they_are_of(case: Case) -> None:
    segmentation = _read(case)
    masks = segmentation.get_pixels_by_source_instance(
        source_sop_instance_uids=["1.2.826.0.1.3680043.8.498.1"]
    )
    assert np.array_equal(masks[0].transpose(2, 0, 1), segmentation.pixel_array)


def test_a_segment_says_what_it_is_and_which_model_found_it(case: Case) -> None:
    description = _read(case).get_segment_description(2)
    assert description.segmented_property_category.meaning == "Morphologically Abnormal Structure"
    assert description.segmented_property_type.value == "52988006"
    assert description.algorithm_type.value == "AUTOMATIC"
    (algorithm,) = description.SegmentationAlgorithmIdentificationSequence
    assert algorithm.AlgorithmName == "student"
    assert algorithm.AlgorithmVersion == "0123456789abcdef"
    assert algorithm.AlgorithmFamilyCodeSequence[0].CodeValue == "123110"


@given(st.integers(100, 700), st.integers(100, 700), st.integers(0, 20))
def test_masks_fit_their_boxes_on_films_of_any_size(rows: int, columns: int, seed: int) -> None:
    from tbspot.hospital.segmentation import region_masks

    evidence = np.random.default_rng(seed).normal(size=(8, 8)).astype(np.float32)
    boxes = boxes_of(evidence, Cut("tuned", 0.6), 1.0, rows, columns)
    prediction = Prediction(
        image="a", status="ok", map_rule="tuned", map_threshold=0.6, boxes=boxes, model="m",
        version="v",
    )  # fmt: skip
    masks = region_masks(prediction, evidence, rows, columns)
    assert masks.shape == (len(boxes), rows, columns)
    assert masks.sum(0).max(initial=0) <= 1
    for mask, box in zip(masks, boxes, strict=True):
        found_rows, found_columns = np.nonzero(mask)
        corners = (found_columns.min(), found_rows.min(), found_columns.max(), found_rows.max())
        assert corners == pytest.approx((box.x0, box.y0, box.x1 - 1, box.y1 - 1), abs=1.01)


def test_evidence_that_is_not_that_of_the_boxes_is_one_sentence(
    case: Case, answered: Callable[..., Case], write_film: Callable[..., Path]
) -> None:
    other = replace(case, prediction=answered(write_film()).prediction.model_copy(
        update={"boxes": case.prediction.boxes[:1]}))  # fmt: skip
    with pytest.raises(TbspotError, match="is not that of its boxes"):
        hospital.to_dicom("seg", *other.arguments)
