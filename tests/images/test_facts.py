from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset

from tbspot.images import Facts
from tbspot.images.facts import facts_of


def _facts(**tags: Any) -> Facts:
    dataset = Dataset()
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    return facts_of(dataset, ())


def test_a_header_that_says_nothing_gives_empty_facts() -> None:
    assert _facts() == Facts("DICOM")


@pytest.mark.parametrize(
    ("tags", "view"),
    [
        ({"ViewPosition": "PA"}, "frontal"),
        ({"ViewPosition": "AP"}, "frontal"),
        ({"ViewPosition": "LL"}, "lateral"),
        ({"ViewPosition": "LATERAL"}, "lateral"),
        ({"ViewPosition": "AP", "PatientOrientation": ["A", "F"]}, "lateral"),
        ({"ViewPosition": "XY"}, ""),
    ],
)
def test_the_view_is_what_its_tags_say(tags: dict[str, Any], view: str) -> None:
    assert _facts(**tags).view == view


def test_a_view_code_says_lateral() -> None:
    code = Dataset()
    code.CodeValue = "R-10236"
    assert _facts(ViewCodeSequence=[code]).view == "lateral"


@pytest.mark.parametrize(
    ("directions", "orientation"),
    [
        (["L", "F"], "upright"),
        (["LH", "FL"], "upright"),
        (["R", "F"], "mirrored"),
        (["F", "L"], "turned"),
        (["L", "H"], "turned"),
        (["X", "Y"], ""),
        (["L"], ""),
    ],
)
def test_the_lie_is_what_the_directions_say(directions: list[str], orientation: str) -> None:
    assert _facts(PatientOrientation=directions).orientation == orientation


@pytest.mark.parametrize(
    ("tags", "age"),
    [
        ({"PatientAge": "047Y"}, 47),
        ({"PatientAge": "018M"}, 1),
        ({"PatientAge": "100D"}, 0),
        ({"PatientBirthDate": "20100601", "StudyDate": "20240531"}, 13),
        ({"PatientBirthDate": "20100601", "StudyDate": "20240601"}, 14),
        ({"PatientBirthDate": "20240601", "StudyDate": "20100601"}, None),
        ({}, None),
    ],
)
def test_the_age_is_in_whole_years(tags: dict[str, Any], age: int | None) -> None:
    assert _facts(**tags).age == age


@pytest.mark.parametrize(
    ("part", "expected"),
    [("CHEST", "chest"), ("CHEST_PA", "chest"), ("HAND", "other"), ("PLANTED", ""), ("", "")],
)
def test_a_body_part_is_the_chest_another_or_unknown(part: str, expected: str) -> None:
    assert _facts(BodyPartExamined=part).body_part == expected


def test_an_unknown_modality_is_not_repeated() -> None:
    assert _facts(Modality="PLANTED").modality == ""
    assert _facts(Modality="CR").modality == "CR"


@pytest.mark.parametrize(
    ("tags", "raw"),
    [
        ({"PresentationIntentType": "FOR PROCESSING"}, True),
        ({"PresentationIntentType": "FOR PRESENTATION"}, False),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.1.1"}, True),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.1"}, False),
        ({}, False),
    ],
)
def test_raw_values_of_a_detector_are_told_by_tag_or_class(tags: dict[str, Any], raw: bool) -> None:
    assert _facts(**tags).for_processing == raw
