"""The picture that every viewer shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from results import Case
from tbspot.images import read_with_facts
from tbspot.locating.detail import examine_film
from tbspot.maps.overlays import overlay

hospital = pytest.importorskip("tbspot.hospital", reason="highdicom is not installed")

Write = Callable[..., Path]


def test_the_picture_is_the_film_with_map_and_boxes_under_a_band_of_words(case: Case) -> None:
    made = hospital.to_dicom("sc", *case.arguments)
    picture = made.pixel_array
    film = np.asarray(overlay(case.pixels, case.evidence, case.prediction.boxes))
    height, width, _ = film.shape
    left = (picture.shape[1] - width) // 2
    assert np.array_equal(picture[-height:, left : left + width], film)
    band = picture[:-height]
    assert (band == 255).all(-1).mean() > 0.01
    assert not (film[:20] == 255).all()


def test_each_of_the_words_changes_the_picture(case: Case) -> None:
    pictures = [
        hospital.to_dicom("sc", *replace(case, prediction=other).arguments).PixelData
        for change in (
            {}, {"score": 0.2}, {"threshold": 0.1}, {"threshold": None}, {"model": "m"},
            {"version": "v"}, {"reason": "tagged as mirrored: left and right are changed"},
            {"reason": "tagged as mirrored: left and right are chanced"},
        )
        for other in [case.prediction.model_copy(update=change)]
    ]  # fmt: skip
    assert len(set(pictures)) == len(pictures)


def test_a_long_warning_is_said_in_lines_of_the_same_size(case: Case) -> None:
    said = case.prediction.model_copy(update={"reason": "a border is cut off " * 20})
    plain = hospital.to_dicom("sc", *case.arguments)
    warned = hospital.to_dicom("sc", *replace(case, prediction=said).arguments)
    assert warned.Columns == plain.Columns
    assert warned.Rows > plain.Rows + 100


@pytest.mark.parametrize(
    ("tags", "size"),
    [
        ({"PixelSpacing": [0.1, 0.2]}, (320, 120)),
        ({"ImagerPixelSpacing": [0.2, 0.1]}, (160, 240)),
        ({"PixelAspectRatio": [4, 3]}, (240, 240)),
        ({"PixelSpacing": [0.2, 0.2], "PixelAspectRatio": [4, 3]}, (320, 240)),
        ({"PixelSpacing": [0.2, 0.0]}, (320, 240)),
        ({"PixelAspectRatio": [1, 900]}, (320, 240)),
        ({"PixelSpacing": 0.2}, (320, 240)),
    ],
)
def test_a_film_of_oblong_pixels_is_shown_as_high_and_wide_as_it_was(
    write_film: Write, answered: Callable[..., Case], tags: dict[str, Any], size: tuple[int, int]
) -> None:
    case = answered(write_film(**tags))
    secondary_capture = pytest.importorskip("tbspot.hospital.secondary_capture")
    from tbspot.hospital.source import read_source

    made = hospital.to_dicom("sc", *case.arguments)
    band = secondary_capture._band(secondary_capture._words(case.prediction), made.Columns)
    assert made.Rows - band.height == size[1]
    film = made.pixel_array[band.height :]
    assert ((film > 0).any((0, 2)).nonzero()[0][[0, -1]] - (640 - size[0]) // 2).tolist() == [
        0, size[0] - 1,
    ]  # fmt: skip
    assert (read_source(case.path).pixel_ratio == 1) == (size == (320, 240))
    plain = answered(write_film())
    changed = made.SOPInstanceUID != hospital.to_dicom("sc", *plain.arguments).SOPInstanceUID
    assert changed == (size != (320, 240))


def test_it_says_of_itself_what_it_is(case: Case) -> None:
    made = hospital.to_dicom("sc", *case.arguments)
    assert made.SOPClassUID.name == "Secondary Capture Image Storage"
    assert made.Modality == "DX"  # the source equipment's, PS3.3 C.8.6.1
    assert made.BurnedInAnnotation == "YES"
    assert made.ConversionType == "WSD"
    assert made.ImageType[:2] == ["DERIVED", "SECONDARY"]
    assert list(made.PatientOrientation) == ["L", "F"]
    assert "not a diagnosis" in made.DerivationDescription
    (source,) = made.SourceImageSequence
    assert source.ReferencedSOPInstanceUID == "1.2.826.0.1.3680043.8.498.1"


def test_it_is_no_film_to_be_judged(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "result.dcm"
    hospital.to_dicom("sc", *case.arguments).save_as(path, enforce_file_format=True)
    verdict = examine_film(partial(read_with_facts, path), 512)
    assert (verdict.status, verdict.code) == ("refused", "result")


def test_a_large_film_is_reduced_to_2048_pixels(case: Case) -> None:
    pixels = np.zeros((3000, 2400), np.float32)
    said = {"width": 2400, "height": 3000, "boxes": ()}
    secondary_capture = pytest.importorskip("tbspot.hospital.secondary_capture").secondary_capture
    from tbspot.hospital.source import read_source

    prediction = case.prediction.model_copy(update=said)
    made = secondary_capture(read_source(case.path), prediction, pixels, case.evidence)
    assert made.Columns == round(2400 * 2048 / 3000)
    assert 2048 < made.Rows < 2048 * 1.15
    assert len(made.PixelData) < 12 * 2**20


@pytest.mark.parametrize("shape", [(16, 12), (40, 900), (900, 40)])
def test_a_film_of_any_shape_gives_a_picture(case: Case, shape: tuple[int, int]) -> None:
    secondary_capture = pytest.importorskip("tbspot.hospital.secondary_capture").secondary_capture
    from tbspot.hospital.source import read_source

    made = secondary_capture(
        read_source(case.path), case.prediction, np.zeros(shape, np.float32), case.evidence
    )
    assert made.pixel_array.shape == (made.Rows, made.Columns, 3)
