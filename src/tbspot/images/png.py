"""Whether a PNG is whole: its chunks have their checksums, its rows are all there.

Takes an open file; says no more than that, and gives the picture alone. Decoding is left to
raster.py, whose Pillow reads on where a chunk is damaged or rows are missing, and leaves what it
has not black.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

__all__ = ["check_chunks", "check_rows", "picture_alone"]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Read at once; a chunk may say gigabytes.
PIECE = 1 << 20
# Small letters begin the names of chunks that a picture is whole without.
ANCILLARY = 0x20
# Those that tell all the same how it lies (EXIF), and that it is one of several.
TELLING = (b"eXIf", b"acTL", b"fcTL", b"fdAT")
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# First column and row of each pass of an interlaced picture, and the steps (PNG 8.2).
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
          (0, 1, 1, 2))  # fmt: skip


def check_chunks(file: BinaryIO) -> None:
    """See that the file goes to its end (IEND), and no chunk that a picture needs is damaged.

    What stands behind the end, and the checksums of texts and the like, do not matter.

    Raises:
        ValueError, struct.error: a checksum is wrong, or the file ends before.
    """
    for name, length in _chunks(file):
        if name[0] & ANCILLARY:
            file.seek(length + 4, 1)
            continue
        checksum = zlib.crc32(name)
        for piece in _pieces(file, length):
            checksum = zlib.crc32(piece, checksum)
        if struct.unpack(">I", file.read(4)) != (checksum,):
            raise ValueError("a chunk is damaged")


def picture_alone(file: BinaryIO) -> BinaryIO:
    """The file, or a copy without texts, profiles and the like, if it has any.

    Pillow refuses a picture for what it cannot read of those, or for their length. Nor do other
    programs turn a PNG as its texts say, which Pillow does.
    """
    chunks = []
    for name, length in _chunks(file):
        chunks.append((name, file.tell() - 8, length + 12))
        file.seek(length + 4, 1)
    needed = [each for each in chunks if not each[0][0] & ANCILLARY or each[0] in TELLING]
    if len(needed) == len(chunks):
        return file
    alone = io.BytesIO(SIGNATURE)
    alone.seek(0, 2)
    for _, at, length in needed:
        file.seek(at)
        alone.write(file.read(length))
    return alone


def check_rows(file: BinaryIO) -> None:
    """See that a PNG of whole chunks unpacks to as many bytes as its rows have.

    Raises:
        ValueError, zlib.error: there are fewer.
    """
    inflate, missing = zlib.decompressobj(), 0
    for name, length in _chunks(file):
        if name == b"IHDR":
            missing = _row_bytes(*struct.unpack(">IIBBxxB", file.read(length)))
        elif name == b"IDAT":
            for piece in _pieces(file, length):
                while piece and missing > 0:
                    missing -= len(inflate.decompress(piece, PIECE))
                    piece = inflate.unconsumed_tail
        else:
            file.seek(length, 1)
        file.seek(4, 1)
    if missing > 0:
        raise ValueError("rows are missing")


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Name and length of each chunk to IEND; the file stands at its content."""
    file.seek(len(SIGNATURE))
    name = b""
    while name != b"IEND":
        length, name = struct.unpack(">I4s", file.read(8))
        yield name, length


def _pieces(file: BinaryIO, length: int) -> Iterator[bytes]:
    while length:
        piece = file.read(min(length, PIECE))
        if not piece:
            raise ValueError("the file was cut off")
        length -= len(piece)
        yield piece


def _row_bytes(width: int, height: int, bits: int, colour: int, interlaced: int) -> int:
    """Bytes of all rows, each with the number of its filter before it (PNG 7.2)."""
    sizes = [(width, height)] if not interlaced else [
        (-(-(width - x) // across), -(-(height - y) // down)) for x, y, across, down in PASSES
    ]  # fmt: skip
    return sum(
        rows * (1 + -(-columns * bits * SAMPLES[colour] // 8))
        for columns, rows in sizes
        if columns > 0
    )
