"""What a DICOM header says of the film: kind of picture, view, lie, age.

Takes a header; gives facts in words of our own. What follows from them is left to gate/verdict.py.
"""

from __future__ import annotations

import re
from itertools import chain

from pydicom.dataset import Dataset

from tbspot.images.film import BodyPart, Facts, Orientation, View
from tbspot.images.tags import Tags

__all__ = ["FACT_TAGS", "MAKER", "PIXEL_SHAPES", "facts_of", "pixel_aspect"]

# As results say it that tbspot makes of films (hospital/instance.py).
MAKER = "tbspot"

# Each a pixel's height and width, in millimetres or as a ratio (PS3.3 10.7.1.3, C.7.6.3.1.7).
PIXEL_SHAPES = (
    "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio",
)  # fmt: skip
FACT_TAGS = [
    "Modality", "ViewPosition", "ViewCodeSequence", "BodyPartExamined", "AnatomicRegionSequence",
    "PatientOrientation", "PatientAge", "PatientBirthDate", "StudyDate", "PresentationIntentType",
    "SOPClassUID", "Manufacturer", *PIXEL_SHAPES,
]  # fmt: skip

# PS3.3 C.7.3.1.1.1; what else may stand there is not repeated.
MODALITIES = frozenset((
    "BMD", "CR", "CT", "DG", "DX", "ES", "GM", "IO", "IVUS", "MG", "MR", "NM", "OCT", "OP", "OT",
    "PT", "PX", "RF", "RG", "RTIMAGE", "SC", "SM", "TG", "US", "XA", "XC",
))  # fmt: skip
FRONTAL = frozenset(("PA", "AP"))
# What says a lateral view by itself, and as a word of more: LL and RL of the standard (PS3.3
# C.8.11.5), and what makers write.
LATERAL = frozenset(("L", "R"))
LATERAL_WORD = re.compile(r"[LR]L|[LR]?LAT|LAT[LR]|LATERAL")
# A view from the front of a patient who lies on one side, called a lateral decubitus.
DECUBITUS = ("DECUB", "LLD", "RLD")
# Lateral, left lateral and right lateral projection, SNOMED RT and CT (PS3.16 CID 4010).
LATERAL_CODES = frozenset(
    ("R-10228", "R-10232", "R-10236", "399067008", "399198007", "399173006", "399136008")
)
CHEST = ("CHEST", "THORAX", "TORAX", "T\u00d3RAX", "LUNG", "RIB")
# Begins words for the chest, alone or with what is below it, and for its spine.
THORACIC = ("THORAC", "TORAC")
# What a word for another part ends with: PS3.16 annex L and its like. Parts that a film of the
# chest shows (heart, trachea, sternum) are left out: such a film is told by its look.
OTHER_PARTS = (
    "ABDOMEN", "ANKLE", "BREAST", "CALCANEUS", "CALF", "CLAVICLE", "COCCYX",
    "ELBOW", "EXTREMITY", "EXTREMITIES", "FEET", "FEMUR", "FIBULA", "FINGER", "FOOT",
    "HAND", "HEAD", "HUMERUS", "ILIUM", "KNEE", "LIMB", "MANDIBLE", "MAXILLA",
    "NECK", "ORBIT", "PATELLA", "PELVIS", "SACRUM", "SCAPULA", "SHOULDER", "SINUS",
    "SINUSES", "SKULL", "SPINE", "THIGH", "THUMB", "TIBIA", "WRIST", "ZYGOMA",
)  # fmt: skip
# Too short for that: other words (surface, alarm, diagnose) end so too.
SHORT_PART = re.compile(
    r"(?:L|R|LT|RT|LEFT|RIGHT|BOTH|UP|UPPER|LOW|LOWER|FORE|MID|BIG|GREAT)?"
    r"(?:ARM|FACE|HIP|JAW|LEG|NOSE|TOE)"
)
# Anatomic regions (PS3.16 CID 4031) in SNOMED CT and, where they have one, in SNOMED RT: chest,
# thorax, lung and its apex, rib; and chest with neck, abdomen or pelvis.
CHEST_CODES = frozenset((
    "816094009", "51185008", "T-D3000", "39607008", "T-28000", "86598002", "T-280A0", "113197003",
    "T-11300", "417437006", "R-FAB52", "416152001", "R-FAB53", "416319003", "R-FAB54",
    "416550000", "R-FAB55", "416775004", "R-FAB56",
))  # fmt: skip
# Abdomen, pelvis, both; spine and its parts; limbs from shoulder and hip to fingers and toes;
# head, neck and the parts of the face; breast.
OTHER_CODES = frozenset((
    "818981001", "113345001", "T-D4000", "816092008", "12921003", "T-D6000", "818982008",
    "421060004", "122494005", "T-11501", "122495006", "T-11502", "122496007", "T-11503",
    "1217253001", "1217254007", "1217256009", "1217257000", "54735007", "T-11AD0", "64688005",
    "T-11BF0", "39723000", "T-15680", "22356005", "T-12340",
    "66019005", "T-D0300", "53120007", "T-D8000", "16982005", "T-D2220", "51299004", "T-12310",
    "79601000", "T-12280", "40983000", "T-D8200", "85050009", "T-12410", "16953009", "T-15430",
    "14975008", "T-D8500", "74670003", "T-15460", "85562004", "T-D8700", "7569003", "T-D8800",
    "76505004", "T-D8810", "61685007", "T-D9000", "29836001", "T-D2500", "24136001", "T-15710",
    "68367000", "T-D9100", "71341001", "T-12710", "72696002", "T-D9200", "64234005", "T-12730",
    "30021000", "T-D9400", "12611008", "T-12740", "87342007", "T-12750", "70258002", "T-15750",
    "56459004", "T-D9700", "80144004", "T-12770", "27949001", "T-15770", "29707007", "T-D9800",
    "69536005", "T-D1100", "774007", "T-D1000", "89546000", "T-11100", "89545001", "T-D1200",
    "91397008", "T-11196", "661005", "T-D1213", "91609006", "T-11180", "70925003", "T-11170",
    "74386004", "T-11149", "45206002", "T-21000", "2095001", "T-22000", "45048000", "T-D1600",
    "76752008", "T-04000",
))  # fmt: skip
# Patient's directions along a row and a column of the picture (PS3.3 C.7.6.1.1.1).
LIES: dict[tuple[str, str], Orientation] = {("L", "F"): "upright", ("R", "F"): "mirrored"}
SIDES = frozenset("LRHF")
# Digital X-ray images of a detector's raw values: DX, mammography, intra-oral (PS3.4 annex B.5).
RAW_CLASSES = frozenset((
    "1.2.840.10008.5.1.4.1.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1.2.1",
    "1.2.840.10008.5.1.4.1.1.1.3.1",
))  # fmt: skip
# Pixels so many times as high as wide, or as wide as high, are a fault of the tag.
MOST_ASPECT = 4.0


def facts_of(header: Dataset, corrections: tuple[str, ...], faults: tuple[str, ...] = ()) -> Facts:
    """Facts of a DICOM file from its header; a tag that cannot be used says nothing."""
    modality = _word(header, "Modality")
    return Facts(
        "DICOM",
        modality=modality if modality in MODALITIES else "",
        view=_view(header),
        body_part=_body_part(header),
        orientation=_orientation(header),
        pixel_aspect=pixel_aspect(header, MOST_ASPECT),
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
    if _word(code, "CodeValue") in LATERAL_CODES or front_edge or _is_lateral(position):
        return "lateral"
    return "frontal" if position in FRONTAL else ""


def _is_lateral(position: str) -> bool:
    """Whether a view position says so; one that says both is of no use."""
    words = _text(position)
    if any(word.startswith(DECUBITUS) for word in words) or FRONTAL & set(words):
        return False
    return position in LATERAL or any(LATERAL_WORD.fullmatch(word) for word in words)


def _body_part(header: Dataset) -> BodyPart:
    """From the tag of the part or the code of the region; the chest where either says so."""
    part = _word(header, "BodyPartExamined")
    region = _word(Tags(header).item("AnatomicRegionSequence") or Dataset(), "CodeValue")
    if region in CHEST_CODES or any(word in part for word in CHEST):
        return "chest"
    if region in OTHER_CODES:
        return "other"
    if any(word in part for word in THORACIC) and "SPINE" not in part:
        return "chest"
    words = chain.from_iterable((word, word.removesuffix("S")) for word in _text(part))
    other = any(word.endswith(OTHER_PARTS) or SHORT_PART.fullmatch(word) for word in words)
    return "other" if other else ""


def _text(code: str) -> list[str]:
    """The words of a code that a maker wrote as text: of `HAND/WRIST_L`, `HAND`, `WRIST`, `L`."""
    return re.findall(r"[^\W\d_]+", code)


def _directions(header: Dataset) -> list[str]:
    """First letters of PatientOrientation: for `['LH', 'F']`, `['L', 'F']`."""
    return [direction[:1] for direction in Tags(header).words("PatientOrientation")]


def _orientation(header: Dataset) -> Orientation:
    directions = _directions(header)
    if len(directions) != 2 or not SIDES.issuperset(directions):
        return ""
    return LIES.get((directions[0], directions[1]), "turned")


def pixel_aspect(header: Dataset, most: float) -> float:
    """How many times as high as wide a pixel is; 1 if no tag says.

    Args:
        header: of the film.
        most: times that a pixel may be as long one way as the other; a tag that says more is
            wrong, and not believed.
    """
    for keyword in PIXEL_SHAPES:
        down, across, *_ = (*Tags(header).numbers(keyword), None, None)
        if down and across and 1 / most <= down / across <= most:
            return down / across
    return 1.0


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
