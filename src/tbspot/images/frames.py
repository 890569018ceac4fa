"""The one frame of a DICOM file as stored values: bytes, decoders, bits.

Takes a data set with its pixels; gives whole numbers of Bits Stored bits. What they mean is left
to grey.py and colour.py, whether the film may be read at all to dicom.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import get_j2k_parameters
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    JPEG2000MC,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEG2000MCLossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from tbspot.images.coarse import decode_coarse
from tbspot.images.codestream import (
    END_OF_IMAGE,
    ITEM,
    START_OF_JPEG_2000,
    check_whole,
    codestream_size,
    fragments,
    has_adobe_mark,
    is_jpeg_2000,
    jpeg_process,
    with_end,
)

__all__ = [
    "DECODERS",
    "PACKAGES",
    "UNCOMPRESSED",
    "UNSIGNED",
    "Stored",
    "decode",
    "syntax_of",
    "within_bits",
]

# Pixels that are not compressed, yet in items as those that are (PS3.5 A.4.11).
ENCAPSULATED = UID("1.2.840.10008.1.2.1.98")
UNCOMPRESSED = (
    ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian, ENCAPSULATED,
)  # fmt: skip
# Retired processes of JPEG (PS3.5 2004, table A.4-3): extended, spectral selection and full
# progression, which every decoder of JPEG knows.
RETIRED_JPEG = tuple(UID(f"1.2.840.10008.1.2.4.{number}") for number in (52, 53, 54, 55, 56))
# For each syntax the one that pydicom knows it by, and pydicom's decoders in the order of trying.
DECODERS: dict[str, tuple[UID, tuple[str, ...]]] = {
    RLELossless: (RLELossless, ("pylibjpeg", "pydicom")),
    JPEGBaseline8Bit: (JPEGBaseline8Bit, ("pillow", "gdcm", "pylibjpeg")),
    JPEGExtended12Bit: (JPEGExtended12Bit, ("pillow", "gdcm", "pylibjpeg")),
    **dict.fromkeys(RETIRED_JPEG, (JPEGExtended12Bit, ("pillow", "gdcm", "pylibjpeg"))),
    JPEGLossless: (JPEGLossless, ("gdcm", "pylibjpeg")),
    JPEGLosslessSV1: (JPEGLosslessSV1, ("gdcm", "pylibjpeg")),
    JPEGLSLossless: (JPEGLSLossless, ("pyjpegls", "gdcm", "pylibjpeg")),
    JPEGLSNearLossless: (JPEGLSNearLossless, ("pyjpegls", "gdcm", "pylibjpeg")),
    JPEG2000Lossless: (JPEG2000Lossless, ("pylibjpeg", "gdcm")),
    JPEG2000: (JPEG2000, ("pylibjpeg", "gdcm")),
    JPEG2000MCLossless: (JPEG2000Lossless, ("pylibjpeg", "gdcm")),
    JPEG2000MC: (JPEG2000, ("pylibjpeg", "gdcm")),
    HTJ2KLossless: (HTJ2KLossless, ("pylibjpeg",)),
    HTJ2KLosslessRPCL: (HTJ2KLosslessRPCL, ("pylibjpeg",)),
    HTJ2K: (HTJ2K, ("pylibjpeg",)),
}
LOSSLESS = (RLELossless, JPEGLossless, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless,
            JPEG2000MCLossless, HTJ2KLossless, HTJ2KLosslessRPCL)  # fmt: skip
# JPEG of transformed cosines, whose values have no sign (PS3.5 8.2.1, T.81 A.3.1).
UNSIGNED: tuple[str, ...] = (*RETIRED_JPEG, JPEGExtended12Bit, JPEGBaseline8Bit)
# Syntaxes of the streams that tell themselves; of each the last is what one is read as whose file
# says none of them: none asks for more of a stream.
JPEGS: dict[str | None, tuple[str, ...]] = {
    "": UNSIGNED,
    "lossless": (JPEGLossless, JPEGLosslessSV1),
    "JPEG-LS": (JPEGLSLossless, JPEGLSNearLossless),
}
JPEGS_2000 = (JPEG2000Lossless, JPEG2000MCLossless, JPEG2000MC, HTJ2KLossless, HTJ2KLosslessRPCL,
              HTJ2K, JPEG2000)  # fmt: skip
# An overlay above the stored bits at least doubles a value; no lossy stream is that far off.
OVERSHOOT = 1.125
# Rows that tell how rough a picture is: one of so many.
EVERY = 8
# So many of these must be smoother without the sign that the tag says, and so much smoother, where
# the two ways differ: black around a film is half of the range from what is just above 0.
HALF = 0.5
# What to install for the first decoder of a syntax.
PACKAGES = {
    "pydicom": "pydicom",
    "pillow": "pillow",
    "gdcm": "python-gdcm",
    "pyjpegls": "pyjpegls",
    "pylibjpeg": "pylibjpeg-openjpeg",
}
JPEG_2000 = (JPEG2000Lossless, JPEG2000, HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K)


@dataclass(frozen=True)
class _Stream:
    """What a compressed stream says of itself."""

    bits: int
    signed: bool = False
    shape: tuple[int, int, int] | None = None


@dataclass(frozen=True, eq=False)
class Stored:
    """What a file stores of a film.

    Attributes:
        values: `[rows, columns]`, or `[rows, columns, 3]` for colours; luma alone where colours
            are halved and not compressed. What stands above their bits is no part of them.
        interpretation: what they are (PS3.3 C.7.6.3.1.2).
        bits: of a value; of what was just decoded, as many as it has room for.
        signed: whether one may be below 0.
        factor: how many times smaller a side than the file's frame it was decoded.
    """

    values: NDArray[np.integer[Any]]
    interpretation: str
    bits: int
    factor: int = 1
    signed: bool = False


def decode(content: Dataset, syntax: UID, factor: int = 1) -> Stored:
    """The frame, whole, or smaller by up to `factor` where its format was made for it.

    That a compressed frame is of the size that the tags say is left to codestream.py.

    Args:
        content: pixels and the tags of the Image Pixel module, which is changed on the way: what
            is compressed is taken out of it.
        syntax: a transfer syntax of `UNCOMPRESSED` or `DECODERS`.
        factor: how many times smaller the frame may be a side; it is by 1, 2, 4 or 8.

    Raises:
        Exception: no installed decoder can do it.
    """
    if syntax in UNCOMPRESSED:
        data = content.PixelData
        if syntax == ENCAPSULATED:
            data = b"".join(fragments(data))
        values = _native(content, data, big=syntax == ExplicitVRBigEndian)
        stored = Stored(values, str(content.PhotometricInterpretation), content.BitsAllocated)
    else:
        stored = _compressed(content, syntax, factor)
    stored = _in_low_bits(stored, content)
    lossy = syntax not in (*UNCOMPRESSED, *LOSSLESS)
    stored = _with_true_bits(stored, content, lossy=lossy)
    if lossy and not stored.signed:
        stored = replace(stored, values=_without_overshoot(stored.values, stored.bits))
    return stored


def _in_low_bits(stored: Stored, content: Dataset) -> Stored:
    """Values in the lowest bits, where the file has them higher up, as was once allowed.

    Where none reaches above the lowest Bits Stored ones, or the bits below say something too, one
    of the two tags is wrong.
    """
    aside = content.HighBit + 1 - content.BitsStored
    if not aside:
        return stored
    values = within_bits(stored.values, stored.bits, signed=False)
    below = values & values.dtype.type(2**aside - 1)
    if values.max() < 2**content.BitsStored or below.min() < below.max():
        return stored
    return replace(stored, values=values >> aside, bits=stored.bits - aside)


def syntax_of(content: Dataset, said: UID) -> UID:
    """The transfer syntax of the pixels themselves, of which a file may say none or another.

    Args:
        content: with its pixels.
        said: by the file, or what its elements are encoded as.
    """
    data = content.PixelData
    if (said in DECODERS or said == ENCAPSULATED) and not data.startswith(ITEM):
        return ExplicitVRLittleEndian
    # Pixels that are not compressed may begin as an item does.
    if said == ENCAPSULATED or not content["PixelData"].is_undefined_length:
        return said
    stream = next(filter(None, fragments(data)), b"")
    known = JPEGS_2000 if is_jpeg_2000(stream) else JPEGS.get(jpeg_process(stream), ())
    return said if said in known or not known else UID(known[-1])


def within_bits(
    values: NDArray[np.integer[Any]], bits: int, *, signed: bool
) -> NDArray[np.integer[Any]]:
    """Values of `bits` bits, whatever stands in the bits above them (PS3.5 8.1.1).

    Overlays of old files stand there, or rests of a scanner's own; whether a decoder gives them
    back depends on the decoder.
    """
    width = 8 * values.dtype.itemsize
    values = values.view(values.dtype.str.replace("u", "i") if signed else (
        values.dtype.str.replace("i", "u")
    ))  # fmt: skip
    if bits >= width:
        return values
    if not signed:
        return values & values.dtype.type(2**bits - 1)
    return (values << (width - bits)) >> (width - bits)


def _without_overshoot(values: NDArray[np.integer[Any]], bits: int) -> NDArray[np.integer[Any]]:
    """White that a lossy stream gives back a little too white, which cutting would make black."""
    most = 2**bits - 1
    return values.clip(max=most) if most < values.max() < OVERSHOOT * most else values


def _native(content: Dataset, data: bytes, *, big: bool) -> NDArray[np.integer[Any]]:
    """Pixels that are not compressed (PS3.5 8.1.1, 8.2 and annex D)."""
    rows, columns, samples = content.Rows, content.Columns, content.SamplesPerPixel
    if big and content.BitsAllocated == 8 and content["PixelData"].VR == "OW":
        data = np.frombuffer(data[: len(data) // 2 * 2], "<u2").byteswap().tobytes()
    number = np.dtype(np.uint8 if content.BitsAllocated == 8 else ">u2" if big else "<u2")
    needed = rows * columns * samples * number.itemsize
    # Two pixels share their colours: four samples of two pixels. Some files say so and do not.
    halved = str(content.PhotometricInterpretation).endswith("422") and len(data) < needed
    needed = needed * 2 // 3 if halved else needed
    if len(data) >= 2 * needed:
        raise ValueError("the pixels are of more frames, samples or bits than the tags say")
    data = _whole(data, needed, needed // rows)
    values: NDArray[Any] = np.frombuffer(data, number, needed // number.itemsize).astype(
        number.newbyteorder("="), copy=False
    )
    if halved:
        return values.reshape(rows, -1, 4)[..., :2].reshape(rows, columns)
    if samples == 1:
        return values.reshape(rows, columns)
    if content.get("PlanarConfiguration") == 1:
        return np.moveaxis(values.reshape(samples, rows, columns), 0, -1)
    return values.reshape(rows, columns, samples)


def _whole(data: bytes, needed: int, row: int) -> bytes:
    """The pixels, their end filled up with what came last, if less than a row is missing.

    Raises:
        ValueError: more is missing.
    """
    missing = needed - len(data)
    if missing >= row:
        raise ValueError("pixels are missing")
    return data + data[-row:][:missing] if missing > 0 else data


def _compressed(content: Dataset, syntax: UID, factor: int) -> Stored:
    known_as, plugins = DECODERS[syntax]
    stream = _stream(content)
    # JPEG 2000 belongs here without the boxes of a file, which some writers leave around it.
    stream = stream[max(0, stream.find(START_OF_JPEG_2000)) :] if known_as in JPEG_2000 else stream
    said = _described(stream) or _Stream(content.BitsAllocated)
    if said.bits > 8 and known_as in (JPEGBaseline8Bit, JPEGExtended12Bit):
        # GDCM reads what the stream says, under any syntax of JPEG; of these two, pydicom asks it
        # for 8 bits alone.
        known_as, plugins = DECODERS[JPEGLosslessSV1]
    check_whole(stream, strictly=plugins[0] == "gdcm")  # which fills up what was cut off
    stream = with_end(stream)
    smaller = _smaller(content, stream, said, factor)
    if smaller is not None:
        return Stored(smaller[0], str(content.PhotometricInterpretation), said.bits, smaller[1])
    plain = _plain(content, stream, said, known_as)
    installed = [name for name in plugins if name in get_decoder(known_as).available_plugins]
    # What was cut off is refused by the first decoder; others would fill it with grey.
    whole = known_as == RLELossless or stream.rstrip(b"\0").endswith(END_OF_IMAGE)
    adobe = "pillow" in plugins and plain.SamplesPerPixel == 3 and has_adobe_mark(stream)
    del stream  # the data set has a copy
    values, interpretation = _by_first(plain, known_as, installed if whole else installed[:1])
    # Of colours that Adobe's mark tells of libjpeg makes RGB, which pydicom does not say.
    return Stored(values, "RGB" if adobe else interpretation, said.bits)


def _with_true_bits(stored: Stored, content: Dataset, *, lossy: bool) -> Stored:
    """Values with the bits and the sign of the tags, or with their own.

    A picture that loses its highest bits, or of which they are taken for a sign, falls from white
    to black at its edges. Overlays and rests of a scanner's own stand above Bits Stored too, and
    make it rougher; white letters on black are as far apart, but on few rows.
    """
    bits, signed = min(stored.bits, content.BitsStored), bool(content.PixelRepresentation)
    most = (OVERSHOOT if lossy else 1) * (2**bits - 1)
    some = stored.values[::EVERY]
    words = within_bits(some, stored.bits, signed=False) if signed else stored.values
    more = stored.bits > bits and bool(words.max() > most)
    if not more and not signed:
        return replace(stored, bits=bits)
    said = _steps(some, bits, signed=signed)
    if more:
        own = _steps(some, stored.bits, signed=signed)
        falls = own.sum(dtype=np.int64) < said.sum(dtype=np.int64)
        return replace(stored, bits=stored.bits if falls else bits, signed=signed)
    bare = _steps(some, bits, signed=False)
    other = said != bare
    smoother = bare.sum(1, np.int64, where=other) < HALF * said.sum(1, np.int64, where=other)
    return replace(stored, bits=bits, signed=not smoother.mean() > HALF)


def _steps(values: NDArray[np.integer[Any]], bits: int, *, signed: bool) -> NDArray[np.int32]:
    """Each step along each row."""
    steps = np.abs(np.diff(within_bits(values, bits, signed=signed).astype(np.int32), axis=1))
    return steps.reshape(len(steps), -1)


def _stream(content: Dataset) -> bytes:
    """The compressed picture, taken out of the data set: of 64 megapixels it may be 100 MiB."""
    data = content.PixelData
    del content.PixelData
    return b"".join(fragments(data))


def _smaller(
    content: Dataset, stream: bytes, said: _Stream, factor: int
) -> tuple[NDArray[np.integer[Any]], int] | None:
    """The frame decoded smaller, and by how much, where the stream's values are stored values."""
    alike = said.signed == bool(content.PixelRepresentation) and said.bits <= content.BitsStored
    if factor == 1 or not alike or said.shape is None or content.SamplesPerPixel != 1:
        return None
    return decode_coarse(stream, said.bits, factor, signed=said.signed)


def _plain(content: Dataset, stream: bytes, said: _Stream, known_as: UID) -> Dataset:
    """A data set that says of the stream what the stream says of itself, whatever the file does."""
    plain = Dataset()
    plain.file_meta = FileMetaDataset()
    plain.file_meta.TransferSyntaxUID = known_as
    plain.Rows, plain.Columns = content.Rows, content.Columns
    plain.SamplesPerPixel, plain.NumberOfFrames = content.SamplesPerPixel, 1
    # What the tag says is of uncompressed pixels, and some writers leave it as it was there.
    plain.PlanarConfiguration = 0
    interpretation = str(content.PhotometricInterpretation)
    plain.PhotometricInterpretation = interpretation.replace("PARTIAL", "FULL")
    rle = known_as == RLELossless
    plain.BitsAllocated = content.BitsAllocated if rle else 8 if said.bits <= 8 else 16
    plain.BitsStored, plain.HighBit = said.bits, said.bits - 1
    plain.PixelRepresentation = int(said.signed)
    # One fragment and no table of offsets: with one frame, a wrong table can do no harm. Items are
    # of even length (PS3.5 A.4).
    stream += b"\0" * (len(stream) % 2)
    length = len(stream).to_bytes(4, "little")
    plain.PixelData = b"".join((ITEM, bytes(4), ITEM, length, stream))
    plain["PixelData"].VR = "OB"
    return plain


def _by_first(
    plain: Dataset, syntax: UID, plugins: list[str]
) -> tuple[NDArray[np.integer[Any]], str]:
    """Values and what they are by the first decoder that can."""
    for plugin in plugins:
        try:
            values, properties = get_decoder(syntax).as_array(
                plain, index=0, raw=True, decoding_plugin=plugin
            )
            return values, str(properties["photometric_interpretation"])
        except MemoryError:
            raise
        # A decoder may fail in any way; the next may know better.
        except Exception as error:
            if plugin == plugins[-1]:
                raise ValueError("no decoder can") from error
    raise ValueError("no decoder is installed")


def _described(stream: bytes) -> _Stream | None:
    """Size, colours and bits from the stream's own header; `None` if it has none."""
    size = codestream_size(stream)
    if size is None:
        return None
    signed = stream.startswith(START_OF_JPEG_2000) and get_j2k_parameters(stream[:64])["is_signed"]
    return _Stream(size.precision, bool(signed), (size.height, size.width, size.components))
