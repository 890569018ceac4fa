from __future__ import annotations

from typing import Any

import pytest
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset
from pydicom.sr.codedict import Collection

from tbspot.images import Facts
from tbspot.images.facts import CHEST, CHEST_CODES, OTHER_CODES, facts_of


def _facts(**tags: Any) -> Facts:
    dataset = Dataset()
    with disable_value_validation():  # makers write what the standard does not allow
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
        ({"ViewPosition": "LATL"}, "lateral"),
        ({"ViewPosition": "LATR"}, "lateral"),
        ({"ViewPosition": "LAT_L"}, "lateral"),
        ({"ViewPosition": "L LAT"}, "lateral"),
        ({"ViewPosition": "LEFT LATERAL"}, "lateral"),
        ({"ViewPosition": "LL ERECT"}, "lateral"),
        ({"ViewPosition": "L"}, "lateral"),
        ({"ViewPosition": "PA L"}, ""),
        ({"ViewPosition": "PA AND LAT"}, ""),
        ({"ViewPosition": "LLD"}, ""),
        ({"ViewPosition": "RLD"}, ""),
        ({"ViewPosition": "LEFT LATERAL DECUBITUS"}, ""),
        ({"ViewPosition": "BILATERAL"}, ""),
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
    [
        ("CHEST", "chest"),
        ("CHEST_PA", "chest"),
        ("RIBS", "chest"),
        ("NECKCHESTABDOMEN", "chest"),
        ("THORAX/ABDOMEN", "chest"),
        ("HAND", "other"),
        ("TSPINE", "other"),
        ("TLSPINE", "other"),
        ("CLAVICLE", "other"),
        ("SCAPULA", "other"),
        ("ABDOMEN AP", "other"),
        ("SKULL AP", "other"),
        ("HAND/WRIST", "other"),
        ("LUMBAR SPINE", "other"),
        ("THORACIC SPINE", "other"),
        ("THORACOLUMBAR SPINE", "other"),
        ("THORACOABDOMEN", "chest"),
        ("THORACO-ABDOMEN", "chest"),
        ("TORACOABDOMEN", "chest"),
        ("TORACE", "chest"),
        ("FOREARM", "other"),
        ("LHIP", "other"),
        ("LOWER LEGS", "other"),
        ("GREATTOE", "other"),
        ("FACE", "other"),
        ("SURFACE", ""),
        ("ALARM", ""),
        ("CHIP", ""),
        ("DIAGNOSE", ""),
        ("KNEE_L", "other"),
        ("KNEES", "other"),
        ("ABDOMENPELVIS", "other"),
        ("UPEXTREMITY", "other"),
        ("HEART", ""),
        ("TRACHEA", ""),
        ("EARLY", ""),
        ("PLANTED", ""),
        ("", ""),
    ],
)
def test_a_body_part_is_the_chest_another_or_unknown(part: str, expected: str) -> None:
    assert _facts(BodyPartExamined=part).body_part == expected


@pytest.mark.parametrize(
    ("code", "part", "expected"),
    [
        ("51185008", "", "chest"),
        ("T-D3000", "", "chest"),
        ("85562004", "", "other"),
        ("T-D4000", "", "other"),
        ("80891009", "", ""),
        ("85562004", "CHEST", "chest"),
        ("122495006", "THORACIC", "other"),
        ("816094009", "HAND", "chest"),
    ],
)
def test_a_region_s_code_says_the_body_part(code: str, part: str, expected: str) -> None:
    region = Dataset()
    region.CodeValue = code
    facts = _facts(AnatomicRegionSequence=[region], BodyPartExamined=part)
    assert facts.body_part == expected


def test_every_region_that_the_standard_lists_is_of_one_kind() -> None:
    assert not CHEST_CODES & OTHER_CODES
    listed = {term.value: term.meaning.upper() for term in Collection("CID4031").concepts.values()}
    chests = {code for code, said in listed.items() if any(word in said for word in CHEST)}
    assert chests <= CHEST_CODES
    assert not chests & OTHER_CODES
    spines = {code for code, said in listed.items() if "SPINE" in said}
    assert spines <= OTHER_CODES


@pytest.mark.parametrize(
    ("tags", "aspect"),
    [
        ({}, 1),
        ({"PixelSpacing": [0.2, 0.4]}, 0.5),
        ({"ImagerPixelSpacing": [0.4, 0.2]}, 2),
        ({"PixelAspectRatio": [1, 2]}, 0.5),
        ({"PixelSpacing": [0, 0.4], "PixelAspectRatio": [1, 2]}, 0.5),
        ({"PixelSpacing": [0.1, 100]}, 1),
        ({"PixelSpacing": [-0.2, 0.4]}, 1),
    ],
)
def test_pixels_are_as_high_as_the_tags_say(tags: dict[str, Any], aspect: float) -> None:
    assert _facts(**tags).pixel_aspect == aspect


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
