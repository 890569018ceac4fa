"""What a compressed picture says of its own size, and whether it is whole, before it is decoded.

Takes the bytes of a JPEG, JPEG-LS or JPEG 2000 codestream (ITU-T T.81 B.2.2, T.87 C.2.2, T.800
A.5.1); gives its size. A header beside it, such as DICOM's, may say less than the decoder will
make of it. Decoding is left to the decoders.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from tbspot.errors import TbspotError

if TYPE_CHECKING:  # PNG and JPEG are read without pydicom
    from pydicom.dataset import Dataset

__all__ = [
    "END_OF_IMAGE",
    "START_OF_JPEG_2000",
    "CodestreamSize",
    "check_codestream",
    "check_whole",
    "codestream_size",
    "fragments",
    "has_adobe_mark",
    "is_jpeg_2000",
    "jpeg_alone",
    "jpeg_process",
    "rare_jpeg",
    "with_end",
]

# Frame headers: SOF0 to SOF15 but for tables (C4), extensions (C8) and conditioning (CC); and
# SOF55 of JPEG-LS.
FRAME_HEADERS = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})
# Markers without a segment: TEM, RST0 to RST7, SOI and EOI.
BARE = frozenset({0x01, *range(0xD0, 0xDA)})
START_OF_SCAN, END = 0xDA, 0xD9
# Segments of applications and comments (T.81 B.2.4.6 and B.2.4.5). Of them these tell how the
# picture's colours or itself lie, and begin with so much at least: JFIF, EXIF and Adobe's.
APPLICATIONS = frozenset({*range(0xE0, 0xF0), 0xFE})
ADOBE = 0xEE
TELLING = {0xE0: (b"JFIF\0", 14), 0xE1: (b"Exif\0\0", 6), ADOBE: (b"Adobe", 12)}
# What a frame header begins whose codestream few decoders know (T.81 table B.1, T.87 C.2.2).
RARE = {
    **dict.fromkeys((0xC3,), "lossless"),
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "hierarchical"),
    **dict.fromkeys((0xC9, 0xCA, 0xCB), "arithmetically coded"),
    0xF7: "JPEG-LS",
}
ITEM = b"\xfe\xff\x00\xe0"
JPEG, START_OF_JPEG_2000, JP2_BOX = b"\xff\xd8", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP  "
# The same end in all three; JPEG 2000's begin of a tile-part (T.800 A.4).
END_OF_IMAGE, START_OF_TILE = b"\xff\xd9", b"\xff\x90"
# What a lost end is overwritten with, and longer than what makes a length even.
NOUGHTS = bytes(3)
# JPEG 2000 parts its picture in tiles, of each of which a decoder keeps account.
MOST_TILES = 65_535


class CodestreamSize(NamedTuple):
    """Pixels across and down, components, and the most bits of one."""

    width: int
    height: int
    components: int
    precision: int


def check_codestream(content: Dataset, name: str) -> None:
    """Refuse compressed pixels that are of another size than the header says (PS3.5 8.2, A.4).

    Args:
        content: with Rows, Columns, SamplesPerPixel, BitsAllocated and encapsulated PixelData.
        name: what sentences call the file.

    Raises:
        TbspotError: the codestream is larger or smaller, has other components, or does not say its
            height where it begins; or there are several.
        ValueError: there is no codestream, or none with a header.
    """
    parts = list(fragments(content.PixelData))
    if sum(part.startswith(JPEG) or is_jpeg_2000(part) for part in parts) > 1:
        raise TbspotError(f"{name} holds several frames; export the film alone")
    size = codestream_size(b"".join(parts))
    if size is None:  # RLE, whose decoder makes what the header says and no more
        return
    if not size.height:
        raise TbspotError(
            f"{name} holds a JPEG whose height stands behind its picture (DNL), which no decoder "
            "reads; export it again"
        )
    wanted = (content.Columns, content.Rows, content.SamplesPerPixel)
    if size[:3] != wanted or size.precision > content.BitsAllocated:
        raise TbspotError(
            f"{name} has {wanted[0]} x {wanted[1]} pixels of {wanted[2]} samples by its header and "
            f"{size.width} x {size.height} of {size.components} in its picture; export it again"
        )


def fragments(data: bytes) -> Iterator[bytes]:
    """The fragments of encapsulated pixels (PS3.5 A.4), without the table of offsets before them.

    With one frame they all belong to it, whatever the table says, and where there is none.
    """
    at, items = 0, []
    while data[at : at + 4] == ITEM:
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        items.append((at + 8, at + 8 + length))
        at += 8 + length
    for start, end in items[1:] or items:
        yield data[start:end]


def codestream_size(stream: bytes) -> CodestreamSize | None:
    """The size that a codestream declares; `None` where it is none of the three kinds.

    Raises:
        ValueError: it begins as one of them and has no header, or two that differ.
    """
    try:
        if stream.startswith(JP2_BOX):
            # A file of JPEG 2000 around the codestream, as some archives keep it.
            start = stream.find(START_OF_JPEG_2000)
            return _jpeg_2000(stream[start:]) if start >= 0 else _absent()
        if stream.startswith(START_OF_JPEG_2000):
            return _jpeg_2000(stream)
        return _jpeg(stream) if stream.startswith(JPEG) else None
    except struct.error as error:
        raise ValueError("the codestream ends in its header") from error


def check_whole(stream: bytes, *, strictly: bool = False) -> None:
    """See that a codestream was not cut off, nor its end overwritten with noughts.

    Decoders fill with grey what is missing. Of JPEG 2000 all tiles must be there to their end; of
    JPEG only the end can be told. An end marker that an encoder left out is not missed.

    Args:
        stream: of JPEG, JPEG-LS or JPEG 2000, or a file of it; others are left alone.
        strictly: a JPEG must have its end marker, for decoders that go on without.

    Raises:
        ValueError: something is missing.
    """
    try:
        may_lack = not strictly and not stream.endswith(NOUGHTS)
        if stream.startswith(JPEG) and not may_lack and not _has_end(stream):
            raise ValueError("the codestream was cut off or its end overwritten")
        if is_jpeg_2000(stream):
            _check_tiles(stream, stream.index(START_OF_JPEG_2000))
    except struct.error as error:
        raise ValueError("the codestream ends in a header") from error


def _has_end(stream: bytes) -> bool:
    """Whether a JPEG's end marker comes behind its first scan.

    It cannot stand in the picture itself (T.81 B.1.1.5). What a camera keeps behind the end, such
    as a video or a second picture, does not matter, nor does a preview before the scan.
    """
    scans = (place for marker, place in _segments(stream) if marker == START_OF_SCAN)
    return stream.find(END_OF_IMAGE, next(scans, len(stream))) >= 0


def _check_tiles(stream: bytes, at: int) -> None:
    tiles, end = _tile_parts(stream, at)
    # Without an end marker the last tile-part ends with the stream, but for a byte that makes its
    # length even.
    ends = stream[end : end + 2]
    lost = ends != END_OF_IMAGE and (ends not in (b"", b"\0") or stream.endswith(NOUGHTS))
    if lost or end > len(stream):
        raise ValueError("the codestream was cut off or its end overwritten")
    width, height, _, _, across, down, x, y = struct.unpack_from(">8I", stream, at + 8)
    if len(tiles) < -(-(width - x) // across) * -(-(height - y) // down):
        raise ValueError("tiles are missing")


def with_end(stream: bytes) -> bytes:
    """A codestream that `check_whole` let pass, with the end marker that an encoder left out.

    OpenJPEG refuses a picture of JPEG 2000, or a file of it, without. Others stay as they are.
    """
    if not is_jpeg_2000(stream):
        return stream
    _, end = _tile_parts(stream, stream.index(START_OF_JPEG_2000))
    return stream if stream[end : end + 2] == END_OF_IMAGE else stream[:end] + END_OF_IMAGE


def _tile_parts(stream: bytes, at: int) -> tuple[set[int], int]:
    """Numbers of the tiles, and where the last tile-part ends (T.800 A.4.2)."""
    at += 2
    while stream[at : at + 2] != START_OF_TILE:  # segments of the main header
        at += 2 + max(2, *struct.unpack_from(">H", stream, at + 2))
    tiles = set()
    while stream[at : at + 2] == START_OF_TILE:
        tile, length = struct.unpack_from(">HI", stream, at + 4)
        tiles.add(tile)
        if not length:  # as far as the end marker
            return tiles, len(stream.rstrip(b"\0")) - 2
        at += max(12, length)
    return tiles, at


def is_jpeg_2000(stream: bytes) -> bool:
    """Whether it is a codestream of JPEG 2000, or a file of it."""
    return stream.startswith((START_OF_JPEG_2000, JP2_BOX))


def jpeg_alone(stream: bytes) -> bytes:
    """A JPEG without texts, profiles, thumbnails and the like.

    Pillow refuses a picture for what it cannot read of those, which other programs pass over.

    Raises:
        struct.error: it ends before its picture.
    """
    parts, start = [], 0
    for marker, place in _segments(stream):
        (length,) = struct.unpack_from(">H", stream, place)
        begin, least = TELLING.get(marker, (b"", 0))
        tells = least and length >= 2 + least and stream.startswith(begin, place + 2)
        if marker in APPLICATIONS and not tells:
            parts.append(stream[start : place - 2])
            start = place + max(2, length)
    # The rest may be hundreds of megabytes, which are copied once.
    return b"".join([*parts, memoryview(stream)[start:]]) if parts else stream


def has_adobe_mark(stream: bytes) -> bool:
    """Whether a JPEG says by Adobe's segment what its colours are, which libjpeg then undoes."""
    return stream.startswith(JPEG) and any(
        marker == ADOBE and stream.startswith(TELLING[ADOBE][0], place + 2)
        for marker, place in _segments(stream)
    )


def jpeg_process(stream: bytes) -> str | None:
    """Which JPEG it is: `lossless`, `JPEG-LS` and so on, empty if one of those that every decoder
    knows; `None` if none.
    """
    found = _first_frame(stream)
    return found and RARE.get(found[0], "")


def _first_frame(stream: bytes) -> tuple[int, CodestreamSize] | None:
    try:
        return next(_frame_headers(stream), None) if stream.startswith(JPEG) else None
    except struct.error:
        return None


def rare_jpeg(stream: bytes) -> str | None:
    """Which JPEG it is of those that few programs decode; `None` of the others, and of none."""
    if (found := _first_frame(stream)) is None:
        return None
    marker, size = found
    return RARE.get(marker) or (f"{size.precision} bits" if size.precision > 8 else None)


def _absent() -> CodestreamSize:
    raise ValueError("the codestream has no header of a picture")


def _jpeg_2000(stream: bytes) -> CodestreamSize:
    """The SIZ segment, which comes first (T.800 A.5.1)."""
    _, _, *numbers = struct.unpack_from(">HH8IH", stream, 4)
    right, low, left, top, tile_width, tile_height, tile_left, tile_top, components = numbers
    width, height = right - left, low - top
    if min(width, height, tile_width, tile_height) < 1 or not 1 <= components <= 16384:
        return _absent()
    across = -(-(right - tile_left) // tile_width)
    down = -(-(low - tile_top) // tile_height)
    if across * down > MOST_TILES:
        raise ValueError("the codestream has more tiles than any picture")
    parts = [struct.unpack_from("BBB", stream, 42 + 3 * number) for number in range(components)]
    if any((x, y) != (1, 1) for _, x, y in parts):
        # Components thinned out are as large as the picture says, or smaller.
        parts = [part for part in parts if 0 not in part[1:]] or [(255, 1, 1)]
    return CodestreamSize(width, height, components, max(1 + (bits & 127) for bits, _, _ in parts))


def _jpeg(stream: bytes) -> CodestreamSize:
    """The frame header, where there are several the same in each."""
    found = {size for _, size in _frame_headers(stream)}
    if len(found) > 1:
        raise ValueError("the codestream has two headers that differ")
    return found.pop() if found else _absent()


def _frame_headers(stream: bytes) -> Iterator[tuple[int, CodestreamSize]]:
    """Marker and size of each frame header (T.81 B.2.2) before the first scan."""
    for marker, place in _segments(stream):
        if marker in FRAME_HEADERS:
            precision, height, width, components = struct.unpack_from(">BHHB", stream, place + 2)
            yield marker, CodestreamSize(width, height, components, precision)


def _segments(stream: bytes) -> Iterator[tuple[int, int]]:
    """Markers that have a segment, to the first scan's, and where the length of each stands."""
    place = 2
    while place < len(stream) - 1:
        marker = stream[place + 1]
        if stream[place] != 0xFF:
            place += 1  # bytes that a decoder skips as well
            continue
        if marker == 0xFF or marker in BARE or marker == 0:
            place += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", stream, place + 2)
        yield marker, place + 2
        if marker == START_OF_SCAN:
            return
        place += 2 + max(2, length)
