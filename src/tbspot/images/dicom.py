"""A DICOM file to one convention: tags, decoder, colour; grey values are left to grey.py.

Takes an open file; gives a film and its facts. Only the tags named here are ever read, so names
and numbers of patients never reach the program. Meant to run in the worker's process.
"""

from __future__ import annotations

import os
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    AllTransferSyntaxes,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    MediaStorageDirectoryStorage,
    RLELossless,
)

from tbspot.errors import TbspotError, is_out_of_memory
from tbspot.images.codestream import check_codestream
from tbspot.images.facts import FACT_TAGS, facts_of
from tbspot.images.film import Film
from tbspot.images.grey import GREY_TAGS, to_display
from tbspot.images.opening import check_size

__all__ = ["read_dicom"]

# (0028,xxxx) Image Pixel module, PS3.3 C.7.6.3, and what tells a DICOMDIR.
PICTURE_TAGS = [
    "SpecificCharacterSet", "SOPClassUID", "SamplesPerPixel", "PhotometricInterpretation",
    "Rows", "Columns", "NumberOfFrames", "PlanarConfiguration", "BitsAllocated", "BitsStored",
    "HighBit", "PixelRepresentation",
]  # fmt: skip
WHOLE_NUMBERS = ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored")
PALETTE_TAGS = [
    f"{segmented}{colour}PaletteColorLookupTable{part}"
    for colour in ("Red", "Green", "Blue")
    for segmented, part in (("", "Descriptor"), ("", "Data"), ("Segmented", "Data"))
]
HEADER_TAGS = [*PICTURE_TAGS, *PALETTE_TAGS, *GREY_TAGS, *FACT_TAGS]

UNCOMPRESSED = (
    ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
)  # fmt: skip
# The decoder of pydicom for each syntax, and the package it needs.
DECODERS = {
    RLELossless: ("pydicom", "pydicom"),
    JPEGBaseline8Bit: ("pillow", "pillow"),
    JPEGExtended12Bit: ("gdcm", "python-gdcm"),
    JPEGLossless: ("gdcm", "python-gdcm"),
    JPEGLosslessSV1: ("gdcm", "python-gdcm"),
    JPEGLSLossless: ("pyjpegls", "pyjpegls"),
    JPEGLSNearLossless: ("pyjpegls", "pyjpegls"),
    JPEG2000Lossless: ("pylibjpeg", "pylibjpeg-openjpeg"),
    JPEG2000: ("pylibjpeg", "pylibjpeg-openjpeg"),
    HTJ2KLossless: ("pylibjpeg", "pylibjpeg-openjpeg"),
    HTJ2KLosslessRPCL: ("pylibjpeg", "pylibjpeg-openjpeg"),
    HTJ2K: ("pylibjpeg", "pylibjpeg-openjpeg"),
}
# ITU-R 601, as Pillow weighs the colours of a PNG.
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def read_dicom(file: BinaryIO, name: str) -> Film:
    """Read one film (CR, DX or secondary capture) as `float32 [rows, columns]` in [0, 1].

    Size, bits, frames and transfer syntax are checked before anything is decoded.

    Raises:
        TbspotError: the file is broken, no single picture, too large, or stored in a way that no
            installed package decodes.
        MemoryError: the process's limit was reached.
    """
    try:
        header = dcmread(file, force=True, stop_before_pixels=True, specific_tags=HEADER_TAGS)
        _check(header, name)
        syntax = _syntax(header, name)
        file.seek(0)
        stored = _decode(file, syntax, name)
        if stored.ndim == 3 or header.PhotometricInterpretation == "PALETTE COLOR":
            pixels, corrections = _luma(stored, header)
        else:
            pixels, corrections = to_display(stored, header)
        facts = facts_of(header, corrections)
    except (TbspotError, MemoryError):
        raise
    # A broken file may break a decoder in any way; to the user it is a broken file.
    except Exception as error:
        if is_out_of_memory(error):
            raise MemoryError from error
        raise TbspotError(f"{name} is a broken DICOM file; export it again") from error
    if pixels.shape != (header.Rows, header.Columns) or not np.isfinite(pixels).all():
        raise TbspotError(f"{name} is a DICOM file whose tags contradict its pixels")
    return Film(pixels, facts)


def _check(header: Dataset, name: str) -> None:
    if header.get("SOPClassUID") == MediaStorageDirectoryStorage or _is_directory(header):
        raise TbspotError(f"{name} is a DICOM directory, not a film; name the films")
    if "Rows" not in header or "Columns" not in header:
        raise TbspotError(f"{name} is a DICOM file without a picture; leave it out")
    # A tag of another kind than the standard's may hold anything, which no sentence may repeat.
    if not all(isinstance(header.get(keyword), int) for keyword in WHOLE_NUMBERS):
        raise TbspotError(f"{name} is a DICOM file with broken tags; export it again")
    frames = int(header.get("NumberOfFrames") or 1)
    if frames != 1:
        raise TbspotError(f"{name} holds {frames} frames; export the film alone")
    check_size(header.Columns, header.Rows, name)
    if header.BitsAllocated not in (8, 16) or header.SamplesPerPixel not in (1, 3):
        raise TbspotError(
            f"{name} has {header.SamplesPerPixel} samples of {header.BitsAllocated} bits a pixel, "
            "not 1 or 3 of 8 or 16; export it again"
        )
    if not 1 <= header.BitsStored <= header.BitsAllocated or (
        header.get("HighBit", header.BitsStored - 1) != header.BitsStored - 1
    ):
        raise TbspotError(f"{name} stores its bits in a way long retired; export it again")


def _is_directory(header: Dataset) -> bool:
    stored: Any = header.file_meta.get("MediaStorageSOPClassUID")
    return bool(stored == MediaStorageDirectoryStorage)


def _syntax(header: Dataset, name: str) -> UID:
    """The transfer syntax, or one sentence on what is missing to decode it."""
    syntax = header.file_meta.get("TransferSyntaxUID")
    if syntax is None:
        implicit, little = header.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        return ImplicitVRLittleEndian if implicit else explicit
    if syntax in UNCOMPRESSED:
        return UID(syntax)
    title = syntax.name if syntax in AllTransferSyntaxes else "an unknown transfer syntax"
    if syntax not in DECODERS:
        raise TbspotError(f"{name} is stored as {title}, which tbspot does not read; "
                          "export it uncompressed")  # fmt: skip
    plugin, package = DECODERS[syntax]
    if plugin not in get_decoder(syntax).available_plugins:
        raise TbspotError(
            f"{name} is stored as {title}, which needs the package {package}; "
            f"install it with `pip install {package}`"
        )
    return UID(syntax)


def _decode(file: BinaryIO, syntax: UID, name: str) -> NDArray[np.integer[Any]]:
    """The stored values `[rows, columns]`, or colours `[rows, columns, 3]` as RGB."""
    wanted = [*PICTURE_TAGS, "PixelData"]
    content = dcmread(file, force=True, specific_tags=wanted)
    if syntax in DECODERS:
        check_codestream(content, name)
    if syntax == JPEGExtended12Bit and content.BitsStored > 8:
        return _decode_twelve_bits(os.fspath(file.name), content)
    if "TransferSyntaxUID" not in content.file_meta:
        content.file_meta = FileMetaDataset()
        content.file_meta.TransferSyntaxUID = syntax
    plugin, _ = DECODERS.get(syntax, ("", ""))
    stored, _ = get_decoder(syntax).as_array(content, index=0, decoding_plugin=plugin)
    return stored


def _decode_twelve_bits(path: str, content: Dataset) -> NDArray[np.integer[Any]]:
    """JPEG Extended of 12 bits through GDCM's own reader: pydicom's way to it knows 8 bits."""
    import gdcm

    reader = gdcm.ImageReader()
    reader.SetFileName(path)
    if not reader.Read():
        raise ValueError("GDCM cannot read it")
    # GDCM gives its bytes as a str.
    values = reader.GetImage().GetBuffer().encode("utf-8", "surrogateescape")
    return np.frombuffer(values, "<u2").reshape(content.Rows, content.Columns)


def _luma(
    stored: NDArray[np.integer[Any]], header: Dataset
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    most = 2**header.BitsStored - 1
    if stored.ndim == 2:
        stored = apply_color_lut(stored, header)
        most = np.iinfo(stored.dtype).max
    grey = (stored.astype(np.float32) @ LUMA / np.float32(most)).clip(0, 1)
    return grey, ("colour became grey",)
