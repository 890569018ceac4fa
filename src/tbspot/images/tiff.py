"""TIFF beyond what Pillow gives whole: deep colours, signs, separate planes, transparency.

Takes an open file; gives pixels, or `None` where Pillow is right. Tags are read and strips
unpacked by Pillow and its libtiff; only where samples lie is worked out here (TIFF 6.0).
"""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from tbspot.errors import TbspotError
from tbspot.images.depth import to_pixels, upright
from tbspot.images.opening import check_size

__all__ = ["read_tiff"]

SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 254, 256, 257, 258, 259, 262
FILL_ORDER, STRIPS, ORIENTATION, SAMPLES, STRIP_ROWS, STRIP_BYTES = 266, 273, 274, 277, 278, 279
PLANAR, PREDICTOR, TILE_WIDTH, TILE_HEIGHT, TILES, TILE_BYTES = 284, 317, 322, 323, 324, 325
EXTRA, FORMAT = 338, 339
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR = 0, 1, 2, 3, 5, 6
COLOURS = (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR)
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
ASSOCIATED = 1
NONE, PACKBITS = 1, 32773
# LZW, Deflate under both its numbers, LZMA and Zstandard; these may hold differences.
DIFFERENCED = (5, 8, 32946, 34925, 50000)
# CCITT's three and JPEG, old and new, of which Pillow makes whole pictures.
CCITT, OLD_JPEG = (2, 3, 4), 6
PILLOWS = (*CCITT, OLD_JPEG, 7)
# Of samples that share bytes it reads these, and 12 bits of one order of bytes.
PILLOWS_BITS = {1, 2, 4, 8}
REDUCED = 1
# Types of whole numbers (TIFF 6.0 section 2; BigTIFF's are the last two).
TYPES = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q"}
# Behind the header, of which every file has so many bytes.
FIRST_PLACE = 8
MOST_PAGES, MOST_TAGS, MOST_NUMBERS = 1000, 4096, 1_000_000


@dataclass(frozen=True)
class _Page:
    """A directory: the order of its bytes, whether it is BigTIFF's, and whole numbers by tag."""

    order: str
    big: bool
    numbers: Mapping[int, tuple[int, ...]]

    def get(self, tag: int, default: int | None = None) -> int:
        """A tag's first number; KeyError where it has none and must have one."""
        if tag not in self.numbers and default is not None:
            return default
        return self.numbers[tag][0]

    def all(self, tag: int, default: int | None = None) -> tuple[int, ...]:
        """All of a tag's numbers."""
        if tag not in self.numbers and default is not None:
            return (default,)
        return self.numbers[tag]


@dataclass(frozen=True)
class _Layout:
    """Where a page's samples lie.

    Attributes:
        shape: height and width of the picture, and samples a pixel.
        number: the type of a sample, in the file's order.
        planes: how many planes there are; samples lie together in one, or each in its own.
        piece: rows and columns of a strip or tile.
        offsets: where in the file each strip or tile begins, plane after plane.
        lengths: of each strip or tile in bytes, as it lies in the file.
        compression: of strips and tiles, as the tag has it.
        differences: whether a row's samples are stored as differences from those on their left.
        tiled: whether the pieces are tiles, of which the last ones reach beyond the picture.
    """

    shape: tuple[int, int, int]
    number: np.dtype[Any]
    planes: int
    piece: tuple[int, int]
    offsets: tuple[int, ...]
    lengths: tuple[int, ...]
    compression: int
    differences: bool
    tiled: bool


def read_tiff(file: BinaryIO, name: str) -> tuple[NDArray[np.float32], tuple[str, ...]] | None:
    """Pixels of a TIFF that Pillow would narrow or misread, and what was done; else `None`.

    Raises:
        TbspotError: the file holds several pictures or floating point numbers, is too large, or
            is of a kind that neither reads.
    """
    pages = list(_pages(file))
    whole = [page for page in pages if not page.get(SUBFILE, 0) & REDUCED]
    if len(whole) > 1:
        raise TbspotError(f"{name} holds {len(whole)} pictures; save the film alone")
    if len(whole) == 0 or whole[0] is not pages[0]:
        raise _refusal(name)
    page = whole[0]
    check_size(page.get(WIDTH), page.get(HEIGHT), name)
    bits, formats = set(page.all(BITS, 1)), set(page.all(FORMAT, UNSIGNED))
    if FLOAT in formats:
        raise TbspotError(
            f"{name} holds floating point numbers without a known range; save it with 16 bits"
        )
    known = page.get(COMPRESSION, NONE) in (NONE, PACKBITS, *DIFFERENCED, *PILLOWS)
    if not known or page.get(PHOTOMETRIC, BLACK_IS_ZERO) not in COLOURS:
        raise _refusal(name)
    _check_pieces(file, page)
    if formats == {UNSIGNED} and _pillow_is_right(page, bits):
        return None
    layout = _layout(page, bits, formats)
    if layout is None:
        raise _refusal(name)
    values = _samples(file, layout)
    grey = page.get(PHOTOMETRIC, BLACK_IS_ZERO) != RGB
    values = values[..., 0] if grey else values[..., :3]
    pixels, said = to_pixels(upright(values, page.get(ORIENTATION, 1)))
    return 1 - pixels if page.get(PHOTOMETRIC, BLACK_IS_ZERO) == WHITE_IS_ZERO else pixels, said


def _refusal(name: str) -> TbspotError:
    return TbspotError(
        f"{name} is a TIFF of a kind that tbspot does not read; save it as PNG with 8 or 16 bits"
    )


def _pages(file: BinaryIO) -> Iterator[_Page]:
    """The directories of a TIFF or BigTIFF, one a picture."""
    file.seek(0)
    header = file.read(16)
    order = "<" if header.startswith(b"II") else ">"
    # BigTIFF has the number 43 in the place of 42, and places of 8 bytes.
    big = struct.unpack_from(f"{order}H", header, 2) == (43,)
    (at,) = struct.unpack_from(f"{order}Q" if big else f"{order}I", header, 8 if big else 4)
    for _ in range(MOST_PAGES):
        if not at:
            return
        page, at = _page(file, order, big, at)
        yield page
    raise ValueError("directories without end")


def _page(file: BinaryIO, order: str, big: bool, at: int) -> tuple[_Page, int]:
    """A directory's whole numbers by tag, and where the next directory is."""
    word, counter = ("Q", "Q") if big else ("I", "H")
    width = struct.calcsize(word)
    (count,) = _numbers(file, at, order, counter, 1)
    entries, numbers = at + struct.calcsize(counter), {}
    for place in range(entries, entries + (4 + 2 * width) * min(count, MOST_TAGS), 4 + 2 * width):
        tag, kind = _numbers(file, place, order, "H", 2)
        (length,) = _numbers(file, place + 4, order, word, 1)
        if kind in TYPES and 0 < length <= MOST_NUMBERS:
            where = place + 4 + width
            if struct.calcsize(TYPES[kind]) * length > width:
                (where,) = _numbers(file, where, order, word, 1)
            numbers[tag] = _numbers(file, where, order, TYPES[kind], length)
    (following,) = _numbers(file, entries + (4 + 2 * width) * count, order, word, 1)
    return _Page(order, big, numbers), following


def _numbers(file: BinaryIO, at: int, order: str, kind: str, count: int) -> tuple[int, ...]:
    file.seek(at)
    return struct.unpack(f"{order}{count}{kind}", file.read(struct.calcsize(kind) * count))


def _pillow_is_right(page: _Page, bits: set[int]) -> bool:
    """Whether Pillow reads unsigned samples of so many bits with all their bits."""
    if page.big and page.order == ">":
        return False
    samples, together = page.get(SAMPLES, 1), page.get(PLANAR, 1) == 1
    if (
        samples == 1
        and PHOTOMETRIC not in page.numbers
        and page.get(COMPRESSION, NONE) not in CCITT
    ):
        return False  # for Pillow zero is white where nothing is said, for others that of fax alone
    if (
        bits == {8}
        and page.get(PHOTOMETRIC, BLACK_IS_ZERO) == RGB
        and (page.get(EXTRA, 0) == ASSOCIATED and page.get(COMPRESSION, NONE) not in PILLOWS)
    ):
        return False  # it divides colours by their transparency
    if bits <= PILLOWS_BITS:
        return together and (
            samples == 1
            or page.get(PHOTOMETRIC, BLACK_IS_ZERO) not in (WHITE_IS_ZERO, BLACK_IS_ZERO)
        )
    # Of its deep modes only this: 16-bit grey is read here as all others are.
    grey = samples == 1 and page.get(PHOTOMETRIC, BLACK_IS_ZERO) == BLACK_IS_ZERO
    return bits == {12} and page.order == "<" and grey


def _check_pieces(file: BinaryIO, page: _Page) -> None:
    """See that every strip or tile has a place in the file: Pillow leaves black what has none.

    Raises:
        ValueError, LookupError: some have none.
    """
    if page.get(COMPRESSION, NONE) == OLD_JPEG and STRIPS not in page.numbers:
        return  # its one stream may stand elsewhere
    tiled = TILES in page.numbers
    sides = zip((page.get(HEIGHT), page.get(WIDTH)), _piece(page), strict=True)
    needed = math.prod(-(-side // part) for side, part in sides) * _planes(page)
    offsets = page.all(TILES if tiled else STRIPS)
    lengths = page.numbers.get(TILE_BYTES if tiled else STRIP_BYTES, offsets)
    if min(len(offsets), len(lengths)) < needed:
        raise ValueError("strips or tiles are missing")
    if min(offsets[:needed]) < FIRST_PLACE or max(offsets[:needed]) >= file.seek(0, 2):
        raise ValueError("strips or tiles are not in the file")


def _piece(page: _Page) -> tuple[int, int]:
    """Rows and columns of a strip or tile."""
    if TILES in page.numbers:
        return page.get(TILE_HEIGHT), page.get(TILE_WIDTH)
    height = page.get(HEIGHT)
    return min(page.get(STRIP_ROWS, height), height), page.get(WIDTH)


def _planes(page: _Page) -> int:
    return page.get(SAMPLES, 1) if page.get(PLANAR, 1) == 2 else 1


def _layout(page: _Page, bits: set[int], formats: set[int]) -> _Layout | None:
    compression, predictor = page.get(COMPRESSION, NONE), page.get(PREDICTOR, 1)
    known = (
        page.get(PHOTOMETRIC, BLACK_IS_ZERO) in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB)
        and (bits in ({8}, {16}, {32}))
        and formats in ({UNSIGNED}, {SIGNED})
        and compression in (NONE, PACKBITS, *DIFFERENCED)
        and (predictor in (1, 2) or compression not in DIFFERENCED)
        and page.get(FILL_ORDER, 1) == 1
    )
    samples = page.get(SAMPLES, 1)
    if not known or samples < (3 if page.get(PHOTOMETRIC, BLACK_IS_ZERO) == RGB else 1):
        return None
    tiled = TILES in page.numbers
    kind = "i" if formats == {SIGNED} else "u"
    return _Layout(
        shape=(page.get(HEIGHT), page.get(WIDTH), samples),
        number=np.dtype(f"{page.order}{kind}{max(bits) // 8}"),
        planes=_planes(page),
        piece=_piece(page),
        offsets=page.all(TILES if tiled else STRIPS),
        lengths=page.all(TILE_BYTES if tiled else STRIP_BYTES),
        compression=compression,
        differences=predictor == 2 and compression in DIFFERENCED,
        tiled=tiled,
    )


def _samples(file: BinaryIO, layout: _Layout) -> NDArray[np.integer[Any]]:
    """The samples `[height, width, samples]`, in this machine's order.

    Raises:
        ValueError: strips or tiles are missing or too short.
    """
    height, width, samples = layout.shape
    rows, columns = layout.piece
    a_pixel = samples // layout.planes
    values = np.empty(layout.shape, layout.number.newbyteorder("="))
    places = [
        (plane, y, x)
        for plane in range(layout.planes)
        for y in range(0, height, rows)
        for x in range(0, width, columns)
    ]
    for (plane, y, x), offset, length in zip(
        places, layout.offsets[: len(places)], layout.lengths[: len(places)], strict=True
    ):
        # A tile is whole also at the picture's edge, a strip ends with it.
        down = rows if layout.tiled else min(rows, height - y)
        file.seek(offset)
        data = _unpacked(file.read(length), layout, down, columns * a_pixel)
        piece = np.frombuffer(data, layout.number, down * columns * a_pixel).astype(values.dtype)
        piece = piece.reshape(down, columns, a_pixel)
        if layout.differences:
            piece = np.cumsum(piece, axis=1, dtype=values.dtype)
        part = slice(plane, plane + 1) if layout.planes > 1 else slice(None)
        values[y : y + down, x : x + columns, part] = piece[: height - y, : width - x]
    return values


def _unpacked(data: bytes, layout: _Layout, rows: int, row: int) -> bytes:
    """A strip's or tile's bytes, by libtiff: as a picture of bytes it gives them as they are."""
    if layout.compression == NONE:
        return data
    size = row * layout.number.itemsize
    tags = {
        WIDTH: size, HEIGHT: rows, BITS: 8, COMPRESSION: layout.compression, PHOTOMETRIC: 1,
        STRIPS: 8, SAMPLES: 1, STRIP_ROWS: rows, STRIP_BYTES: len(data),
    }  # fmt: skip
    at = 8 + len(data) + len(data) % 2
    directory = struct.pack("<H", len(tags)) + b"".join(
        struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items()
    )
    content = struct.pack("<2sHI", b"II", 42, at) + data.ljust(at - 8, b"\0") + directory + bytes(4)
    # By Image.open, and in a picture of Pillow's own, a large strip's bytes are too many pixels.
    with TiffImagePlugin.TiffImageFile(io.BytesIO(content)) as image:
        image.im = Image.new("L", image.size).im
        return image.tobytes()
