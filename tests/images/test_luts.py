"""Look-up tables whose entries have another width, order or type than their descriptor says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom.uid
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from readers import read_dicom_file
from tbspot.images.luts import read_lut
from tbspot.images.tags import Tags

WriteDicom = Callable[..., Path]


def _table(descriptor: list[int], representation: str, data: Any) -> Dataset:
    table = Dataset()
    table.add_new("LUTDescriptor", "SS" if min(descriptor, default=0) < 0 else "US", descriptor)
    table.add_new("LUTData", representation, data)
    return table


def _entries(table: Dataset, *, little: bool = True, **how: Any) -> tuple[list[int], int, int]:
    names = ("LUTDescriptor", "LUTData")
    tags = Tags(Dataset())
    found = read_lut(table, names, little=little, signed=False, tags=tags, title="VOI LUT", **how)
    assert found is not None
    assert bool(tags.corrections) == (found.bits != table.LUTDescriptor[2])
    return found.entries.tolist(), found.first, found.bits


def _ramp(count: int, kind: str) -> bytes:
    return np.arange(count).astype(kind).tobytes()


@pytest.mark.parametrize(
    ("representation", "data", "little"),
    [
        ("US", list(range(256)), True),
        ("SS", list(range(256)), True),
        ("OW", _ramp(256, "<u2"), True),
        ("OW", _ramp(256, ">u2"), False),
        ("OW", _ramp(256, "u1"), True),
        ("OB", _ramp(256, "u1"), True),
        ("OB", _ramp(256, "u1"), False),
        ("OW", np.arange(256, dtype="u1").view("u2").byteswap().tobytes(), False),
        ("US", np.arange(256, dtype="u1").view("<u2").tolist(), True),
        ("US", np.arange(256, dtype="u1").view("<u2").tolist(), False),
    ],
)
def test_entries_are_as_wide_as_the_data_has_room_for(
    representation: str, data: Any, little: bool
) -> None:
    table = _table([256, 0, 8], representation, data)
    assert _entries(table, little=little) == (list(range(256)), 0, 8)


def test_entries_in_ss_are_unsigned() -> None:
    wrapped = (np.arange(16) * 4096 + 4095).astype(np.uint16)
    table = _table([16, 0, 16], "SS", wrapped.view(np.int16).tolist())
    assert _entries(table) == (wrapped.tolist(), 0, 16)


@pytest.mark.parametrize(("said", "held"), [(16, 14), (16, 8), (12, 16), (0, 12), (10, 10)])
def test_the_bits_of_entries_are_those_that_hold_them(said: int, held: int) -> None:
    most = 2**held - 1
    assert _entries(_table([3, 0, said], "US", [0, 1, most])) == ([0, 1, most], 0, held)


@pytest.mark.parametrize(("most", "bits"), [(200, 8), (255, 8), (256, 16), (65535, 16)])
def test_a_palette_has_entries_of_8_or_16_bits(most: int, bits: int) -> None:
    table = _table([3, 0, bits], "US", [0, 1, most])
    assert _entries(table, whole_bytes=True)[2] == bits


@pytest.mark.parametrize(
    "table",
    [
        Dataset(),
        _table([4, 0, 8], "US", []),
        _table([4, 0], "US", [1]),
        _table([], "US", [0, 1, 2, 3]),
    ],
)
def test_a_table_that_holds_none_is_none(table: Dataset) -> None:
    names = ("LUTDescriptor", "LUTData")
    tags = Tags(Dataset())
    assert read_lut(table, names, little=True, signed=False, tags=tags, title="VOI LUT") is None


@pytest.mark.parametrize(
    ("first", "written", "signed"),
    [(-1000, 64536, True), (40000, -25536, False), (-1000, -1000, True), (40000, 40000, False)],
)
def test_the_first_value_mapped_is_signed_as_the_input_is(
    first: int, written: int, signed: bool
) -> None:
    table = _table([4, written, 8], "US", [0, 1, 2, 255])
    names = ("LUTDescriptor", "LUTData")
    found = read_lut(
        table, names, little=True, signed=signed, tags=Tags(Dataset()), title="VOI LUT"
    )
    assert found is not None
    assert found.first == first
    values = np.array([first - 1, first, first + 2, first + 9])
    assert found.look_up(values).tolist() == [0, 0, 2, 255]


@pytest.mark.parametrize("little", [True, False])
@pytest.mark.parametrize("kind", ["VOI", "Modality"])
def test_a_table_of_words_has_the_file_s_order(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], little: bool, kind: str
) -> None:
    table = _table([4096, 0, 12], "OW", _ramp(4096, "<u2" if little else ">u2"))
    window = {"WindowCenter": 2048, "WindowWidth": 4096} if kind == "Modality" else {}
    path = write_dicom(
        twelve_bits,
        syntax=pydicom.uid.ExplicitVRLittleEndian if little else pydicom.uid.ExplicitVRBigEndian,
        BitsStored=12,
        **{f"{kind}LUTSequence": [table], **window},
    )
    film = read_dicom_file(path)
    np.testing.assert_allclose(film.pixels, twelve_bits / 4095, atol=1e-6)
    assert film.facts.corrections == ()


@pytest.mark.parametrize(("bits", "factor"), [(8, 1), (16, 257), (16, 1)])
@pytest.mark.parametrize("little", [True, False])
def test_a_palette_in_words_is_read(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], bits: int, factor: int, little: bool
) -> None:
    values = (twelve_bits >> 4).astype(np.uint8)
    data = (np.arange(256) * factor).astype("<u2" if little else ">u2").tobytes()
    syntax = pydicom.uid.ExplicitVRLittleEndian if little else pydicom.uid.ExplicitVRBigEndian
    path = write_dicom(values, syntax=syntax, PhotometricInterpretation="PALETTE COLOR")
    dataset = pydicom.dcmread(path)
    for number in (1, 2, 3):
        dataset.add_new(0x00281100 + number, "US", [256, 0, bits])
        dataset.add_new(0x00281200 + number, "OW", data)
    dataset.save_as(path)
    np.testing.assert_allclose(read_dicom_file(path).pixels, values / 255, atol=1e-6)


@pytest.mark.parametrize("most", [4095, 65535])
def test_no_table_takes_a_film_out_of_its_range(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], most: int
) -> None:
    entries = (np.arange(4096) * (most // 4095)).astype(int).tolist()
    path = write_dicom(
        twelve_bits, BitsStored=12, VOILUTSequence=[_table([4096, 0, 10], "US", entries)]
    )
    film = read_dicom_file(path).pixels
    assert 0 <= film.min() < 0.1
    assert 0.9 < film.max() <= 1
