"""Stored values have Bits Stored bits, whichever decoder gave them and whatever the file says."""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom.uid
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import UID

from readers import read_dicom_file
from tbspot.errors import TbspotError
from tbspot.images import read_with_facts
from tbspot.images.dicom import read_dicom
from tbspot.images.frames import within_bits

WriteDicom = Callable[..., Path]

FULL_WINDOW = {"BitsStored": 12, "WindowCenter": 2048, "WindowWidth": 4096}


def _jpeg_ls(values: NDArray[np.uint16], bits: int = 16, error: int = 0) -> bytes:
    syntax = pydicom.uid.JPEGLSNearLossless if error else pydicom.uid.JPEGLSLossless
    encoded: bytes = get_encoder(syntax).encode(
        values,
        rows=values.shape[0],
        columns=values.shape[1],
        samples_per_pixel=1,
        bits_allocated=16,
        bits_stored=bits,
        pixel_representation=0,
        photometric_interpretation="MONOCHROME2",
        number_of_frames=1,
        encoding_plugin="pyjpegls",
        **({"jls_error": error} if error else {}),
    )
    return encoded


def _jpeg_2000(values: NDArray[np.uint16]) -> bytes:
    frame = io.BytesIO()
    Image.fromarray(values).save(frame, "JPEG2000", irreversible=False, no_jp2=True)
    return frame.getvalue()


def _jpeg(values: NDArray[np.uint8], **settings: Any) -> bytes:
    frame = io.BytesIO()
    Image.fromarray(values).save(frame, "JPEG", quality=95, **settings)
    return frame.getvalue()


ENCODERS = {
    pydicom.uid.ExplicitVRLittleEndian: None,
    pydicom.uid.ExplicitVRBigEndian: None,
    pydicom.uid.JPEGLSLossless: _jpeg_ls,
    pydicom.uid.JPEG2000Lossless: _jpeg_2000,
}


@pytest.mark.parametrize("syntax", ENCODERS, ids=lambda syntax: syntax.keyword)
@pytest.mark.parametrize("rest", [0, 0xF000, 0x5000])
def test_bits_above_the_stored_ones_are_ignored_whatever_decoded_them(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], syntax: UID, rest: int
) -> None:
    encode = ENCODERS[syntax]
    values = twelve_bits | np.uint16(rest)
    frame = encode(values) if encode else None
    film = read_dicom_file(write_dicom(values, syntax=syntax, frame=frame, **FULL_WINDOW))
    np.testing.assert_allclose(film.pixels, twelve_bits / 4095, atol=1e-6)


@pytest.mark.parametrize("syntax", ENCODERS, ids=lambda syntax: syntax.keyword)
def test_a_signed_film_whose_high_bits_are_zero_is_signed(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], syntax: UID
) -> None:
    encode = ENCODERS[syntax]
    values = ((twelve_bits.astype(int) - 2048) & 0xFFF).astype(np.uint16)
    tags = FULL_WINDOW | {"WindowCenter": 0, "PixelRepresentation": 1}
    frame = encode(values) if encode else None
    film = read_dicom_file(write_dicom(values, syntax=syntax, frame=frame, **tags))
    np.testing.assert_allclose(film.pixels, twelve_bits / 4095, atol=1e-6)


def test_white_that_a_lossy_stream_gives_back_too_white_stays_white(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16]
) -> None:
    values = np.maximum(twelve_bits, 4090)
    frame = _jpeg_ls(values, error=3)
    path = write_dicom(
        twelve_bits, syntax=pydicom.uid.JPEGLSNearLossless, frame=frame, **FULL_WINDOW
    )
    assert read_dicom_file(path).pixels.min() > 0.99


def _extended() -> Path:
    """A film of pydicom as JPEG Extended of 12 bits."""
    return Path(str(get_testdata_file("JPGExtended.dcm")))


MORE_BITS = "Bits Stored says fewer bits than the picture has: all were used"
NO_SIGN = "Pixel Representation says a sign that the picture has not"
RLE = pydicom.uid.RLELossless


@pytest.mark.parametrize("bits", [10, 11])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("syntax", [*ENCODERS, RLE], ids=lambda syntax: syntax.keyword)
def test_a_picture_that_has_more_bits_than_its_tag_says_keeps_them_and_is_told(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], bits: int, signed: bool, syntax: UID
) -> None:
    values = (twelve_bits.astype(np.int16) - 2048 * signed).view(np.uint16)
    encode = ENCODERS.get(syntax)
    tags = FULL_WINDOW | {"BitsStored": bits, "PixelRepresentation": int(signed)}
    tags["WindowCenter"] = 0 if signed else 2048
    frame = encode(values) if encode else None
    path = write_dicom(values, syntax="1.2.840.10008.1.2.1" if syntax == RLE else syntax,
                       frame=frame, **tags)  # fmt: skip
    if syntax == RLE:
        _as_rle(path)
    film = read_dicom_file(path)
    np.testing.assert_allclose(film.pixels, twelve_bits / 4095, atol=1e-6)
    assert film.facts.corrections == (MORE_BITS,)


def _as_rle(path: Path) -> None:
    dataset = pydicom.dcmread(path)
    dataset.compress(RLE, generate_instance_uid=False)
    dataset.save_as(path)


@pytest.mark.parametrize("syntax", list(ENCODERS)[:2], ids=lambda syntax: syntax.keyword)
def test_a_film_that_is_said_to_be_signed_and_is_not_is_read_as_it_is(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], syntax: UID
) -> None:
    tags = FULL_WINDOW | {"PixelRepresentation": 1}
    film = read_dicom_file(write_dicom(twelve_bits, syntax=syntax, **tags))
    np.testing.assert_allclose(film.pixels, twelve_bits / 4095, atol=1e-6)
    assert film.facts.corrections == (NO_SIGN,)


@pytest.mark.parametrize("bits", [12, 16])
def test_a_dark_film_with_white_letters_keeps_its_sign(write_dicom: WriteDicom, bits: int) -> None:
    dark = np.full((64, 64), -(2 ** (bits - 1)), np.int16)
    dark[8:] += np.arange(64, dtype=np.int16) * np.int16(2 ** (bits - 8))
    dark[:8, ::3] = 2 ** (bits - 1) - 1
    values = dark.view(np.uint16) & np.uint16(2**bits - 1)
    tags = {"BitsStored": bits, "WindowCenter": 0, "WindowWidth": 2**bits}
    film = read_dicom_file(write_dicom(values, PixelRepresentation=1, **tags))
    right = (dark.astype(np.float64) + 2 ** (bits - 1)) / (2**bits - 1)
    np.testing.assert_allclose(film.pixels, right, atol=1e-6)


def test_black_around_a_film_half_of_the_range_below_it_keeps_its_sign(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16]
) -> None:
    values = np.pad(twelve_bits.clip(1).astype(np.int16), 16, constant_values=-32768)
    tags = {"BitsStored": 16, "WindowCenter": 2048, "WindowWidth": 4096, "PixelRepresentation": 1}
    film = read_dicom_file(write_dicom(values.view(np.uint16), **tags))
    np.testing.assert_allclose(film.pixels, values.clip(0) / 4095, atol=1e-6)
    assert film.facts.corrections == ()


@pytest.mark.parametrize("kind", ["JPEGLosslessSV1", "JPEG2000Lossless", "16 bits", "8 bits"])
def test_a_film_without_room_for_more_bits_has_no_sign_that_it_falls_by(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], kind: str
) -> None:
    values, bits = twelve_bits, 12
    tags: dict[str, Any] = {}
    if kind == "16 bits":
        values, bits = twelve_bits * np.uint16(16), 16
    elif kind == "8 bits":
        values, bits = (twelve_bits >> 4).astype(np.uint8), 8
    elif kind == "JPEGLosslessSV1":
        frame = imagecodecs.ljpeg_encode(values, bitspersample=bits)
        tags = {"syntax": pydicom.uid.JPEGLosslessSV1, "frame": frame}
    else:
        frame = imagecodecs.jpeg2k_encode(
            values, codecformat="j2k", bitspersample=bits, level=0, reversible=True
        )
        tags = {"syntax": pydicom.uid.JPEG2000Lossless, "frame": frame}
    tags |= {"BitsStored": bits, "WindowCenter": 2 ** (bits - 1), "WindowWidth": 2**bits}
    film = read_dicom_file(write_dicom(values, PixelRepresentation=1, **tags))
    np.testing.assert_allclose(film.pixels, values / (2**bits - 1), atol=1e-6)
    assert film.facts.corrections == (NO_SIGN,)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("rest", [0, 5])
@pytest.mark.parametrize(("high", "syntax"), [(15, "ExplicitVRLittleEndian"),
    (13, "ExplicitVRBigEndian"), (15, "JPEGLSLossless")])  # fmt: skip
def test_bits_that_the_file_has_higher_up_are_read_from_there(
    write_dicom: WriteDicom,
    twelve_bits: NDArray[np.uint16],
    signed: bool,
    rest: int,
    high: int,
    syntax: str,
) -> None:
    aside = high - 11
    low = (twelve_bits.astype(int) - 2048 * signed) & 0xFFF
    values = (low << aside | rest % 2**aside).astype(np.uint16)
    tags = FULL_WINDOW | {"WindowCenter": 0 if signed else 2048, "HighBit": high}
    frame = _jpeg_ls(values) if syntax == "JPEGLSLossless" else None
    film = read_dicom_file(
        write_dicom(
            values,
            syntax=getattr(pydicom.uid, syntax),
            frame=frame,
            PixelRepresentation=int(signed),
            **tags,
        )
    )
    np.testing.assert_allclose(film.pixels, twelve_bits / 4095, atol=1e-6)
    assert film.facts.corrections == ()


def test_bits_below_that_say_something_are_the_picture_s(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16]
) -> None:
    tags = FULL_WINDOW | {"BitsStored": 10, "HighBit": 11}
    film = read_dicom_file(write_dicom(twelve_bits, **tags))
    np.testing.assert_allclose(film.pixels, twelve_bits / 4095, atol=1e-6)
    assert film.facts.corrections == (MORE_BITS,)


@pytest.mark.parametrize(("high", "faults"), [(15, ()), (12, ()), (0, ("High Bit",)),
    (99, ("High Bit",))])  # fmt: skip
def test_a_wrong_high_bit_moves_nothing(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], high: int, faults: tuple[str, ...]
) -> None:
    film = read_dicom_file(write_dicom(twelve_bits, HighBit=high, **FULL_WINDOW))
    np.testing.assert_allclose(film.pixels, twelve_bits / 4095, atol=1e-6)
    assert film.facts.faults == faults


def test_a_jpeg_of_12_bits_keeps_them_whatever_its_tag_says() -> None:
    dataset = pydicom.dcmread(_extended())
    right = read_dicom_file(_extended()).pixels
    dataset.BitsStored, dataset.HighBit = 7, 6  # of values up to 264
    file = io.BytesIO()
    dataset.save_as(file)
    file.seek(0)
    np.testing.assert_array_equal(read_dicom(file, "film").pixels, right)


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no text are Linux's")
def test_a_jpeg_of_12_bits_is_read_whatever_its_path_is_called(tmp_path: Path) -> None:
    path = Path(os.fsdecode(bytes(tmp_path) + b"/M\xfcller.dcm"))
    shutil.copy(_extended(), path)
    np.testing.assert_array_equal(read_with_facts(path).pixels, read_dicom_file(_extended()).pixels)


TWELVE = {"JPEGLSLossless": _jpeg_ls, "JPEGLosslessSV1": imagecodecs.ljpeg_encode,
          "JPEG2000Lossless": _jpeg_2000}  # fmt: skip


@pytest.mark.parametrize("kind", [*TWELVE, "JPEGBaseline8Bit", None])
@pytest.mark.parametrize("said", [*TWELVE, "JPEGBaseline8Bit", "RLELossless",
    "ImplicitVRLittleEndian", "ExplicitVRLittleEndian"])  # fmt: skip
def test_a_stream_tells_itself_whatever_syntax_the_file_says(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], kind: str | None, said: str
) -> None:
    eight = kind == "JPEGBaseline8Bit"
    values = (twelve_bits >> 4).astype(np.uint8) if eight else twelve_bits
    frame = _jpeg(values) if eight else TWELVE[kind](values) if kind else None
    tags = {} if eight else FULL_WINDOW
    syntax = getattr(pydicom.uid, kind or "ExplicitVRLittleEndian")
    path = write_dicom(values, syntax=syntax, frame=frame, **tags)
    content = _with_syntax(path.read_bytes(), getattr(pydicom.uid, said))
    path.write_bytes(content)
    film = read_dicom_file(path)
    assert np.abs(film.pixels - twelve_bits / 4095).max() < (0.2 if eight else 1e-6)


def _with_syntax(content: bytes, syntax: str) -> bytes:
    """A file whose meta says another transfer syntax; nothing else is changed."""
    place = content.index(b"\2\0\x10\0UI")
    end = place + 8 + int.from_bytes(content[place + 6 : place + 8], "little")
    value = syntax.encode().ljust(len(syntax) + len(syntax) % 2, b"\0")
    element = content[place : place + 6] + len(value).to_bytes(2, "little") + value
    length = content.index(b"\2\0\0\0UL\4\0") + 8
    before = int.from_bytes(content[length : length + 4], "little")
    after = (before + len(element) - (end - place)).to_bytes(4, "little")
    return content[:length] + after + content[length + 4 : place] + element + content[end:]


@pytest.mark.parametrize("kind", TWELVE)
def test_several_compressed_pictures_are_no_film_whatever_the_number_of_frames_says(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], kind: str
) -> None:
    frame = TWELVE[kind](twelve_bits)
    syntax = getattr(pydicom.uid, kind)
    path = write_dicom(twelve_bits, syntax=syntax, frame=frame, NumberOfFrames=1)
    dataset = pydicom.dcmread(path)
    dataset.PixelData = encapsulate([frame, frame])
    dataset.save_as(path)
    with pytest.raises(TbspotError, match=r"film\.dcm holds several frames; export the film alone"):
        read_dicom_file(path)


def test_a_compressed_film_without_file_meta_is_read(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16]
) -> None:
    syntax, frame = pydicom.uid.JPEGLosslessSV1, imagecodecs.ljpeg_encode(twelve_bits)
    path = write_dicom(twelve_bits, syntax=syntax, frame=frame, **FULL_WINDOW)
    content = path.read_bytes()
    path.write_bytes(content[content.index(b"\x08\0\x16\0UI") :])
    np.testing.assert_allclose(read_dicom_file(path).pixels, twelve_bits / 4095, atol=1e-6)


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.uint16, np.int16])
def test_values_are_brought_within_their_bits(kind: type[Any]) -> None:
    values = np.array([0, 1, 7, 8, 15, 16, 127], kind)
    unsigned = within_bits(values, 4, signed=False)
    assert unsigned.tolist() == [0, 1, 7, 8, 15, 0, 15]
    assert within_bits(values, 4, signed=True).tolist() == [0, 1, 7, -8, -1, 0, -1]
    assert unsigned.dtype.kind == "u"


def test_a_second_decoder_is_tried_where_the_first_fails(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16]
) -> None:
    frame = _jpeg_ls(twelve_bits, 12)
    whole = frame[: frame.rindex(b"\xff\xd9")]
    path = write_dicom(
        twelve_bits,
        syntax=pydicom.uid.JPEGLSLossless,
        frame=whole + b"\0\xff\xd9",
        **FULL_WINDOW,
    )
    np.testing.assert_allclose(read_dicom_file(path).pixels, twelve_bits / 4095, atol=1e-6)


@pytest.mark.parametrize("rest", ["cut off", "noughts"])
@pytest.mark.parametrize(
    "syntax", ["JPEGLSLossless", "JPEG2000Lossless", "JPEGBaseline8Bit", "JPEGLosslessSV1"]
)
def test_a_film_that_was_cut_off_is_not_filled_up_by_another_decoder(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], syntax: str, rest: str
) -> None:
    eight = (twelve_bits >> 4).astype(np.uint8)
    frame, values = {
        "JPEGLSLossless": (_jpeg_ls(twelve_bits), twelve_bits),
        "JPEG2000Lossless": (_jpeg_2000(twelve_bits), twelve_bits),
        "JPEGBaseline8Bit": (_jpeg(eight), eight),
        "JPEGLosslessSV1": (imagecodecs.ljpeg_encode(twelve_bits), twelve_bits),
    }[syntax]
    half = len(frame) // 2
    cut = frame[:half] + bytes(len(frame) - half) * (rest == "noughts")
    path = write_dicom(values, syntax=getattr(pydicom.uid, syntax), frame=cut)
    with pytest.raises(TbspotError, match="is a broken DICOM file"):
        read_dicom_file(path)


@pytest.mark.parametrize("lost", [8, 100])
def test_a_compressed_film_that_lost_its_end_is_not_said_to_be_without_pixels(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], lost: int
) -> None:
    path = write_dicom(twelve_bits, syntax=pydicom.uid.JPEGLSLossless, frame=_jpeg_ls(twelve_bits))
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises(TbspotError, match="cut off before their end; export it again"):
        read_dicom_file(path)


def test_an_8_bit_jpeg_under_16_bits_allocated_is_read(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16]
) -> None:
    values = (twelve_bits >> 4).astype(np.uint8)
    path = write_dicom(
        values, syntax=pydicom.uid.JPEGBaseline8Bit, frame=_jpeg(values), BitsAllocated=16
    )
    assert np.abs(read_dicom_file(path).pixels - values / 255).mean() < 0.01


@pytest.mark.parametrize("number", [50, 51, 53, 55])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_progressive_jpeg_is_read_under_today_s_and_retired_syntaxes(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], number: int, progressive: bool
) -> None:
    values = (twelve_bits >> 4).astype(np.uint8)
    frame = _jpeg(values, progressive=progressive)
    path = write_dicom(values, syntax=UID(f"1.2.840.10008.1.2.4.{number}"), frame=frame)
    assert np.abs(read_dicom_file(path).pixels - values / 255).mean() < 0.01


def _with_pixels(path: Path, data: bytes) -> Path:
    """The file with other encapsulated pixels."""
    dataset = pydicom.dcmread(path)
    dataset.PixelData = data
    dataset["PixelData"].is_undefined_length = True
    dataset.save_as(path)
    return path


def test_a_wrong_table_of_offsets_does_no_harm_and_none_either(
    write_jpeg_dicom: Callable[..., Path], twelve_bits: NDArray[np.uint16]
) -> None:
    values = (twelve_bits >> 4).astype(np.uint8)
    frame = _jpeg(values)
    frame += b"\0" * (len(frame) % 2)

    def item(content: bytes) -> bytes:
        return b"\xfe\xff\x00\xe0" + len(content).to_bytes(4, "little") + content

    path = write_jpeg_dicom(values)
    right = read_dicom_file(path).pixels
    half = len(frame) // 4 * 2
    for data in (
        item(frame),
        item(frame + b"\0\0"),  # of the two one has the length of a table
        item(b"\xd2\x04\0\0") + item(frame),
        item(b"\0\0\0\0\xd2\x04\0\0") + item(frame[:half]) + item(frame[half:]),
        encapsulate([frame], fragments_per_frame=3, has_bot=False),
    ):
        np.testing.assert_array_equal(read_dicom_file(_with_pixels(path, data)).pixels, right)


def test_a_jpeg_whose_height_stands_behind_its_picture_is_refused_as_such(
    write_jpeg_dicom: Callable[..., Path], twelve_bits: NDArray[np.uint16]
) -> None:
    values = (twelve_bits >> 4).astype(np.uint8)
    frame = bytearray(_jpeg(values).removesuffix(b"\xff\xd9"))
    place = frame.index(b"\xff\xc0") + 5
    rows, frame[place : place + 2] = bytes(frame[place : place + 2]), b"\0\0"
    data = encapsulate([bytes(frame) + b"\xff\xdc\x00\x04" + rows + b"\xff\xd9"])
    with pytest.raises(TbspotError, match="height stands behind its picture"):
        read_dicom_file(_with_pixels(write_jpeg_dicom(values), data))


@pytest.mark.parametrize("missing", [1, 2, 100])
def test_pixels_that_end_less_than_a_row_too_early_are_read(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], missing: int
) -> None:
    path = write_dicom(twelve_bits, **FULL_WINDOW)
    dataset = pydicom.dcmread(path)
    dataset.PixelData = dataset.PixelData[:-missing]
    dataset.save_as(path)
    film = read_dicom_file(path).pixels
    np.testing.assert_allclose(film[:-1], (twelve_bits / 4095)[:-1], atol=1e-6)
    # The gap holds what stood above it, or what an odd length spoils: never plain black or white.
    np.testing.assert_allclose(film[-1, :-missing], (twelve_bits / 4095)[-1, :-missing], atol=1e-6)


def test_what_stands_behind_the_pixels_does_no_harm(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16]
) -> None:
    path = write_dicom(twelve_bits, **FULL_WINDOW)
    right, content = read_dicom_file(path).pixels, path.read_bytes()
    for rest in (b"\0" * 512, b"\xff" * 33, b"PLANTED"):
        path.write_bytes(content + rest)
        np.testing.assert_array_equal(read_dicom_file(path).pixels, right)


@pytest.mark.parametrize("interpretation", ["YBR_FULL_422", "YBR_PARTIAL_422"])
def test_uncompressed_pixels_that_share_their_colours_are_read(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], interpretation: str
) -> None:
    low, range_ = (16, 219) if "PARTIAL" in interpretation else (0, 255)
    right = twelve_bits / 4095
    luma = (right * range_ + low).round().astype(np.uint8).reshape(-1, 2)
    data = np.stack([luma[:, 0], luma[:, 1], np.full(len(luma), 128), np.full(len(luma), 128)], -1)
    path = write_dicom(np.zeros((*right.shape, 3), np.uint8),
                       PhotometricInterpretation=interpretation)  # fmt: skip
    dataset = pydicom.dcmread(path)
    dataset.PixelData = data.astype(np.uint8).tobytes()
    dataset.save_as(path)
    np.testing.assert_allclose(read_dicom_file(path).pixels, right, atol=0.003)


def test_a_stream_of_another_size_than_the_tags_say_contradicts_them(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16]
) -> None:
    frame = _jpeg_ls(twelve_bits)
    path = write_dicom(
        twelve_bits[:64], syntax=pydicom.uid.JPEGLSLossless, frame=frame, **FULL_WINDOW
    )
    with pytest.raises(TbspotError, match=r"128 x 64 .* by its header and 128 x 128 of 1 in its"):
        read_dicom_file(path)


def test_planes_of_colours_are_read_as_pixels_of_colours_are(write_dicom: WriteDicom) -> None:
    colours = np.random.default_rng(3).integers(0, 256, (8, 6, 3), np.uint8)
    right = read_dicom_file(write_dicom(colours)).pixels
    path = write_dicom(colours, PlanarConfiguration=1)
    dataset = pydicom.dcmread(path)
    dataset.PixelData = np.moveaxis(colours, -1, 0).tobytes()
    dataset.save_as(path)
    np.testing.assert_array_equal(read_dicom_file(path).pixels, right)


@pytest.mark.parametrize(
    ("syntax", "encode"),
    [(pydicom.uid.JPEGBaseline8Bit, _jpeg), (pydicom.uid.JPEG2000Lossless, _jpeg_2000)],
    ids=["JPEG", "JPEG2000"],
)
def test_compressed_colours_lie_as_their_stream_has_them_whatever_the_tag_says(
    write_dicom: WriteDicom,
    twelve_bits: NDArray[np.uint16],
    syntax: UID,
    encode: Callable[[NDArray[Any]], bytes],
) -> None:
    colours = np.stack([twelve_bits >> 4] * 3, -1).astype(np.uint8)
    path = write_dicom(colours, syntax=syntax, frame=encode(colours), PlanarConfiguration=1)
    np.testing.assert_allclose(read_dicom_file(path).pixels, colours[..., 0] / 255, atol=0.1)


@pytest.mark.parametrize("unsaid", ["frame", "bits"])
def test_uncompressed_pixels_of_twice_what_the_tags_say_are_not_read(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], unsaid: str
) -> None:
    tags = {"BitsAllocated": 8, "BitsStored": 8} if unsaid == "bits" else FULL_WINDOW
    path = write_dicom(twelve_bits, **tags)
    if unsaid == "frame":
        dataset = pydicom.dcmread(path)
        dataset.PixelData *= 2
        dataset.save_as(path)
    with pytest.raises(TbspotError, match="is a broken DICOM file; export it again"):
        read_dicom_file(path)


@pytest.mark.parametrize(
    ("tags", "sentence"),
    [
        ({"PixelData": b""}, "is a DICOM file without pixels; export it again with them"),
        ({"PhotometricInterpretation": "HSV"}, "has colours of a kind that tbspot does not read"),
    ],
)
def test_what_cannot_be_read_for_a_reason_is_not_called_broken(
    write_dicom: WriteDicom, tags: dict[str, Any], sentence: str
) -> None:
    path = write_dicom(np.zeros((8, 8, 3), np.uint8))
    dataset = pydicom.dcmread(path)
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path)
    with pytest.raises(TbspotError, match=sentence):
        read_dicom_file(path)


@pytest.mark.parametrize(
    ("last", "name"),
    [("1.2.4.59", "JPEG Extended"), ("1.2.4.106", "MPEG-4"), ("1.2.4.94", "JPIP")],
)
def test_a_syntax_that_is_not_read_is_called_by_its_name(
    write_dicom: WriteDicom, last: str, name: str
) -> None:
    path = write_dicom(np.zeros((4, 4), np.uint8), syntax=UID(f"1.2.840.10008.{last}"),
                       frame=b"\0" * 8)  # fmt: skip
    with pytest.raises(TbspotError, match=rf"stored as {name}.*; export it uncompressed"):
        read_dicom_file(path)
