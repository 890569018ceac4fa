"""The matrix of files: what a film's DICOM file may vary in, and every kind that is tried.

Takes nothing; gives kinds, each with a name of its own. Writing them is left to making.py,
the pictures that they hold to judge.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, product
from typing import Literal

__all__ = ["TABLE_BITS", "Kind", "kinds"]

Spare = Literal["clean", "overlay", "extended"]
Modality = Literal["none", "rescale", "table"]
Interest = Literal["none", "linear", "exact", "sigmoid", "table", "both", "bytes"]
Extra = Literal[
    "", "padding", "identity", "inverse", "two", "part", "step", "half", "words", "said16",
]  # fmt: skip

# What a modality table puts out.
TABLE_BITS = 12
BITS = (8, 10, 12, 14, 16)
UNCOMPRESSED = ("implicit", "big", "deflated")
LOSSLESS = (
    "rle-dcmtk", "rle-gdcm",
    "lossless57-dcmtk", "lossless70-dcmtk", "lossless57-gdcm", "lossless70-gdcm",
    "jpegls-dcmtk", "jpegls-gdcm", "jpegls-charls",
    "j2k-gdcm", "j2k-openjpeg", "j2k16-openjpeg", "htj2k-openjph",
)  # fmt: skip
# Of these the encoder takes whole words, so that what spare bits hold is in the stream.
WHOLE_WORDS = tuple(each for each in LOSSLESS if each not in ("j2k-gdcm", "j2k-openjpeg"))
LOSSY = ("j2klossy-gdcm", "j2klossy-openjpeg")
NEAR_LOSSLESS = ("jpegls2-dcmtk", "jpegls2-charls")
JPEG_8 = ("baseline-dcmtk", "extended-dcmtk", "spectral-dcmtk", "progressive-dcmtk")
JPEG_12 = JPEG_8[1:]
COLOURS = ("RGB", "RGB-planar", "YBR_FULL", "YBR_FULL-planar", "YBR_FULL_422", "PALETTE8",
           "PALETTE16")  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """One kind of file.

    Attributes:
        packing: transfer syntax and, after a hyphen, the library that encodes it.
        bits: Bits Stored.
        allocated: Bits Allocated.
        signed: whether Pixel Representation is 1.
        spare: what the bits above Bits Stored hold (PS3.5 8.1.1): zeros, an overlay, or the sign.
        photometric: Photometric Interpretation; `-planar`: Planar Configuration 1; of a palette,
            the width of its entries.
        modality: the first step of PS3.4 N.2.
        interest: the second: a window's function, a table of words or `bytes`, both or neither.
        extra: one thing more: Pixel Padding Value; Presentation LUT Shape `identity` or `inverse`;
            `two` windows or tables; a table for `part` of the values; a window that is a `step`;
            a slope of a `half`; a table of US `words`; a table of 12 bits that is `said16`.
    """

    packing: str
    bits: int
    allocated: int
    signed: bool = False
    spare: Spare = "clean"
    photometric: str = "MONOCHROME2"
    modality: Modality = "none"
    interest: Interest = "linear"
    extra: Extra = ""

    @property
    def name(self) -> str:
        """All of it in one word, as the table of disagreements has it."""
        sign = "signed" if self.signed else "unsigned"
        stored = f"{self.bits}in{self.allocated}-{sign}-{self.spare}"
        words = (self.packing, stored, self.photometric, self.modality, self.interest, self.extra)
        return ":".join(filter(None, words))

    @property
    def lossy(self) -> bool:
        """Whether two right decoders may differ."""
        return self.packing in LOSSY + NEAR_LOSSLESS + JPEG_8

    @property
    def grey(self) -> bool:
        """Whether it is of one sample that is no index."""
        return self.photometric.startswith("MONOCHROME")

    @property
    def depth(self) -> int:
        """Bits of the picture's levels: of the last table, or of what is shown as it is."""
        if self.photometric.startswith("PALETTE"):
            return int(self.photometric.removeprefix("PALETTE"))
        if not self.grey:
            return self.bits
        if self.interest == "none" and self.bits == 8:
            return TABLE_BITS if self.modality == "table" else 8
        table = 12 if self.bits <= 12 and self.extra != "said16" else 16
        return {"bytes": 8, "table": table, "both": table}.get(self.interest, 16)


def kinds() -> tuple[Kind, ...]:
    """Every kind that is tried, each once, in an order that stays."""
    parts = (_plain(), _repacked(), _spare(), _encoded(), _jpeg(), _coloured(), _extra())
    return tuple(dict.fromkeys(chain(*parts)))


def _plain() -> Iterator[Kind]:
    """Every way of grey values, in the syntax that no library can spoil."""
    monochrome: tuple[str, ...] = ("MONOCHROME1", "MONOCHROME2")
    modalities: tuple[Modality, ...] = ("none", "rescale", "table")
    interests: tuple[Interest, ...] = ("none", "linear", "exact", "sigmoid", "table", "both")
    for bits, signed, photometric, modality, interest in product(
        BITS, (False, True), monochrome, modalities, interests
    ):
        allocated = 8 if bits == 8 else 16
        yield Kind("explicit", bits, allocated, signed, "clean", photometric, modality, interest)


def _repacked() -> Iterator[Kind]:
    """The other uncompressed syntaxes, tables among them: words change their byte order too."""
    modalities: tuple[Modality, ...] = ("none", "table")
    interests: tuple[Interest, ...] = ("linear", "sigmoid", "table", "bytes")
    for packing, bits, signed, modality, interest in product(
        UNCOMPRESSED, BITS, (False, True), modalities, interests
    ):
        allocated = 8 if bits == 8 else 16
        yield Kind(packing, bits, allocated, signed, modality=modality, interest=interest)


def _spare() -> Iterator[Kind]:
    """Bits above Bits Stored that are no part of a value."""
    interests: tuple[Interest, ...] = ("none", "linear", "table")
    for packing, bits, interest in product(("explicit", "big"), BITS[:-1], interests):
        kind = Kind(packing, bits, 16, interest=interest)
        yield replace(kind, spare="overlay")
        yield replace(kind, spare="overlay", signed=True)
        yield replace(kind, spare="extended", signed=True)


def _encoded() -> Iterator[Kind]:
    """Every codec with every number of bits, signed or not, spare bits clean or not."""
    for packing, bits, signed in product(LOSSLESS + LOSSY, BITS, (False, True)):
        clean = Kind(packing, bits, 8 if bits == 8 else 16, signed)
        yield clean
        if bits < 16:
            yield replace(clean, allocated=16)
            yield replace(clean, allocated=16, photometric="MONOCHROME1", interest="table")
        if bits < 16 and packing in WHOLE_WORDS:
            yield replace(clean, allocated=16, spare="overlay")
        if bits < 16 and signed:
            yield replace(clean, allocated=16, spare="extended")
    # Near-lossless changes every bit of a word, so spare bits and signs can only be dcmtk's care.
    for packing, bits in product(NEAR_LOSSLESS, BITS):
        if packing == "jpegls2-dcmtk" or bits in (8, 16):
            clean = Kind(packing, bits, 8 if bits == 8 else 16)
            yield clean
            yield replace(clean, photometric="MONOCHROME1", interest="table")


def _jpeg() -> Iterator[Kind]:
    """The lossy processes of JPEG."""
    # dcmcjpeg keeps no table beside pixels that it changes.
    interests: tuple[Interest, ...] = ("none", "linear")
    for (packing, bits), photometric, interest in product(
        [*((each, 8) for each in JPEG_8), *((each, 12) for each in JPEG_12)],
        ("MONOCHROME1", "MONOCHROME2"),
        interests,
    ):
        allocated = 8 if bits == 8 else 16
        yield Kind(packing, bits, allocated, photometric=photometric, interest=interest)


def _coloured() -> Iterator[Kind]:
    """Colour films: scanned ones, secondary captures."""
    for packing, photometric in product(("explicit", *UNCOMPRESSED), COLOURS):
        yield Kind(packing, 8, 8, photometric=photometric, interest="none")
    for packing, photometric in product(LOSSLESS, ("RGB", "PALETTE8", "PALETTE16")):
        yield Kind(packing, 8, 8, photometric=photometric, interest="none")
    for packing, bits in product(("explicit", "big"), (10, 12, 16)):
        yield Kind(packing, bits, 16, photometric="RGB", interest="none")
        yield Kind(packing, bits, 16, photometric="PALETTE16", interest="none")
    for packing in JPEG_8:
        yield Kind(packing, 8, 8, photometric="RGB", interest="none")


def _extra() -> Iterator[Kind]:
    """What else a header may say of grey values."""
    extras: tuple[tuple[Extra, Interest], ...] = (
        ("padding", "linear"), ("identity", "linear"), ("inverse", "linear"), ("inverse", "table"),
        ("two", "linear"), ("two", "table"), ("part", "table"), ("step", "linear"),
        ("half", "linear"), ("half", "none"), ("words", "table"), ("said16", "table"),
    )  # fmt: skip
    monochrome = ("MONOCHROME1", "MONOCHROME2")
    for (extra, interest), packing, signed, photometric in product(
        extras, ("explicit", "big"), (False, True), monochrome
    ):
        kind = Kind(packing, 12, 16, signed, photometric=photometric)
        yield replace(kind, interest=interest, extra=extra)
