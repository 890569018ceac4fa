"""Text of a DICOM header: decoded, and valid by the standard (PS3.5 6.2), or none.

Takes a header and a keyword; gives the text. Which tags are asked for, and what follows where text
is not valid, is left to source.py.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from pydicom.charset import python_encoding
from pydicom.config import RAISE
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.valuerep import validate_value

__all__ = ["text_of"]

# PS3.3 C.7.1.1: the only values that the standard has.
SEXES = ("M", "F", "O")
# The default repertoire (PS3.5 6.1.2.1).
ASCII_SETS = ("", "ISO_IR 6", "ISO 2022 IR 6")
# A byte beyond it where no escape sequence has called another set: each part of a value begins
# with the first one, and one sequence goes back to it (PS3.5 6.1.2.5.3).
BEYOND_ASCII = re.compile(rb"(?:\A|[\\^=\r\n\t\f]|\x1b\(B)[^\x1b]*[\x80-\xff]")

# Which pydicom leaves in text of the set that it calls (PS3.5 annex K).
CHINESE, CALLS_CHINESE = "ISO 2022 IR 58", "\x1b$)A"
# Whose backslash is a yen sign and whose tilde an overline (JIS X 0201); pydicom keeps the bytes.
JAPANESE_SETS = ("ISO_IR 13", "ISO 2022 IR 13")
NOT_JAPANESE = ("\\", "~")
# Family, given and middle name, prefix and suffix (PS3.5 6.2); pydicom takes more.
NAME_PARTS = 5


def text_of(header: Dataset, keyword: str) -> str | None:
    """A tag's text, empty where there is none; `None` where what stands there is not valid.

    Args:
        header: with its character set, as pydicom reads it.
        keyword: of a tag that has one value.
    """
    # Its bytes, before they are decoded.
    raw = getattr(header.get_item(keyword), "value", None)
    value = header.get(keyword)
    if value is None or (isinstance(value, MultiValue) and not value):
        return ""
    # Several values, or a tag of another kind than the standard's.
    if isinstance(value, MultiValue | Dataset | bytes | list):
        return None
    text, sets = str(value).strip(" \0"), _character_sets(header)
    if CHINESE in sets:
        text = text.replace(CALLS_CHINESE, "")
    return text if _is_valid(text, keyword) and _is_known(text, sets, raw) else None


def _is_valid(text: str, keyword: str) -> bool:
    representation = dictionary_VR(keyword)
    if keyword == "PatientSex" and text and text not in SEXES:
        return False
    # A range of dates is for asking archives only.
    if representation in ("DA", "TM") and "-" in text:
        return False
    if representation == "PN" and any(group.count("^") >= NAME_PARTS for group in text.split("=")):
        return False
    if "\\" in text or "\N{REPLACEMENT CHARACTER}" in text or _has_control(text):
        return False
    try:
        validate_value(representation, text, RAISE)
    except ValueError:
        return False
    return True


def _has_control(text: str) -> bool:
    return any(unicodedata.category(character) in ("Cc", "Cs") for character in text)


def _character_sets(header: Dataset) -> list[str]:
    sets: Any = header.get("SpecificCharacterSet") or ""
    return [sets] if isinstance(sets, str) else list(sets)


def _is_known(text: str, sets: list[str], raw: Any) -> bool:
    """Whether the film says what the letters of a value are (PS3.3 C.12.1.1.2).

    Where it names no character set, or ASCII first, bytes beyond it have no meaning, and pydicom
    takes them for Latin 1.
    """
    if any(one in JAPANESE_SETS for one in sets) and any(one in text for one in NOT_JAPANESE):
        return False
    if text.isascii():
        return True
    if not all(one in python_encoding for one in sets):
        return False
    if sets[0] not in ASCII_SETS:
        return True
    return len(sets) > 1 and isinstance(raw, bytes) and not BEYOND_ASCII.search(raw)
