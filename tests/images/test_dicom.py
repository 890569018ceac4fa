from __future__ import annotations

import base64
import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom.config
import pydicom.uid
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.pixels.encoders.base import get_encoder

from readers import read_dicom_file
from tbspot.errors import TbspotError
from tbspot.images import dicom, read_pixels, read_with_facts

WriteDicom = Callable[..., Path]

# 16 x 16, value 255 y + 17 x, encoded losslessly by OpenJPH 0.26 (imagecodecs 2026.3.6).
HTJ2K_FRAME = base64.b64decode(
    "/0//UQApQAAAAAAQAAAAEAAAAAAAAAAAAAAAEAAAABAAAAAAAAAAAAABDwEB/1AACAACAAAACv9SAAwAAgABAAUEBEAB"
    "/1wAEyCIkJCQkJCQkJCQkJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAH8AAf+TwAAmR/YFB3QA"
    "AMAAEsAAEwA2AYd0ADTyA4d0AMAAE0AAE4AazQECdAAWaZEAw1QAwAAVEAAFYIqiKKpwgnUAetRDDz3+wFKB7LYAwAAr"
    "YAAWkAAAAAAA58p6enACeAD8+fn5+fn5+f2MYHv2MYHsugD/2Q=="
)
FULL_WINDOW = {"BitsStored": 12, "WindowCenter": 2048, "WindowWidth": 4096}


def _by_gdcm(path: Path, syntax: str) -> Path:
    """The file in another syntax, by GDCM's own encoder."""
    import gdcm

    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(syntax)))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    written = path.with_name("by_gdcm.dcm")
    writer.SetFileName(str(written))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    return written


def _by_pillow(values: NDArray[np.uint16], *, lossless: bool) -> bytes:
    frame = io.BytesIO()
    settings: dict[str, Any] = {} if lossless else {"quality_layers": [10]}
    Image.fromarray(values).save(
        frame, "JPEG2000", irreversible=not lossless, no_jp2=True, **settings
    )
    return frame.getvalue()


@pytest.mark.parametrize(
    "syntax",
    [
        pydicom.uid.ImplicitVRLittleEndian,
        pydicom.uid.ExplicitVRLittleEndian,
        pydicom.uid.DeflatedExplicitVRLittleEndian,
        pydicom.uid.ExplicitVRBigEndian,
    ],
    ids=lambda syntax: syntax.keyword,
)
def test_an_uncompressed_film_is_its_values(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], syntax: str
) -> None:
    film = read_pixels(write_dicom(twelve_bits, syntax=syntax, **FULL_WINDOW))
    np.testing.assert_allclose(film, twelve_bits / 4095, atol=1e-6)


@pytest.mark.parametrize(
    "syntax",
    [
        pydicom.uid.RLELossless,
        pydicom.uid.JPEGLossless,
        pydicom.uid.JPEGLosslessSV1,
        pydicom.uid.JPEGLSLossless,
        pydicom.uid.JPEG2000Lossless,
    ],
    ids=lambda syntax: syntax.keyword,
)
def test_a_losslessly_compressed_film_is_its_values(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], syntax: str
) -> None:
    path = _by_gdcm(write_dicom(twelve_bits, **FULL_WINDOW), syntax)
    assert pydicom.dcmread(path).file_meta.TransferSyntaxUID == syntax
    np.testing.assert_allclose(read_pixels(path), twelve_bits / 4095, atol=1e-6)


def test_jpeg_2000_by_another_encoder_is_its_values(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16]
) -> None:
    frame = _by_pillow(twelve_bits, lossless=True)
    path = write_dicom(twelve_bits, syntax=pydicom.uid.JPEG2000Lossless, frame=frame, **FULL_WINDOW)
    np.testing.assert_allclose(read_pixels(path), twelve_bits / 4095, atol=1e-6)


@pytest.mark.parametrize(
    "syntax",
    [pydicom.uid.HTJ2K, pydicom.uid.HTJ2KLossless, pydicom.uid.HTJ2KLosslessRPCL],
    ids=lambda syntax: syntax.keyword,
)
def test_high_throughput_jpeg_2000_is_its_values(write_dicom: WriteDicom, syntax: str) -> None:
    y, x = np.mgrid[:16, :16]
    values = (255 * y + 17 * x).astype(np.uint16)
    path = write_dicom(
        values,
        syntax=syntax,
        frame=HTJ2K_FRAME,
        BitsStored=16,
        WindowCenter=32768,
        WindowWidth=65536,
    )
    np.testing.assert_allclose(read_pixels(path), values / 65535, atol=1e-6)


def test_a_lossy_jpeg_2000_is_near_its_values(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16]
) -> None:
    frame = _by_pillow(twelve_bits, lossless=False)
    path = write_dicom(twelve_bits, syntax=pydicom.uid.JPEG2000, frame=frame, **FULL_WINDOW)
    assert np.abs(read_pixels(path) - twelve_bits / 4095).mean() < 0.02


def test_a_near_lossless_jpeg_ls_is_within_its_error(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16]
) -> None:
    encoder = get_encoder(pydicom.uid.JPEGLSNearLossless)
    frame = encoder.encode(
        twelve_bits,
        rows=twelve_bits.shape[0],
        columns=twelve_bits.shape[1],
        samples_per_pixel=1,
        bits_allocated=16,
        bits_stored=12,
        pixel_representation=0,
        photometric_interpretation="MONOCHROME2",
        number_of_frames=1,
        jls_error=3,
        encoding_plugin="pyjpegls",
    )
    path = write_dicom(
        twelve_bits, syntax=pydicom.uid.JPEGLSNearLossless, frame=frame, **FULL_WINDOW
    )
    assert np.abs(read_pixels(path) - twelve_bits / 4095).max() <= 3 / 4095 + 1e-6


def test_a_jpeg_baseline_is_read_as_pillow_reads_the_jpeg(
    write_jpeg_dicom: Callable[[NDArray[np.uint8]], Path], film_path: Path, tmp_path: Path
) -> None:
    values = np.asarray(Image.open(film_path))
    Image.fromarray(values).save(tmp_path / "film.jpg", quality=95)
    np.testing.assert_array_equal(
        read_pixels(write_jpeg_dicom(values)), read_pixels(tmp_path / "film.jpg")
    )


@pytest.mark.parametrize("enough", [None, 64])
def test_a_jpeg_has_no_sign_whatever_its_tag_says(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], enough: int | None
) -> None:
    values = (twelve_bits >> 4).astype(np.uint8)
    tags = {"syntax": pydicom.uid.JPEGBaseline8Bit, "frame": _jpeg(values)}
    right = read_dicom_file(write_dicom(values, **tags), enough)
    film = read_dicom_file(write_dicom(values, PixelRepresentation=1, **tags), enough)
    np.testing.assert_array_equal(film.pixels, right.pixels)
    said = "values of JPEG have no sign, whatever Pixel Representation says"
    assert (*right.facts.corrections, said) == film.facts.corrections


def test_a_jpeg_extended_of_12_bits_is_read_as_libjpeg_turbo_reads_it() -> None:
    film = read_with_facts(Path(str(get_testdata_file("JPGExtended.dcm"))))
    assert film.pixels.shape == (1024, 256)
    # imagecodecs 2026.3.6, cut between its 0.5 and 99.5 percentile.
    assert float(film.pixels.mean(dtype=np.float64)) == pytest.approx(0.12680405, abs=1e-7)


def test_values_above_the_bits_stored_are_ignored(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16]
) -> None:
    with_overlay = twelve_bits | ((twelve_bits % 5 == 0).astype(np.uint16) << 14)
    film = read_dicom_file(write_dicom(with_overlay, **FULL_WINDOW))
    np.testing.assert_allclose(film.pixels, twelve_bits / 4095, atol=1e-6)


def test_colour_becomes_luma_and_says_so(write_dicom: WriteDicom) -> None:
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    film = read_dicom_file(write_dicom(colours))
    np.testing.assert_allclose(film.pixels[0], [0.299, 0.587, 0.114, 1], atol=1e-6)
    assert film.facts.corrections == ("colour became grey",)


@pytest.mark.parametrize(
    ("tags", "inverted"),
    [
        ({"PhotometricInterpretation": "MONOCHROME1"}, True),
        ({"PhotometricInterpretation": "MONOCHROME2"}, False),
        ({"PresentationLUTShape": "INVERSE"}, False),
    ],
)
def test_grey_that_is_kept_as_three_samples_is_inverted_where_it_says_so(
    write_dicom: WriteDicom,
    twelve_bits: NDArray[np.uint16],
    tags: dict[str, Any],
    inverted: bool,
) -> None:
    values = np.stack([(twelve_bits >> 4).astype(np.uint8)] * 3, axis=-1)
    right = values[..., 0] / 255
    right = 1 - right if inverted else right
    np.testing.assert_allclose(
        read_dicom_file(write_dicom(values, **tags)).pixels, right, atol=1e-6
    )
    # A stream that says by itself that its samples are luma and colours.
    path = write_dicom(values, syntax=pydicom.uid.JPEGBaseline8Bit, frame=_jpeg(values), **tags)
    assert np.abs(read_dicom_file(path).pixels - right).mean() < 0.02


def _jpeg(values: NDArray[np.uint8], **settings: Any) -> bytes:
    frame = io.BytesIO()
    Image.fromarray(values).save(frame, "JPEG", quality=95, subsampling=0, **settings)
    return frame.getvalue()


TINT = np.array([0.5, 0.9, 1.0])


def _tinted(values: NDArray[np.uint16]) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A film on blue base, and its luma."""
    colours = ((values >> 4)[..., None] * TINT).astype(np.uint8)
    return colours, colours @ np.array([0.299, 0.587, 0.114]) / 255


@pytest.mark.parametrize("interpretation", ["YBR_RCT", "YBR_ICT"])
def test_unpacked_jpeg_2000_whose_tag_stayed_is_rgb(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], interpretation: str
) -> None:
    colours, luma = _tinted(twelve_bits)
    path = write_dicom(colours, PhotometricInterpretation=interpretation)
    np.testing.assert_allclose(read_dicom_file(path).pixels, luma, atol=1e-6)


@pytest.mark.parametrize("jfif", [False, True])
@pytest.mark.parametrize("interpretation", ["RGB", "YBR_FULL_422"])
def test_a_jpeg_with_adobe_s_mark_is_of_the_colours_that_the_mark_says(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], interpretation: str, jfif: bool
) -> None:
    colours, luma = _tinted(twelve_bits)
    stream = _jpeg(colours)
    behind = 2 if jfif else 2 + 2 + int.from_bytes(stream[4:6], "big")
    adobe = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\1"
    frame = stream[:2] + adobe + stream[behind:]
    path = write_dicom(colours, syntax=pydicom.uid.JPEGBaseline8Bit, frame=frame,
                       PhotometricInterpretation=interpretation)  # fmt: skip
    assert np.abs(read_dicom_file(path).pixels - luma).mean() < 0.01


def test_a_palette_is_applied(write_dicom: WriteDicom) -> None:
    values = np.array([[0, 1, 2, 3]], np.uint8)
    levels = [bytes((0, 100, 200, 255)), bytes((0, 100, 0, 255)), bytes((0, 100, 0, 255))]
    palette = {
        f"{name}PaletteColorLookupTable{part}": content
        for name, level in zip(("Red", "Green", "Blue"), levels, strict=True)
        for part, content in (("Descriptor", [4, 0, 8]), ("Data", level))
    }
    path = write_dicom(values, PhotometricInterpretation="PALETTE COLOR", **palette)
    expected = [0, 100 / 255, 0.299 * 200 / 255, 1]
    np.testing.assert_allclose(read_dicom_file(path).pixels[0], expected, atol=1e-6)


def test_a_file_without_preamble_is_read(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], tmp_path: Path
) -> None:
    path = write_dicom(twelve_bits, syntax=pydicom.uid.ImplicitVRLittleEndian, **FULL_WINDOW)
    whole = pydicom.dcmread(path)
    bare = tmp_path / "bare"
    with bare.open("wb") as file:
        pydicom.filewriter.write_dataset(
            pydicom.filebase.DicomFileLike(file), _little_implicit(whole)
        )
    np.testing.assert_allclose(read_pixels(bare), twelve_bits / 4095, atol=1e-6)


def _little_implicit(whole: pydicom.Dataset) -> pydicom.Dataset:
    dataset = pydicom.Dataset(whole)
    dataset.set_original_encoding(True, True)
    return dataset


@pytest.mark.parametrize("representation", [b"??", b"\0\0", b"lo"])
@pytest.mark.parametrize("length", [4, 300])
def test_an_element_of_an_illegal_representation_costs_no_film(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], representation: bytes, length: int
) -> None:
    path = write_dicom(twelve_bits, **FULL_WINDOW)
    content = path.read_bytes()
    place = content.index(struct.pack("<HH2s", 0x0028, 0x0002, b"US"))
    element = struct.pack("<HH2sH", 0x0019, 0x1010, representation, length) + b"A" * length
    mixed = struct.pack("<HHI", 0x0019, 0x1011, 4) + b"AAAA"
    for between in (element, mixed):
        path.write_bytes(content[:place] + between + content[place:])
        np.testing.assert_allclose(read_dicom_file(path).pixels, twelve_bits / 4095, atol=1e-6)
    path.write_bytes(content[:place] + mixed + element + content[place:])
    with pytest.raises(TbspotError, match="is a broken DICOM file; export it again"):
        read_dicom_file(path)
    assert pydicom.config.assume_implicit_vr_switch


def test_what_was_said_to_the_receiver_may_stand_before_a_bare_data_set(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16]
) -> None:
    path = write_dicom(twelve_bits, **FULL_WINDOW)
    content = path.read_bytes()
    bare = content[content.index(struct.pack("<HH2s", 0x0008, 0x0016, b"UI")) :]
    implicit = struct.pack("<HHIIHHIH", 0, 0, 4, 10, 0, 0x0100, 2, 1)
    for command in (implicit, struct.pack("<HH2sHI", 0, 0, b"UL", 4, 0)):
        path.write_bytes(command + bare)
        np.testing.assert_allclose(read_pixels(path), twelve_bits / 4095, atol=1e-6)


def test_more_than_one_frame_is_refused(write_dicom: WriteDicom) -> None:
    path = write_dicom(np.zeros((4, 4), np.uint8), NumberOfFrames=2)
    with pytest.raises(TbspotError, match=r"film\.dcm holds several frames; export the film alone"):
        read_pixels(path)


def test_one_frame_in_a_multi_frame_file_is_read(write_dicom: WriteDicom) -> None:
    values = np.arange(16, dtype=np.uint8).reshape(4, 4)
    np.testing.assert_allclose(
        read_dicom_file(write_dicom(values, NumberOfFrames=1)).pixels, values / 255, atol=1e-7
    )


def test_a_dicomdir_is_refused(write_dicom: WriteDicom) -> None:
    path = write_dicom(np.zeros((4, 4), np.uint8), SOPClassUID="1.2.840.10008.1.3.10")
    with pytest.raises(TbspotError, match="is a DICOM directory, not a film"):
        read_pixels(path)


def test_a_file_without_a_picture_is_refused() -> None:
    with pytest.raises(TbspotError, match="without a picture"):
        read_pixels(Path(str(get_testdata_file("rtplan.dcm"))))


@pytest.mark.parametrize("tags", [{"BitsAllocated": 32}, {"SamplesPerPixel": 4}])
def test_bits_and_samples_no_film_has_are_refused(
    write_dicom: WriteDicom, tags: dict[str, int]
) -> None:
    path = write_dicom(np.zeros((4, 4), np.uint16), BitsStored=12, **tags)
    with pytest.raises(TbspotError, match="not 1 or 3 of 8 or 16"):
        read_dicom_file(path)


@pytest.mark.parametrize("bits", [0, 17])
def test_bits_that_no_sample_has_are_refused(write_dicom: WriteDicom, bits: int) -> None:
    path = write_dicom(np.zeros((4, 4), np.uint16), BitsStored=bits, HighBit=11)
    with pytest.raises(TbspotError, match=rf"film\.dcm stores {bits} bits in 16; export it again"):
        read_dicom_file(path)


def test_a_film_of_too_many_pixels_is_refused_before_its_pixels_are_read(
    write_dicom: WriteDicom,
) -> None:
    path = write_dicom(np.zeros((4, 4), np.uint16), Rows=60000, Columns=60000)
    with pytest.raises(TbspotError, match="60000 x 60000 pixels"):
        read_dicom_file(path)


def test_fewer_pixels_than_the_tags_say_are_a_broken_file(write_dicom: WriteDicom) -> None:
    path = write_dicom(np.zeros((4, 4), np.uint16), Rows=8)
    with pytest.raises(TbspotError, match="is a broken DICOM file"):
        read_dicom_file(path)


def test_a_tag_that_holds_text_for_a_number_is_not_repeated(
    write_dicom: WriteDicom, tmp_path: Path
) -> None:
    content = write_dicom(np.zeros((4, 4), np.uint16), BitsStored=12).read_bytes()
    number = b"\x28\0\x00\x01US\x02\0\x10\0"
    assert content.count(number) == 1
    text = tmp_path / "text.dcm"
    text.write_bytes(content.replace(number, b"\x28\0\x00\x01LO\x0c\0PLANTED^NAME"))
    with pytest.raises(TbspotError, match="with broken tags") as caught:
        read_dicom_file(text)
    assert "PLANTED" not in str(caught.value)


def test_a_broken_tag_of_a_patient_is_a_broken_file(write_dicom: WriteDicom) -> None:
    path = write_dicom(np.zeros((4, 4), np.uint8), PatientBirthDate="20000101")
    content = path.read_bytes()
    assert content.count(b"\x10\0\x30\0DA") == 1
    path.write_bytes(content.replace(b"\x10\0\x30\0DA", b"\x10\0\x30\0D\xf0"))
    with pytest.raises(TbspotError, match="is a broken DICOM file"):
        read_dicom_file(path)


def test_a_missing_decoder_is_one_sentence_naming_syntax_and_package(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _by_gdcm(write_dicom(twelve_bits, **FULL_WINDOW), pydicom.uid.JPEGLosslessSV1)

    class WithoutPlugins:
        available_plugins = ()

    monkeypatch.setattr(dicom, "get_decoder", lambda _: WithoutPlugins)
    with pytest.raises(TbspotError, match=r"Lossless.*needs the package python-gdcm") as caught:
        read_dicom_file(path)
    assert "pip install python-gdcm" in str(caught.value)


@pytest.mark.parametrize("last", [b"100", b"199"], ids=["MPEG2", "unknown"])
def test_a_syntax_that_nothing_decodes_is_one_sentence(
    write_dicom: WriteDicom, last: bytes
) -> None:
    mpeg = pydicom.uid.MPEG2MPML
    path = write_dicom(np.zeros((4, 4), np.uint8), syntax=mpeg, frame=b"\0" * 8)
    path.write_bytes(path.read_bytes().replace(mpeg.encode(), mpeg[:-3].encode() + last))
    with pytest.raises(TbspotError, match="which tbspot does not read; export it uncompressed"):
        read_dicom_file(path)


def test_no_tag_of_a_patient_is_in_a_film_or_an_error(write_dicom: WriteDicom) -> None:
    values = np.zeros((4, 4), np.uint16)
    assert "PLANTED" not in repr(read_with_facts(write_dicom(values)))
    with pytest.raises(TbspotError) as caught:
        read_with_facts(write_dicom(values, Rows=9, WindowCenter=1, WindowWidth=2))
    assert "PLANTED" not in str(caught.value)
