"""An optional tag never spoils a film: it is set aside by name, and the film read without it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from readers import read_dicom_file
from tbspot.images import read_with_facts
from tbspot.images.tags import Tags

WriteDicom = Callable[..., Path]

WINDOW = {"BitsStored": 12, "WindowCenter": 2048, "WindowWidth": 4096}
RESCALE = {"RescaleSlope": 1, "RescaleIntercept": 0}


def _raw(keyword: str, representation: str, value: bytes) -> RawDataElement:
    tag = Tag(keyword)
    return RawDataElement(tag, representation, len(value), value, 0, False, True)


def _with(path: Path, keyword: str, representation: str, value: bytes) -> Path:
    dataset = pydicom.dcmread(path)
    dataset[Tag(keyword)] = _raw(keyword, representation, value)
    dataset.save_as(path)
    return path


@pytest.mark.parametrize(
    ("keyword", "representation", "value"),
    [
        ("RescaleSlope", "DS", b"PLANTED "),
        ("RescaleSlope", "DS", b"0 "),
        ("RescaleSlope", "DS", b"nan "),
        ("RescaleSlope", "DS", b"1e40"),
        ("RescaleSlope", "DS", b"1e-300"),
        ("RescaleSlope", "DS", b""),
        ("RescaleSlope", "OB", b"\1\2"),
        ("RescaleIntercept", "DS", b"PLANTED "),
        ("PixelPaddingValue", "OW", b"\0\0"),
        ("PixelPaddingValue", "US", b""),
        ("PixelPaddingRangeLimit", "LO", b"PLANTED "),
        ("PresentationLUTShape", "CS", b"PLANTED "),
        ("PresentationLUTShape", "US", b"\1\0"),
        ("VOILUTFunction", "CS", b"PLANTED "),
        ("VOILUTFunction", "OB", b"\1\2"),
        ("VOILUTSequence", "OB", b"\1\2"),
        ("VOILUTSequence", "SQ", b""),
        ("ModalityLUTSequence", "SQ", b""),
    ],
)
def test_an_unusable_optional_tag_is_set_aside_and_named(
    write_dicom: WriteDicom,
    twelve_bits: NDArray[np.uint16],
    keyword: str,
    representation: str,
    value: bytes,
) -> None:
    tags = WINDOW | RESCALE
    tags |= {"PixelPaddingValue": 5000} if keyword == "PixelPaddingRangeLimit" else {}
    film = read_dicom_file(_with(write_dicom(twelve_bits, **tags), keyword, representation, value))
    np.testing.assert_allclose(film.pixels, twelve_bits / 4095, atol=1e-6)
    title = pydicom.datadict.dictionary_description(keyword)
    assert title in film.facts.faults
    assert any(title in sentence for sentence in film.facts.corrections)
    assert "PLANTED" not in repr(film.facts)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("WindowCenter", b""),
        ("WindowCenter", b"PLANTED "),
        ("WindowCenter", b"1e9 "),
        ("WindowWidth", b"0 "),
        ("WindowWidth", b"-5"),
        ("WindowWidth", b"inf "),
    ],
)
def test_an_unusable_window_is_as_good_as_none(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], keyword: str, value: bytes
) -> None:
    none = read_dicom_file(write_dicom(twelve_bits, BitsStored=12)).pixels
    film = read_dicom_file(_with(write_dicom(twelve_bits, **WINDOW), keyword, "DS", value))
    np.testing.assert_array_equal(film.pixels, none)
    assert {"Window Center", "Window Width"} & set(film.facts.faults)


@pytest.mark.parametrize(
    ("keyword", "value", "said"),
    [
        ("WindowCenter", b"2048,0\\100,0", "a comma in Window Center"),
        ("WindowCenter", b"\\2048 ", "Window Center holds a value that is no number"),
        ("RescaleSlope", b"1,0 ", "a comma in Rescale Slope"),
        ("RescaleSlope", b"1\\1 ", ""),
        ("PixelPaddingValue", b"\x88\x13\xff\xff", ""),
    ],
)
def test_a_tag_that_can_be_understood_is_used(
    write_dicom: WriteDicom,
    twelve_bits: NDArray[np.uint16],
    keyword: str,
    value: bytes,
    said: str,
) -> None:
    path = write_dicom(twelve_bits, **WINDOW, **RESCALE)
    representation = "US" if keyword == "PixelPaddingValue" else "DS"
    film = read_dicom_file(_with(path, keyword, representation, value))
    np.testing.assert_allclose(film.pixels, twelve_bits / 4095, atol=1e-6)
    assert film.facts.faults == ()
    assert " ".join(film.facts.corrections).startswith(said)


@pytest.mark.parametrize("item", [Dataset(), None])
def test_a_voi_table_without_entries_leaves_the_window(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], item: Dataset | None
) -> None:
    if item is None:
        item = Dataset()
        item.LUTDescriptor = [4096, 0, 12]
    film = read_dicom_file(write_dicom(twelve_bits, **WINDOW, VOILUTSequence=[item]))
    np.testing.assert_allclose(film.pixels, twelve_bits / 4095, atol=1e-6)
    assert film.facts.faults == ("VOI LUT Sequence",)


@pytest.mark.parametrize(
    ("keyword", "value", "inverted"),
    [
        ("PhotometricInterpretation", b" MONOCHROME1", True),
        ("PresentationLUTShape", b" INVERSE", True),
        ("PresentationLUTShape", b" IDENTITY ", False),
        ("VOILUTFunction", b" LINEAR_EXACT ", False),
    ],
)
def test_spaces_before_a_code_do_not_count(
    write_dicom: WriteDicom,
    twelve_bits: NDArray[np.uint16],
    keyword: str,
    value: bytes,
    inverted: bool,
) -> None:
    film = read_dicom_file(_with(write_dicom(twelve_bits, **WINDOW), keyword, "CS", value))
    right = twelve_bits / 4095
    np.testing.assert_allclose(film.pixels, 1 - right if inverted else right, atol=3e-4)
    assert film.facts.faults == ()


@pytest.mark.parametrize("function", ["LINEAR", ""])
def test_a_linear_window_below_one_is_read_as_an_exact_one_and_told(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], function: str
) -> None:
    tags = {"RescaleSlope": 0.0002, "RescaleIntercept": 0, "WindowCenter": 0.4095,
            "WindowWidth": 0.819, "VOILUTFunction": function}  # fmt: skip
    film = read_dicom_file(write_dicom(twelve_bits, BitsStored=12, **tags))
    np.testing.assert_allclose(film.pixels, twelve_bits / 4095, atol=1e-5)
    assert film.facts.corrections == (
        "a LINEAR window below 1 is not allowed: it was read as LINEAR_EXACT",
    )


def test_padding_that_covers_the_film_is_no_padding(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16]
) -> None:
    path = write_dicom(twelve_bits, **WINDOW, PixelPaddingValue=0, PixelPaddingRangeLimit=4095)
    film = read_dicom_file(path)
    np.testing.assert_allclose(film.pixels, twelve_bits / 4095, atol=1e-6)
    assert film.facts.faults == ("Pixel Padding Value",)


def test_padding_of_a_signed_film_is_signed_whatever_its_type(write_dicom: WriteDicom) -> None:
    values = np.full((8, 8), 100, np.int16)
    values[0] = -2000
    path = write_dicom(values, WindowCenter=100, WindowWidth=401)
    film = read_dicom_file(_with(path, "PixelPaddingValue", "US", (63536).to_bytes(2, "little")))
    assert (film.pixels[0] == 0).all()
    assert (film.pixels[1:] > 0.4).all()


@pytest.mark.parametrize(
    "missing", ["PhotometricInterpretation", "PixelRepresentation", "SamplesPerPixel"]
)
def test_a_tag_that_must_be_there_and_is_not_is_taken_as_most_films_have_it(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], missing: str
) -> None:
    path = write_dicom(twelve_bits, **WINDOW)
    dataset = pydicom.dcmread(path)
    del dataset[missing]
    dataset.save_as(path)
    np.testing.assert_allclose(read_dicom_file(path).pixels, twelve_bits / 4095, atol=1e-6)


@pytest.mark.parametrize(
    ("code", "inverted", "said"),
    [
        ("MONOCHROME", False, True),
        ("MONOCHROME_2", False, False),
        ("MONOCHROME 1", True, False),
        ("RGB", False, True),
        ("YBR_FULL_422", False, True),
        ("GREYSCALE", False, True),
    ],
)
def test_one_sample_is_grey_with_its_window_whatever_the_code_says(
    write_dicom: WriteDicom,
    twelve_bits: NDArray[np.uint16],
    code: str,
    inverted: bool,
    said: bool,
) -> None:
    film = read_dicom_file(write_dicom(twelve_bits, PhotometricInterpretation=code, **WINDOW))
    right = twelve_bits / 4095
    np.testing.assert_allclose(film.pixels, 1 - right if inverted else right, atol=1e-6)
    told = "the photometric interpretation is not that of one sample: read as MONOCHROME2"
    assert film.facts.corrections == ((told,) if said else ())


def test_colours_that_do_not_say_how_many_they_are_are_three(write_dicom: WriteDicom) -> None:
    colours = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    path = write_dicom(colours, PhotometricInterpretation="RGB")
    wanted = read_dicom_file(path).pixels
    dataset = pydicom.dcmread(path)
    dataset.SamplesPerPixel = None
    dataset.save_as(path)
    film = read_dicom_file(path)
    np.testing.assert_array_equal(film.pixels, wanted)
    assert "no samples per pixel in the file: read as 3" in film.facts.corrections


@pytest.mark.parametrize(
    "keyword", ["ViewCodeSequence", "PatientOrientation", "PatientAge", "BodyPartExamined"]
)
def test_a_fact_that_cannot_be_read_says_nothing(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], keyword: str
) -> None:
    film = read_dicom_file(_with(write_dicom(twelve_bits, **WINDOW), keyword, "OB", b"PLANTED "))
    assert (film.facts.view, film.facts.orientation, film.facts.age) == ("", "", None)


def test_what_was_set_aside_is_told_by_the_decoding_process_too(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16]
) -> None:
    path = _with(write_dicom(twelve_bits, **WINDOW), "VOILUTFunction", "CS", b"PLANTED ")
    assert read_with_facts(path).facts == read_dicom_file(path).facts


def test_numbers_words_and_items_of_a_header() -> None:
    header: Any = Dataset()
    header.WindowCenter = [1, 2]
    header.Modality = " DX "
    header.VOILUTSequence = [Dataset(), Dataset()]
    header.VOILUTSequence[1].LUTDescriptor = [1, 2, 3]
    tags = Tags(header)
    assert tags.numbers("WindowCenter") == (1, 2)
    assert tags.number("WindowWidth") is None
    assert tags.word("Modality") == "DX"
    assert tags.item("VOILUTSequence") is header.VOILUTSequence[1]
    assert (tags.faults, tags.corrections) == ([], [])
