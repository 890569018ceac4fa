"""What is said of the one frame of a multi-frame object is used as if it were said of the film."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from tbspot.images import Film
from tbspot.images.dicom import read_dicom

WriteDicom = Callable[..., Path]

WINDOW = {"FrameVOILUTSequence": {"WindowCenter": "2048", "WindowWidth": "4096"}}
NEGATIVE = {"PixelValueTransformationSequence": {"RescaleSlope": "-1", "RescaleIntercept": "4095"}}


def _read(path: Path) -> Film:
    with path.open("rb") as file:
        return read_dicom(file, path.name)


def _item(tags: dict[str, Any]) -> Dataset:
    """Tags as an item; a dictionary in it is a sequence of one item."""
    made = Dataset()
    for keyword, value in tags.items():
        setattr(made, keyword, [_item(value)] if isinstance(value, dict) else value)
    return made


def _groups(shared: dict[str, Any], of_frame: dict[str, Any]) -> dict[str, Any]:
    return {
        "NumberOfFrames": 1,
        "SharedFunctionalGroupsSequence": [_item(shared)],
        "PerFrameFunctionalGroupsSequence": [_item(of_frame)],
    }


@pytest.mark.parametrize(
    ("shared", "of_frame", "inverted"),
    [
        (WINDOW, {}, False),
        ({}, WINDOW, False),
        (WINDOW | NEGATIVE, {}, True),
        (NEGATIVE, WINDOW, True),
        ({"FrameVOILUTSequence": {"WindowCenter": "9", "WindowWidth": "2"}}, WINDOW, False),
    ],
)
def test_window_and_rescaling_of_the_one_frame_are_used(
    write_dicom: WriteDicom,
    twelve_bits: NDArray[np.uint16],
    shared: dict[str, Any],
    of_frame: dict[str, Any],
    inverted: bool,
) -> None:
    tags = _groups(shared, of_frame) | {"RescaleSlope": 1, "RescaleIntercept": 0}
    film = _read(write_dicom(twelve_bits, BitsStored=12, **tags))
    right = twelve_bits / 4095
    np.testing.assert_allclose(film.pixels, 1 - right if inverted else right, atol=3e-4)
    assert (film.facts.corrections, film.facts.faults) == ((), ())


def test_anatomy_and_lie_of_the_one_frame_are_facts(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16]
) -> None:
    lie = {"PatientOrientationInFrameSequence": {"PatientOrientation": ["R", "F"]}}
    facts = _read(write_dicom(twelve_bits, BitsStored=12, **_groups(WINDOW, lie))).facts
    assert facts.orientation == "mirrored"


def test_an_empty_tag_of_a_group_leaves_the_film_its_own(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16]
) -> None:
    empty = {"FrameVOILUTSequence": {"WindowCenter": None, "WindowWidth": None},
             "PatientOrientationInFrameSequence": {"PatientOrientation": None},
             "FrameAnatomySequence": {"AnatomicRegionSequence": []}}  # fmt: skip
    own = {"WindowCenter": 2048, "WindowWidth": 4096, "PatientOrientation": ["R", "F"]}
    film = _read(write_dicom(twelve_bits, BitsStored=12, **_groups(empty, {}), **own))
    np.testing.assert_allclose(film.pixels, twelve_bits / 4095, atol=3e-4)
    assert film.facts.orientation == "mirrored"
    assert film.facts.faults == ()


@pytest.mark.parametrize(
    "group",
    [
        {},
        {"WindowCenter": "2048", "WindowWidth": "4096", "VOILUTFunction": "PLANTED"},
        {"WindowCenter": "2048", "WindowWidth": "0"},
        {"PatientName": "PLANTED"},
    ],
)
def test_a_group_that_cannot_be_used_leaves_the_film(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], group: dict[str, Any]
) -> None:
    path = write_dicom(twelve_bits, BitsStored=12, **_groups({"FrameVOILUTSequence": group}, {}))
    film = _read(path)
    assert np.corrcoef(film.pixels.ravel(), twelve_bits.ravel())[0, 1] > 0.99
    assert "PLANTED" not in repr(film.facts)


def test_groups_that_are_no_sequences_say_nothing(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16]
) -> None:
    path = write_dicom(twelve_bits, BitsStored=12, WindowCenter=2048, WindowWidth=4096)
    dataset = pydicom.dcmread(path)
    dataset.add_new("SharedFunctionalGroupsSequence", "OB", b"PLANTED ")
    dataset.save_as(path)
    np.testing.assert_allclose(_read(path).pixels, twelve_bits / 4095, atol=1e-6)
