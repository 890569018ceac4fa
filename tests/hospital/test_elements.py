"""Data sets walked by the heads of their elements, whole, cut off, and made to harm."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import pytest
from pydicom.tag import Tag

from results import Case

pytest.importorskip("highdicom", reason="the extra hospital is not installed")

from tbspot.hospital import results_of
from tbspot.hospital.elements import MOST_ELEMENTS, is_whole, tags_of
from tbspot.hospital.result_files import read_result

PIXELS = int(Tag("PixelData"))
ENDLESS = 0xFFFFFFFF


def _long(tag: int, kind: bytes, length: int, value: bytes = b"") -> bytes:
    return struct.pack("<HH2sHL", tag >> 16, tag & 0xFFFF, kind, 0, length) + value


def _plain(tag: int, length: int, value: bytes = b"") -> bytes:
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, length) + value


ITEM, ITEM_END, SEQUENCE_END = (
    lambda length, value=b"": _plain(0xFFFEE000, length, value),
    _plain(0xFFFEE00D, 0),
    _plain(0xFFFEE0DD, 0),
)
NUMBER = struct.pack("<HH2sH", 0x0010, 0x0020, b"LO", 2) + b"P1"
# A sequence without stated lengths in another, and items of an unknown one, which are implicit.
NESTED = (
    _long(0x00081140, b"SQ", ENDLESS)
    + ITEM(ENDLESS)
    + _long(0x00081199, b"SQ", ENDLESS)
    + ITEM(10, NUMBER)
    + SEQUENCE_END
    + ITEM_END
    + SEQUENCE_END
)
UNKNOWN = (
    _long(0x00091001, b"UN", ENDLESS)
    + ITEM(ENDLESS)
    # Of a length whose bytes are letters.
    + _plain(0x00100020, 0x4141, b"x" * 0x4141)
    + ITEM_END
    + SEQUENCE_END
)
ENCAPSULATED = _long(PIXELS, b"OB", ENDLESS) + ITEM(0) + ITEM(4, b"\xff\xd8\xff\xd9") + SEQUENCE_END
WHOLE = NESTED + UNKNOWN + NUMBER + ENCAPSULATED
# The same with items that state representations, one of which holds items that state none.
STATED = UNKNOWN.replace(UNKNOWN[20:-16], NUMBER + UNKNOWN + NUMBER)


def _tags(content: bytes) -> list[int]:
    return list(tags_of(io.BytesIO(content), little=True))


def test_tags_of_items_are_left_out_and_those_of_the_data_set_are_in_order() -> None:
    assert _tags(WHOLE) == [0x00081140, 0x00091001, 0x00100020, PIXELS]
    implicit = _plain(0x00100020, 2, b"P1") + _plain(PIXELS, 4, b"1234")
    assert _tags(implicit) == [0x00100020, PIXELS]


def test_a_data_set_that_is_cut_off_anywhere_is_not_whole() -> None:
    assert is_whole(io.BytesIO(WHOLE), PIXELS, little=True)
    for length in range(len(WHOLE)):
        assert not is_whole(io.BytesIO(WHOLE[:length]), PIXELS, little=True)


def test_items_of_an_unknown_representation_may_state_theirs() -> None:
    assert _tags(STATED + NUMBER + ENCAPSULATED) == [0x00091001, 0x00100020, PIXELS]
    assert is_whole(io.BytesIO(STATED + ENCAPSULATED), PIXELS, little=True)
    assert not is_whole(io.BytesIO(STATED[:-16] + ENCAPSULATED), PIXELS, little=True)


@pytest.mark.parametrize("representation", [b"??", b"\0\0", b"lo"])
def test_an_element_of_an_illegal_representation_may_be_walked(representation: bytes) -> None:
    odd = struct.pack("<HH2sH", 0x0019, 0x1010, representation, 4) + b"AAAA"
    assert is_whole(io.BytesIO(NUMBER + odd + ENCAPSULATED), PIXELS, little=True)
    assert not is_whole(io.BytesIO(NUMBER + odd + ENCAPSULATED[:-1]), PIXELS, little=True)
    implicit = _plain(0x00191010, 4, b"AAAA")
    assert is_whole(io.BytesIO(NUMBER + implicit + ENCAPSULATED), PIXELS, little=True)
    assert not is_whole(io.BytesIO(NUMBER + odd + implicit + ENCAPSULATED), PIXELS, little=True)


@pytest.mark.parametrize(
    "behind",
    [bytes(1 << 20), SEQUENCE_END, ITEM_END, ITEM(0), b"REST OF A DISK" * 20, NUMBER[:-1],
     NESTED[:-8]],
)  # fmt: skip
@pytest.mark.parametrize("pixels", [ENCAPSULATED, _long(PIXELS, b"OW", 4, b"1234")])
def test_what_stands_behind_the_last_element_is_not_judged(pixels: bytes, behind: bytes) -> None:
    assert is_whole(io.BytesIO(NUMBER + pixels + behind), PIXELS, little=True)
    assert not is_whole(io.BytesIO(NUMBER + pixels[:-1]), PIXELS, little=True)


@pytest.mark.parametrize(
    "content", [SEQUENCE_END, ITEM_END, ITEM(0), NESTED[:12] + NUMBER, NESTED[:12] + ITEM_END]
)
def test_items_where_none_may_be_are_not_walked(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"item|sequence"):
        _tags(content)


@pytest.mark.parametrize("nested", [b"", NESTED[:12] + ITEM(ENDLESS)])
def test_elements_without_number_are_not_walked_to_their_end(nested: bytes) -> None:
    with pytest.raises(ValueError, match="more elements"):
        _tags(nested + NUMBER[:6] + b"\0\0" + (NUMBER[:6] + b"\0\0") * MOST_ELEMENTS)


@pytest.mark.parametrize("kind", ["sc", "seg", "sr"])
def test_a_result_that_is_cut_off_anywhere_is_none(case: Case, tmp_path: Path, kind: Any) -> None:
    made = results_of([kind], *case.arguments)[kind]
    path = tmp_path / "result.dcm"
    made.save_as(path, enforce_file_format=True)
    whole = path.read_bytes()
    assert read_result(path) is not None
    # Every place near both ends, and some between.
    places = {*range(0, 200, 7), *range(200, len(whole), len(whole) // 40)}
    for length in sorted(places | set(range(len(whole) - 30, len(whole)))):
        path.write_bytes(whole[:length])
        assert read_result(path) is None, length
    del made.SOPInstanceUID
    made.save_as(path)
    assert read_result(path) is None
