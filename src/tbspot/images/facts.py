"""What a DICOM header says of the film: kind of picture, view, lie, age.

Takes a header; gives facts in words of our own. What follows from them is left to gate/verdict.py.
"""

from __future__ import annotations

from pydicom.dataset import Dataset

from tbspot.images.film import BodyPart, Facts, Orientation, View
from tbspot.images.tags import Tags

__all__ = ["FACT_TAGS", "MAKER", "facts_of"]

# As results say it that tbspot makes of films (hospital/instance.py).
MAKER = "tbspot"

FACT_TAGS = [
    "Modality", "ViewPosition", "ViewCodeSequence", "BodyPartExamined", "PatientOrientation",
    "PatientAge", "PatientBirthDate", "StudyDate", "PresentationIntentType", "SOPClassUID",
    "Manufacturer",
]  # fmt: skip

# PS3.3 C.7.3.1.1.1; what else may stand there is not repeated.
MODALITIES = frozenset((
    "BMD", "CR", "CT", "DG", "DX", "ES", "GM", "IO", "IVUS", "MG", "MR", "NM", "OCT", "OP", "OT",
    "PT", "PX", "RF", "RG", "RTIMAGE", "SC", "SM", "TG", "US", "XA", "XC",
))  # fmt: skip
FRONTAL = frozenset(("PA", "AP"))
LATERAL = frozenset(("LL", "RL", "LAT", "LATERAL", "LLAT", "RLAT", "L", "R"))
# Lateral, left lateral and right lateral projection, SNOMED RT and CT (PS3.16 CID 4010).
LATERAL_CODES = frozenset(
    ("R-10228", "R-10232", "R-10236", "399067008", "399198007", "399173006", "399136008")
)
CHEST = ("CHEST", "THORAX", "TORAX", "LUNG", "RIB")
# PS3.16 annex L: the parts that a clinic's film may show instead.
OTHER_PARTS = frozenset((
    "ABDOMEN", "ANKLE", "ARM", "BREAST", "CALCANEUS", "CSPINE", "ELBOW", "EXTREMITY", "FEMUR",
    "FINGER", "FOOT", "FOREARM", "HAND", "HEAD", "HIP", "HUMERUS", "JAW", "KNEE", "LEG", "LSPINE",
    "MANDIBLE", "MAXILLA", "NECK", "NOSE", "PATELLA", "PELVIS", "SHOULDER", "SKULL", "SSPINE",
    "TIBIA", "TOE", "WRIST",
))  # fmt: skip
# Patient's directions along a row and a column of the picture (PS3.3 C.7.6.1.1.1).
LIES: dict[tuple[str, str], Orientation] = {("L", "F"): "upright", ("R", "F"): "mirrored"}
SIDES = frozenset("LRHF")
# Digital X-ray images of a detector's raw values: DX, mammography, intra-oral (PS3.4 annex B.5).
RAW_CLASSES = frozenset((
    "1.2.840.10008.5.1.4.1.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1.2.1",
    "1.2.840.10008.5.1.4.1.1.1.3.1",
))  # fmt: skip


def facts_of(header: Dataset, corrections: tuple[str, ...], faults: tuple[str, ...] = ()) -> Facts:
    """Facts of a DICOM file from its header; a tag that cannot be used says nothing."""
    modality = _word(header, "Modality")
    return Facts(
        "DICOM",
        modality=modality if modality in MODALITIES else "",
        view=_view(header),
        body_part=_body_part(header),
        orientation=_orientation(header),
        age=_age(header),
        for_processing=_for_processing(header),
        is_result=_word(header, "Manufacturer") == MAKER.upper(),
        corrections=corrections,
        faults=faults,
    )


def _word(header: Dataset, keyword: str) -> str:
    return Tags(header).word(keyword)


def _for_processing(header: Dataset) -> bool:
    """Raw values of a detector (PS3.3 C.8.11.1.1.1), by the tag, or else by the kind of object."""
    intent = _word(header, "PresentationIntentType").replace("_", " ")
    return intent == "FOR PROCESSING" or (
        not intent and _word(header, "SOPClassUID") in RAW_CLASSES
    )


def _view(header: Dataset) -> View:
    position = _word(header, "ViewPosition")
    code = Tags(header).item("ViewCodeSequence") or Dataset()
    front_edge = _directions(header)[:1] in (["A"], ["P"])
    if position in LATERAL or _word(code, "CodeValue") in LATERAL_CODES or front_edge:
        return "lateral"
    return "frontal" if position in FRONTAL else ""


def _body_part(header: Dataset) -> BodyPart:
    part = _word(header, "BodyPartExamined")
    if any(word in part for word in CHEST):
        return "chest"
    return "other" if part in OTHER_PARTS else ""


def _directions(header: Dataset) -> list[str]:
    """First letters of PatientOrientation: for `['LH', 'F']`, `['L', 'F']`."""
    return [direction[:1] for direction in Tags(header).words("PatientOrientation")]


def _orientation(header: Dataset) -> Orientation:
    directions = _directions(header)
    if len(directions) != 2 or not SIDES.issuperset(directions):
        return ""
    return LIES.get((directions[0], directions[1]), "turned")


def _age(header: Dataset) -> int | None:
    """From the age tag (`047Y`, `18M`, `62`), or from the dates of birth and study."""
    text = _word(header, "PatientAge")
    number, unit = (text[:-1], text[-1:]) if text[-1:].isalpha() else (text, "Y")
    if number.isdecimal() and unit in ("D", "W", "M", "Y"):
        return int(number) if unit == "Y" else int(number) // {"D": 365, "W": 52, "M": 12}[unit]
    born, studied = _word(header, "PatientBirthDate"), _word(header, "StudyDate")
    if len(born) == len(studied) == 8 and (born + studied).isdecimal():
        years = (int(studied) - int(born)) // 10000
        return years if 0 <= years < 130 else None
    return None
