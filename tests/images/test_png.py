"""A damaged PNG is refused: what Pillow leaves black is no air."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tbspot.errors import TbspotError
from tbspot.images import read_pixels
from tbspot.samples.reading import film_size

# No noughts at its lower edge, so that only missing rows look like some.
FILM = np.random.default_rng(1).integers(1, 256, (300, 200), np.uint8)
KINDS: dict[str, tuple[NDArray[Any], int, int]] = {
    "grey": (FILM, 8, 0),
    "deep": (FILM.astype(np.uint16) * 257, 16, 0),
    "colour": (np.stack([FILM] * 3, -1), 8, 2),
    "deep colour": (np.stack([FILM.astype(np.uint16) * 257] * 3, -1), 16, 2),
    "transparent": (np.stack([FILM] * 2, -1), 8, 4),
    "deep transparent": (np.stack([FILM.astype(np.uint16) * 257] * 2, -1), 16, 4),
}
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
          (0, 1, 1, 2))  # fmt: skip


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def _rows(values: NDArray[Any]) -> bytes:
    big = values.astype(">u2" if values.dtype == np.uint16 else "u1")
    return b"".join(b"\0" + row.tobytes() for row in big)


def _png(kind: str, rows: bytes, interlaced: bool = False, before_end: bytes = b"") -> bytes:
    values, bits, colour = KINDS[kind]
    header = struct.pack(">IIBBBBB", *values.shape[1::-1], bits, colour, 0, 0, interlaced)
    packed = zlib.compress(rows)
    half = len(packed) // 2
    chunks = [(b"IHDR", header), (b"IDAT", packed[:half]), (b"IDAT", packed[half:])]
    content = b"".join(_chunk(*each) for each in chunks)
    return b"\x89PNG\r\n\x1a\n" + content + before_end + _chunk(b"IEND", b"")


def _refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(TbspotError, match=r"a\.png cannot be read as a PNG image"):
        read_pixels(path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_png_that_lacks_its_last_row_is_refused(kind: str, tmp_path: Path) -> None:
    values = KINDS[kind][0]
    (tmp_path / "a.png").write_bytes(_png(kind, _rows(values)))
    np.testing.assert_allclose(read_pixels(tmp_path / "a.png"), FILM / 255, atol=0.002)
    for some in (values[:-1], values[:150]):
        _refused(tmp_path / "a.png", _png(kind, _rows(some)))


@pytest.mark.parametrize("side", [1, 2, 3, 5, 8, 9, 30])
def test_an_interlaced_png_has_all_its_passes(
    side: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = FILM[:side, : 31 - side]
    monkeypatch.setitem(KINDS, "small", (film, 8, 0))
    passes = [film[y::down, x::across] for x, y, across, down in PASSES]
    rows = b"".join(_rows(each) for each in passes if each.size)
    (tmp_path / "a.png").write_bytes(_png("small", rows, interlaced=True))
    np.testing.assert_allclose(read_pixels(tmp_path / "a.png"), film / 255, atol=1e-6)
    _refused(tmp_path / "a.png", _png("small", rows[: -len(_rows(passes[-1])) or -1], True))


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_a_png_whose_pixels_share_bytes_may_have_a_black_edge(bits: int, tmp_path: Path) -> None:
    rows = b"\0" + b"\xff" * -(-13 * bits // 8) + b"\0" + bytes(-(-13 * bits // 8))
    header = struct.pack(">IIBBBBB", 13, 2, bits, 0, 0, 0, 0)
    content = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    np.testing.assert_array_equal(read_pixels(tmp_path / "a.png"), [[1] * 13, [0] * 13])


def test_a_png_whose_end_was_lost_in_copying_is_refused(tmp_path: Path) -> None:
    whole = _png("grey", _rows(FILM))
    for place in (60, len(whole) // 2, len(whole) - 20, len(whole) - 12):
        _refused(tmp_path / "a.png", whole[:place] + bytes(len(whole) - place))
        _refused(tmp_path / "a.png", whole[:place])
        flipped = bytearray(whole)
        flipped[place] ^= 1
        _refused(tmp_path / "a.png", bytes(flipped))


def test_what_is_no_part_of_the_picture_may_be_damaged(tmp_path: Path) -> None:
    text = bytearray(_chunk(b"tEXt", b"Comment\0of a camera"))
    text[-1] ^= 1
    (tmp_path / "a.png").write_bytes(
        _png("grey", _rows(FILM), before_end=bytes(text)) + b"rests of a disk"
    )
    np.testing.assert_allclose(read_pixels(tmp_path / "a.png"), FILM / 255, atol=1e-6)


def test_a_film_with_a_black_edge_is_read(tmp_path: Path) -> None:
    film = FILM.copy()
    film[-50:] = 0
    Image.fromarray(film).save(tmp_path / "a.png")
    np.testing.assert_allclose(read_pixels(tmp_path / "a.png"), film / 255, atol=1e-6)


XMP_ON_ITS_SIDE = b'<rdf:Description tiff:Orientation="6"/>'


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "chunk",
    [
        (b"zTXt", b"a\0\0" + zlib.compress(b"x" * 3_000_000)),
        (b"iTXt", b"a\0\1\0\0\0" + zlib.compress(b"x" * 3_000_000)),
        (b"iCCP", b"a\0\0" + zlib.compress(b"x" * 3_000_000)),
        (b"pHYs", b"1"),
        (b"gAMA", b"1"),
        (b"cHRM", b"1"),
        (b"sRGB", b""),
        (b"eXIf", b"1"),
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP_ON_ITS_SIDE),
    ],
    ids=lambda chunk: f"{chunk[0].decode()}-{len(chunk[1])}",
)
def test_what_a_picture_is_whole_without_costs_no_film(
    chunk: tuple[bytes, bytes], kind: str, tmp_path: Path
) -> None:
    content = _png(kind, _rows(KINDS[kind][0]))
    before_pixels = content.index(b"IDAT") - 4
    path = tmp_path / "a.png"
    path.write_bytes(content[:before_pixels] + _chunk(*chunk) + content[before_pixels:])
    np.testing.assert_allclose(read_pixels(path), FILM / np.float32(255), atol=0.01)
    assert film_size(path) == (200, 300)
