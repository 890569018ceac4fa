from __future__ import annotations

import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from tbspot.errors import TbspotError
from tbspot.images import read_pixels, read_with_facts

DEEP = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)


def test_twelve_bits_in_a_16_bit_file_are_read_as_twelve_and_said(tmp_path: Path) -> None:
    values = np.array([[0, 1000], [2048, 4095]], np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    film = read_with_facts(tmp_path / "a.png")
    np.testing.assert_allclose(film.pixels, values / 4095, atol=1e-7)
    assert film.facts.corrections == ("read as 12 bits, which hold all its values",)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_tiff_whose_zero_is_white_is_inverted(
    tmp_path: Path, kind: type[np.uint8] | type[np.uint16]
) -> None:
    most = np.iinfo(kind).max
    values = np.array([[0, most // 2], [most // 4, most]], kind)
    path = tmp_path / "a.tif"
    Image.fromarray(values).save(path)
    content = path.read_bytes()
    tag = struct.pack("<HHI", 262, 3, 1)
    assert content.count(tag + struct.pack("<H", 1)) == 1
    path.write_bytes(content.replace(tag + struct.pack("<H", 1), tag + struct.pack("<H", 0)))
    np.testing.assert_allclose(read_pixels(path), 1 - values / most, atol=1e-6)


def test_a_tiff_of_several_pages_is_refused(tmp_path: Path) -> None:
    page = Image.new("L", (8, 8))
    page.save(tmp_path / "a.tif", save_all=True, append_images=[page, page])
    with pytest.raises(TbspotError, match="holds 3 pictures; save the film alone"):
        read_pixels(tmp_path / "a.tif")


def test_a_tiff_of_floating_point_numbers_is_refused(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(TbspotError, match="floating point numbers without a known range"):
        read_pixels(tmp_path / "a.tif")


def test_colour_is_said(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    assert read_with_facts(tmp_path / "a.png").facts.corrections == ("colour became grey",)


@pytest.mark.parametrize("side", [9_500, 60_000])
def test_a_png_that_unpacks_to_billions_of_pixels_is_refused(tmp_path: Path, side: int) -> None:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(
            ">I", zlib.crc32(name + content)
        )  # fmt: skip

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1_000_000)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    with pytest.raises(TbspotError, match=r"bomb\.png has .* pixels"):
        read_pixels(tmp_path / "bomb.png")


def test_a_tiff_that_claims_billions_of_pixels_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    Image.new("L", (8, 8)).save(path)
    content = path.read_bytes()
    for tag in (256, 257):
        for kind in (3, 4):  # a short or a long, little-endian, in four bytes either way
            old = struct.pack("<HHII", tag, kind, 1, 8)
            content = content.replace(old, struct.pack("<HHII", tag, 4, 1, 100_000))
    path.write_bytes(content)
    with pytest.raises(TbspotError, match=r"a\.tif has .* pixels"):
        read_pixels(path)


@pytest.mark.parametrize(
    ("stream", "kind"),
    [
        (imagecodecs.jpeg8_encode(DEEP, bitspersample=12), "12 bits"),
        (imagecodecs.jpeg8_encode(DEEP, bitspersample=12, lossless=True), "lossless"),
        (imagecodecs.jpegls_encode(DEEP), "JPEG-LS"),
    ],
)
def test_a_sound_jpeg_that_few_programs_read_is_not_called_broken(
    stream: bytes, kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "film.jpg"
    path.write_bytes(stream)
    with pytest.raises(TbspotError, match=rf"few programs read \({kind}\); save it as PNG with 16"):
        read_pixels(path)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_whose_end_was_lost_in_copying_is_refused(progressive: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    noise = np.random.default_rng(1).integers(0, 256, (80, 80), np.uint8)
    Image.fromarray(noise).save(path, quality=95, progressive=progressive)
    content = path.read_bytes()
    for place in (len(content) // 2, len(content) - 40):
        path.write_bytes(content[:place] + bytes(len(content) - place))
        with pytest.raises(TbspotError, match="cannot be read as a JPEG image"):
            read_pixels(path)
    path.write_bytes(content + bytes(512))
    read_pixels(path)


@pytest.mark.parametrize("progressive", [False, True])
def test_what_a_camera_keeps_behind_a_jpeg_may_hold_anything(
    progressive: bool, tmp_path: Path
) -> None:
    path = tmp_path / "a.jpg"
    noise = np.random.default_rng(1).integers(0, 256, (80, 80), np.uint8)
    Image.fromarray(noise).save(path, quality=95, progressive=progressive)
    content, wanted = path.read_bytes(), read_pixels(path)
    video = b"\0\0\0\x18ftypmp42" + b"\xff\xda\0" + bytes(8)
    for behind in (video, content[: len(content) // 2] + bytes(40)):
        path.write_bytes(content + behind)
        np.testing.assert_array_equal(read_pixels(path), wanted)
    path.write_bytes(content[: len(content) // 2] + bytes(len(content) // 2))
    with pytest.raises(TbspotError, match="cannot be read as a JPEG image"):
        read_pixels(path)


ON_ITS_SIDE = struct.pack("<HHII", 274, 3, 1, 6)


def _exif(*entries: bytes) -> bytes:
    return (
        b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    )


@pytest.mark.parametrize(
    "odd",
    [
        struct.pack("<HHIhh", 271, 5, 1, 8, 0),  # a camera's maker as a fraction
        struct.pack("<HHIf", 272, 11, 1, 0.5),
    ],
    ids=["maker", "model"],
)
def test_a_turned_jpeg_whose_exif_is_odd_is_read_upright(odd: bytes, tmp_path: Path) -> None:
    values = np.tile(np.arange(0, 240, 10, dtype=np.uint8), (16, 1))
    path = tmp_path / "a.jpg"
    Image.fromarray(values).save(path, quality=100, exif=_exif(ON_ITS_SIDE, odd))
    np.testing.assert_allclose(read_pixels(path), values.T / np.float32(255), atol=0.02)


def test_a_jpeg_is_not_turned_for_a_text_about_it(tmp_path: Path) -> None:
    values = np.tile(np.arange(0, 240, 10, dtype=np.uint8), (16, 1))
    text = b'<rdf:Description tiff:Orientation="6"/>'
    path = tmp_path / "a.jpg"
    Image.fromarray(values).save(path, quality=100, xmp=text)
    np.testing.assert_allclose(read_pixels(path), values / np.float32(255), atol=0.02)


@pytest.mark.parametrize(
    ("marker", "body"),
    [
        (0xE0, b"JFIF\0\1"),
        (0xE2, b"ICC_PROFILE\0"),
        (0xE2, b"MPF\0II*\0\x08\0\0\0"),
        (0xED, b"Photoshop 3.0\x008BIM"),
        (0xEE, b"Adobe"),
        (0xFE, b""),
    ],
    ids=["JFIF", "ICC", "MPF", "Photoshop", "Adobe", "comment"],
)
def test_what_stands_beside_a_jpeg_may_be_cut_short(
    marker: int, body: bytes, tmp_path: Path
) -> None:
    values = np.tile(np.arange(0, 240, 10, dtype=np.uint8), (16, 1))
    path = tmp_path / "a.jpg"
    Image.fromarray(values).save(path, quality=100, exif=_exif(ON_ITS_SIDE))
    content = path.read_bytes()
    segment = struct.pack(">BBH", 0xFF, marker, 2 + len(body)) + body
    path.write_bytes(content[:2] + segment + content[2:])
    np.testing.assert_allclose(read_pixels(path), values.T / np.float32(255), atol=0.02)
