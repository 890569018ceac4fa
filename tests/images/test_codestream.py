from __future__ import annotations

import io
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom.uid
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread
from pydicom.encaps import encapsulate, generate_frames

from readers import read_dicom_file
from tbspot.errors import TbspotError
from tbspot.images import read_pixels
from tbspot.images.codestream import check_whole, codestream_size, jpeg_alone

WriteDicom = Callable[..., Path]
SYNTAXES = (pydicom.uid.JPEGLSLossless, pydicom.uid.JPEG2000Lossless)


def _compressed(
    write_dicom: WriteDicom, values: NDArray[np.uint16], syntax: str, name: str = "film.dcm"
) -> Path:
    path = write_dicom(values, name=name, BitsStored=12, WindowCenter=2048, WindowWidth=4096)
    content = dcmread(path)
    content.compress(syntax, generate_instance_uid=False)
    content.save_as(path)
    return path


def _stream(path: Path) -> bytes:
    return next(generate_frames(dcmread(path).PixelData, number_of_frames=1))


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_the_size_is_that_of_the_picture(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], syntax: str
) -> None:
    values = twelve_bits[:40, :50]
    size = codestream_size(_stream(_compressed(write_dicom, values, syntax)))
    assert size is not None
    assert size[:3] == (50, 40, 1)
    assert 12 <= size.precision <= 16


@pytest.mark.parametrize(
    ("mode", "options", "components"),
    [("L", {}, 1), ("RGB", {"progressive": True}, 3), ("RGB", {"subsampling": 2}, 3)],
)
def test_the_size_of_a_jpeg_is_that_of_its_frame_header(
    mode: str, options: dict[str, object], components: int
) -> None:
    file = io.BytesIO()
    Image.new(mode, (37, 21)).save(file, "JPEG", **options)
    assert codestream_size(file.getvalue()) == (37, 21, components, 8)


def test_colours_of_jpeg_2000_are_counted() -> None:
    for options in ({"no_jp2": True}, {}):
        file = io.BytesIO()
        Image.new("RGB", (37, 21)).save(file, "JPEG2000", **options)
        assert codestream_size(file.getvalue()) == (37, 21, 3, 8)


@pytest.mark.parametrize("stream", [b"", b"\0" * 64, b"PNG", b"\xff"])
def test_what_is_no_codestream_has_no_size(stream: bytes) -> None:
    assert codestream_size(stream) is None


@pytest.mark.parametrize(
    "stream",
    [b"\xff\xd8", b"\xff\xd8\xff\xc0", b"\xff\xd8\xff\xd9", b"\xff\xd8" + b"\xff" * 50,
     b"\xff\xd8\xff\xe0\xff\xff" + bytes(9), b"\xff\x4f\xff\x51", b"\xff\x4f\xff\x51" + bytes(99),
     b"\x00\x00\x00\x0cjP  \r\n\x87\n", b"\xff\xd8\xff\xda\x00\x02"],
)  # fmt: skip
def test_a_codestream_without_a_header_is_refused(stream: bytes) -> None:
    with pytest.raises(ValueError, match="codestream"):
        codestream_size(stream)


def test_a_header_that_is_contradicted_by_a_second_is_refused() -> None:
    file = io.BytesIO()
    Image.new("L", (37, 21)).save(file, "JPEG")
    whole = file.getvalue()
    start = whole.index(b"\xff\xc0")
    frame = whole[start : start + 13]
    other = frame[:5] + b"\xff\xdc\xff\xdc" + frame[9:]
    with pytest.raises(ValueError, match="two headers"):
        codestream_size(whole[:start] + frame + other + whole[start + 13 :])


def test_a_codestream_of_countless_tiles_is_refused(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16]
) -> None:
    path = _compressed(write_dicom, twelve_bits[:40, :50], SYNTAXES[1])
    stream = bytearray(_stream(path))
    for place, number in ((8, 4000), (12, 4000), (24, 1), (28, 1)):
        stream[place : place + 4] = number.to_bytes(4, "big")
    with pytest.raises(ValueError, match="tiles"):
        codestream_size(bytes(stream))


@pytest.mark.attack
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_small_film_whose_picture_says_it_is_huge_is_one_sentence(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], syntax: str, tmp_path: Path
) -> None:
    path = _compressed(write_dicom, twelve_bits[:48, :48], syntax)
    content = dcmread(path)
    stream = bytearray(_stream(path))
    if syntax == SYNTAXES[0]:
        place = stream.index(b"\xff\xf7")
        stream[place + 5 : place + 9] = b"\x75\x30\x75\x30"  # 30,000 x 30,000
    else:
        for place in (8, 12, 24, 28):
            stream[place : place + 4] = (30_000).to_bytes(4, "big")
    content.PixelData = encapsulate([bytes(stream)])
    content.save_as(tmp_path / "bomb.dcm")
    assert (tmp_path / "bomb.dcm").stat().st_size < 10_000
    sentence = r"48 x 48 pixels of 1 samples by its header and 30000 x 30000 of 1 in its picture"
    with pytest.raises(TbspotError, match=sentence):
        read_pixels(tmp_path / "bomb.dcm")


@pytest.mark.attack
@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize(("rows", "columns"), [(48, 47), (47, 48), (96, 24), (30, 30)])
def test_a_header_that_says_another_size_than_the_picture_is_one_sentence(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], syntax: str, rows: int, columns: int
) -> None:
    path = _compressed(write_dicom, twelve_bits[:48, :48], syntax)
    content = dcmread(path)
    content.Rows, content.Columns = rows, columns
    content.save_as(path)
    with pytest.raises(TbspotError, match="by its header and 48 x 48"):
        read_pixels(path)


TILED = {"tile_size": (16, 16)}


def _jpeg_2000(**settings: object) -> bytes:
    file = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 256, (40, 50), np.uint8)
    Image.fromarray(noise).save(file, "JPEG2000", irreversible=False, **settings)
    return file.getvalue()


@pytest.mark.parametrize("settings", [{}, {"no_jp2": True}, TILED, TILED | {"no_jp2": True}])
def test_a_jpeg_2000_that_was_cut_off_or_overwritten_is_not_whole(
    settings: dict[str, object],
) -> None:
    stream = _jpeg_2000(**settings)
    check_whole(stream)
    check_whole(stream + b"\0")
    check_whole(stream + b"\0\0\0\x08free")
    check_whole(stream[:-2])  # encoders leave its end out, and writers make its length even
    check_whole(stream[:-2] + b"\0")
    for place in (len(stream) // 2, len(stream) * 9 // 10, len(stream) - 3):
        for broken in (stream[:place], stream[:place] + b"\xff\xd9",
                       stream[:place] + bytes(len(stream) - place)):  # fmt: skip
            with pytest.raises(ValueError, match=r"cut off|missing"):
                check_whole(broken)


@pytest.mark.parametrize("settings", [{}, {"no_jp2": True}, TILED | {"no_jp2": True}])
@pytest.mark.parametrize("rest", [b"", b"\0"])
def test_a_jpeg_2000_whose_end_its_encoder_left_out_is_read(
    write_dicom: WriteDicom, tmp_path: Path, settings: dict[str, object], rest: bytes
) -> None:
    stream = _jpeg_2000(**settings)
    (tmp_path / "a.jp2").write_bytes(stream)
    wanted = read_pixels(tmp_path / "a.jp2")
    (tmp_path / "a.jp2").write_bytes(stream[:-2] + rest)
    np.testing.assert_array_equal(read_pixels(tmp_path / "a.jp2"), wanted)
    path = write_dicom(np.zeros((40, 50), np.uint8), syntax=pydicom.uid.JPEG2000Lossless,
                       frame=stream[:-2])  # fmt: skip
    np.testing.assert_array_equal(read_dicom_file(path).pixels, wanted)


def test_a_jpeg_2000_whose_last_tile_part_says_no_length_goes_to_its_end() -> None:
    stream = bytearray(_jpeg_2000(no_jp2=True))
    place = stream.index(b"\xff\x90") + 6
    stream[place : place + 4] = bytes(4)
    check_whole(bytes(stream))
    check_whole(bytes(stream) + b"\0")
    with pytest.raises(ValueError, match="cut off"):
        check_whole(bytes(stream[:-40]) + bytes(40))


def test_a_jpeg_2000_that_lacks_a_tile_is_not_whole() -> None:
    stream = _jpeg_2000(no_jp2=True, **TILED)
    last = stream.rindex(b"\xff\x90")
    with pytest.raises(ValueError, match="tiles are missing"):
        check_whole(stream[:last] + b"\xff\xd9")


@pytest.mark.parametrize("stream", [b"", b"\xff\xd8\xff\xd9", b"RLE" * 30])
def test_what_is_no_jpeg_2000_is_left_alone(stream: bytes) -> None:
    check_whole(stream)


def test_a_jpeg_s_picture_is_copied_once_and_only_where_something_is_left_out() -> None:
    file = io.BytesIO()
    Image.new("L", (64, 64), 128).save(file, "JPEG")
    plain = file.getvalue() + bytes(4 << 20)  # what a camera keeps behind the end
    assert jpeg_alone(plain) is plain
    comment = struct.pack(">BBH4s", 0xFF, 0xFE, 6, b"text")
    said = plain[:2] + comment + plain[2:]
    tracemalloc.start()
    try:
        assert jpeg_alone(said) == plain
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1.5 * len(plain)
