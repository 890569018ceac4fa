"""Pictures of more than 8 bits are read with all of them, whatever their format is."""

from __future__ import annotations

import itertools
import struct
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from tbspot.errors import TbspotError
from tbspot.images import read_pixels, read_with_facts
from tbspot.images.depth import to_pixels, upright
from tbspot.images.raster import read_raster

RAMP = np.add.outer(np.arange(40), np.arange(50)) / 88


def _values(bits: int, kind: Any = np.uint16) -> NDArray[Any]:
    return np.round(RAMP * (2.0**bits - 1)).astype(kind)


def _png(path: Path, values: NDArray[Any], kind: int) -> Path:
    """A PNG of 16 bits a sample, colour type `kind`; rows filtered by the row above them."""
    rows = values.astype(">u2").reshape(len(values), -1).view(np.uint8)
    above = np.vstack([np.zeros_like(rows[:1]), rows[:-1]])
    content = np.hstack([np.full((len(rows), 1), 2, np.uint8), rows - above]).tobytes()

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(
            ">I", zlib.crc32(name + data)
        )  # fmt: skip

    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, kind, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
                     + chunk(b"IDAT", zlib.compress(content)) + chunk(b"IEND", b""))  # fmt: skip
    return path


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize(("kind", "colours"), [(0, 1), (4, 1), (2, 3), (6, 3)])
def test_a_png_of_16_bits_keeps_them_all(
    tmp_path: Path, bits: int, kind: int, colours: int
) -> None:
    values = _values(bits)
    alpha = [np.full_like(values, 65535)] if kind in (4, 6) else []
    film = read_with_facts(_png(tmp_path / "a.png", np.stack([values] * colours + alpha, -1), kind))
    np.testing.assert_allclose(film.pixels, values / (2**bits - 1), atol=1e-6)
    assert ("colour became grey" in film.facts.corrections) == (colours == 3)
    assert any(f"{bits} bits" in said for said in film.facts.corrections) == (bits < 16)


@pytest.mark.parametrize(
    ("kind", "bits"),
    [("u1", 8), ("u2", 16), ("u2", 12), ("u4", 32), ("i1", 8), ("i2", 16), ("i2", 12), ("i4", 32)],
)
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_a_tiff_of_any_depth_is_read_signed_or_not(
    tmp_path: Path, kind: str, bits: int, order: str, big: bool
) -> None:
    low = 2.0 ** (bits - 1) if kind[0] == "i" else 0
    values = (_values(bits, np.float64) - low).astype(kind)
    for white, compression in itertools.product((False, True), (None, "zlib")):
        tifffile.imwrite(
            tmp_path / "a.tif", values, byteorder=order, bigtiff=big, compression=compression,
            photometric="miniswhite" if white else "minisblack", rowsperstrip=7,
        )  # fmt: skip
        right = (values + low) / (2.0**bits - 1)
        film = read_pixels(tmp_path / "a.tif")
        np.testing.assert_allclose(film, 1 - right if white else right, atol=1e-6)


def _packed_tiff(path: Path, values: NDArray[Any], bits: int, order: str) -> Path:
    """A grey TIFF whose samples share bytes."""
    rows = values.astype(">u2")[..., None].view(np.uint8)
    shared = np.unpackbits(rows, axis=-1)[..., 16 - bits :].reshape(len(values), -1)
    data = np.packbits(shared, axis=1).tobytes()
    height, width = values.shape
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: 1, 273: 8, 277: 1, 278: height,
            279: len(data)}  # fmt: skip
    entries = [struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in tags.items()]
    at = 8 + len(data) + len(data) % 2
    header = {"<": b"II", ">": b"MM"}[order] + struct.pack(f"{order}HI", 42, at)
    directory = struct.pack(f"{order}H", len(tags)) + b"".join(entries) + bytes(4)
    path.write_bytes((header + data).ljust(at, b"\0") + directory)
    return path


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", range(1, 16))
def test_samples_that_share_bytes_are_read_as_docs_reading_says_or_refused(
    tmp_path: Path, bits: int, order: str
) -> None:
    values = _values(bits)
    path = _packed_tiff(tmp_path / "a.tif", values, bits, order)
    if bits in (1, 2, 4, 8) or (bits, order) == (12, "<"):
        np.testing.assert_allclose(read_pixels(path), values / (2**bits - 1), atol=1e-6)
    else:
        with pytest.raises(TbspotError, match="of a kind that tbspot does not read"):
            read_pixels(path)


@pytest.mark.parametrize("kind", ["u1", "u2", "i2"])
@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("samples", [2, 3, 4, 5])
def test_a_tiff_s_planes_and_transparency_do_no_harm(
    tmp_path: Path, kind: str, planes: str, samples: int
) -> None:
    most = np.iinfo(kind).max
    values = np.round(RAMP * most).astype(kind)
    rest = np.full_like(values, most)
    stack = [values] * (3 if samples > 2 else 1)
    stack += [rest] * (samples - len(stack))
    for compression, predictor, tile in itertools.product(
        (None, "zlib"), (False, True), (None, (16, 32))
    ):
        if predictor and not compression:
            continue
        tifffile.imwrite(
            tmp_path / "a.tif", np.stack(stack, -1 if planes == "contig" else 0),
            photometric="rgb" if samples > 2 else "minisblack", planarconfig=planes,
            compression=compression, predictor=predictor, tile=tile,
        )  # fmt: skip
        film = read_with_facts(tmp_path / "a.tif")
        np.testing.assert_allclose(film.pixels, values / most, atol=1e-6)
        assert ("colour became grey" in film.facts.corrections) == (samples > 2)


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate"])
def test_a_tiff_that_libtiff_packed_is_unpacked(tmp_path: Path, compression: str) -> None:
    values = _values(12)
    Image.fromarray(values).save(tmp_path / "a.tif", compression=compression)
    np.testing.assert_allclose(read_pixels(tmp_path / "a.tif"), values / 4095, atol=1e-6)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiff_lies_as_its_tag_says(tmp_path: Path, orientation: int) -> None:
    for kind in (np.uint8, np.uint16):
        values = _values(np.iinfo(kind).bits, kind)
        tag = (274, "H", 1, orientation, True)
        tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack", extratags=[tag])
        right = upright(values, orientation) / np.iinfo(kind).max
        np.testing.assert_allclose(read_pixels(tmp_path / "a.tif"), right, atol=1e-6)


def test_a_preview_behind_the_film_does_not_count(tmp_path: Path) -> None:
    values = _values(16)
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(values, photometric="minisblack")
        file.write(values[::4, ::4], photometric="minisblack", subfiletype=1)
    np.testing.assert_allclose(read_pixels(tmp_path / "a.tif"), values / 65535, atol=1e-6)


@pytest.mark.parametrize("cut", [1, 100, 2000])
def test_a_tiff_that_was_cut_off_is_not_filled_up(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, _values(16), photometric="minisblack")
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(TbspotError, match="cannot be read as a TIFF image"):
        read_pixels(path)


@pytest.mark.parametrize(
    "how",
    [
        {"data": _values(16), "photometric": 32803},
        {"data": _values(8, np.uint64), "photometric": "minisblack"},
        {"data": np.stack([_values(16)] * 4, -1), "photometric": "separated"},
        {"data": _values(8, np.uint8), "photometric": "minisblack", "compression": "jpegxl"},
        {"data": _values(16), "photometric": "minisblack", "compression": "jpeg2000"},
    ],
)
def test_a_tiff_that_would_be_read_wrongly_is_refused(tmp_path: Path, how: dict[str, Any]) -> None:
    tifffile.imwrite(tmp_path / "a.tif", **how)
    with pytest.raises(TbspotError, match="is a TIFF of a kind that tbspot does not read"):
        read_pixels(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("format_", "name"), [("BMP", "a.bmp"), ("WEBP", "a.webp"), ("JPEG2000", "a.jp2")]
)
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_bmp_webp_and_jpeg_2000_are_read(
    tmp_path: Path, format_: str, name: str, mode: str
) -> None:
    values = _values(8, np.uint8)
    settings = {"lossless": True} if format_ == "WEBP" else {}
    Image.fromarray(values).convert(mode).save(tmp_path / name, format_, **settings)
    film = read_with_facts(tmp_path / name)
    np.testing.assert_allclose(film.pixels, values / 255, atol=1e-6)
    assert film.facts.kind == format_


def test_a_jpeg_2000_file_of_12_bits_keeps_them(tmp_path: Path) -> None:
    values = _values(12)
    Image.fromarray(values).save(tmp_path / "a.jp2", irreversible=False)
    np.testing.assert_allclose(read_pixels(tmp_path / "a.jp2"), values / 4095, atol=1e-6)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("colours", [False, True])
def test_a_jpeg_2000_file_of_few_bits_is_as_bright_as_it_says(
    tmp_path: Path, colours: bool, bits: int, signed: bool
) -> None:
    values = _values(bits, np.int16)
    stored = (values - (1 << (bits - 1)) * signed).astype(np.int8 if signed else np.uint8)
    stored = np.stack([stored] * 3, -1) if colours else stored
    content = imagecodecs.jpeg2k_encode(
        stored, bitspersample=bits, codecformat="jp2", reversible=True, level=0
    )
    (tmp_path / "a.jp2").write_bytes(content)
    np.testing.assert_allclose(
        read_pixels(tmp_path / "a.jp2"), values / (2**bits - 1), atol=0.5 / 255 + 1e-6
    )


@pytest.mark.parametrize("bits", [8, 16])
def test_a_jpeg_2000_file_that_was_cut_off_is_not_filled_up(tmp_path: Path, bits: int) -> None:
    path = tmp_path / "a.jp2"
    Image.fromarray(_values(bits, f"u{bits // 8}")).save(path, irreversible=False)
    content = path.read_bytes()
    half = len(content) // 2
    for broken in (content[:half], content[:half] + bytes(half), content[:half] + b"\xff\xd9"):
        path.write_bytes(broken)
        with pytest.raises(TbspotError, match="cannot be read as a JPEG 2000 image"):
            read_pixels(path)


def test_an_animation_is_refused(tmp_path: Path) -> None:
    pages = [Image.fromarray(_values(8, np.uint8)).rotate(angle) for angle in (0, 90)]
    pages[0].save(tmp_path / "a.webp", save_all=True, append_images=pages[1:])
    with pytest.raises(TbspotError, match="holds 2 pictures; save the film alone"):
        read_pixels(tmp_path / "a.webp")


@pytest.mark.parametrize(
    ("values", "right"),
    [
        (np.array([[0, 4095]], np.int16), [0, 1]),
        (np.array([[0, 32767]], np.int16), [0, 1]),
        (np.array([[-2048, 2047]], np.int16), [0, 1]),
        (np.array([[-1, 0]], np.int8), [127 / 255, 128 / 255]),
        (np.array([[-(2**31), 2**31 - 1]], np.int32), [0, 1]),
        (np.array([[0, 2**32 - 1]], np.uint32), [0, 1]),
        (np.array([[0, 100]], np.uint16), [0, 100 / 255]),
        (np.array([[0, 0]], np.uint8), [0, 0]),
    ],
)
def test_depth_is_the_least_even_number_of_bits_that_holds_all(
    values: NDArray[Any], right: list[float]
) -> None:
    np.testing.assert_allclose(to_pixels(values)[0][0], right, atol=1e-6)


@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize("kind", ["u1", "u2"])
@pytest.mark.parametrize("colours", [False, True])
@pytest.mark.parametrize("tag", ["places", "lengths"])
def test_a_tiff_that_lacks_strips_or_tiles_is_not_filled_up_with_black(
    tmp_path: Path, tag: str, colours: bool, kind: str, tile: tuple[int, int] | None
) -> None:
    values, path = _values(8 * int(kind[1]), kind), tmp_path / "a.tif"
    if colours:
        values = np.stack([values] * 3, -1)
    tifffile.imwrite(path, values, rowsperstrip=10, tile=tile,
                     photometric="rgb" if colours else "minisblack")  # fmt: skip
    read_pixels(path)
    numbers = {"places": 273, "lengths": 279} if tile is None else {"places": 324, "lengths": 325}
    with tifffile.TiffFile(path) as file:
        place = file.pages.first.tags[numbers[tag]].offset
    content = bytearray(path.read_bytes())
    content[place + 4 : place + 8] = struct.pack("<I", 3)
    path.write_bytes(content)
    with pytest.raises(TbspotError, match="cannot be read as a TIFF image"):
        read_pixels(path)


@pytest.mark.parametrize("where", [0, 7, 2**31])
@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_a_tiff_whose_strips_lie_in_no_file_is_refused(
    tmp_path: Path, kind: str, where: int
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, _values(8 * int(kind[1]), kind), rowsperstrip=10, compression="zlib",
                     photometric="minisblack")  # fmt: skip
    with tifffile.TiffFile(path) as file:
        place = file.pages.first.tags[273].valueoffset
    content = bytearray(path.read_bytes())
    content[place + 8 : place + 12] = struct.pack("<I", where)
    path.write_bytes(content)
    with pytest.raises(TbspotError, match="cannot be read as a TIFF image"):
        read_pixels(path)


def _with_entry(path: Path, tag: int, replaced: bytes) -> Path:
    """The TIFF with its directory's entry of a tag begun otherwise."""
    with tifffile.TiffFile(path) as file:
        place = file.pages.first.tags[tag].offset
    content = bytearray(path.read_bytes())
    content[place : place + len(replaced)] = replaced
    path.write_bytes(content)
    return path


def test_a_tiff_without_the_lengths_of_its_strips_is_read(tmp_path: Path) -> None:
    values, path = _values(8, np.uint8), tmp_path / "a.tif"
    tifffile.imwrite(path, values, photometric="minisblack")
    _with_entry(path, 279, struct.pack("<H", 280))
    np.testing.assert_allclose(read_pixels(path), values / 255, atol=1e-6)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_tiff_that_does_not_say_whether_zero_is_white_has_black_there(
    tmp_path: Path, bits: int
) -> None:
    values, path = _values(bits, f"u{bits // 8}"), tmp_path / "a.tif"
    tifffile.imwrite(path, values, photometric="minisblack")
    _with_entry(path, 262, struct.pack("<H", 263))
    np.testing.assert_allclose(read_pixels(path), values / (2**bits - 1), atol=1e-6)


@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_a_preview_in_a_tiff_is_no_second_picture(tmp_path: Path, kind: str) -> None:
    values, path = _values(8 * int(kind[1]), kind), tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(values, photometric="minisblack")
        file.write(values[::4, ::4], photometric="minisblack", subfiletype=1)
    np.testing.assert_allclose(read_pixels(path), values / np.iinfo(kind).max, atol=1e-6)


@pytest.mark.parametrize("colours", [8, 9, 10, 32844], ids=["Lab", "ICCLab", "ITULab", "LogL"])
def test_a_tiff_of_colours_that_are_not_read_is_not_called_broken(
    tmp_path: Path, colours: int
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.stack([_values(8, np.uint8)] * 3, -1), photometric="rgb")
    _with_entry(path, 262, struct.pack("<HHIH", 262, 3, 1, colours))
    with pytest.raises(TbspotError, match="of a kind that tbspot does not read; save it as PNG"):
        read_pixels(path)


def test_colours_that_were_weighed_by_their_transparency_stay_as_they_are(tmp_path: Path) -> None:
    values, path = _values(8, np.uint8), tmp_path / "a.tif"
    alpha = np.full_like(values, 128)
    tifffile.imwrite(path, np.stack([values // 2] * 3 + [alpha], -1), photometric="rgb",
                     extrasamples=["assocalpha"])  # fmt: skip
    np.testing.assert_allclose(read_pixels(path), values // 2 / 255, atol=1e-6)


def test_a_strip_of_more_bytes_than_pillow_takes_pixels_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values, path = np.stack([_values(16)] * 3, -1), tmp_path / "a.tif"
    tifffile.imwrite(path, values, photometric="rgb", compression="zlib")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", values.size // 4)  # twice so many are refused
    with path.open("rb") as file:
        pixels = read_raster(file, "a.tif", "TIFF").pixels
    np.testing.assert_allclose(pixels, _values(16) / 65535, atol=1e-6)
