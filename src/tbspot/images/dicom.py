"""A DICOM file to one convention: what may be read of it, and in which order.

Takes an open file; gives a film and its facts. Only the tags named here are ever read, so names
and numbers of patients never reach the program. Meant to run in the worker's process. Stored
values are left to frames.py, what they mean to grey.py and colour.py.
"""

from __future__ import annotations

import os
import re
import warnings
from typing import Any, BinaryIO

from pydicom import config
from pydicom.dataset import Dataset
from pydicom.filereader import read_partial
from pydicom.pixels.decoders.base import get_decoder
from pydicom.tag import BaseTag, Tag
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
)

from tbspot.errors import TbspotError, is_out_of_memory, refuse_unread
from tbspot.images.codestream import check_codestream
from tbspot.images.colour import PALETTE_TAGS, to_luma
from tbspot.images.facts import FACT_TAGS, facts_of
from tbspot.images.film import Film
from tbspot.images.frames import (
    DECODERS,
    PACKAGES,
    UNCOMPRESSED,
    UNSIGNED,
    Stored,
    decode,
    syntax_of,
)
from tbspot.images.grey import GREY_TAGS, to_display
from tbspot.images.groups import GROUP_TAGS, unfold
from tbspot.images.opening import check_size
from tbspot.images.reducing import factor_for
from tbspot.images.tags import Tags

__all__ = ["read_dicom"]

# (0028,xxxx) Image Pixel module, PS3.3 C.7.6.3, and what tells a DICOMDIR.
PICTURE_TAGS = [
    "SpecificCharacterSet", "SOPClassUID", "SamplesPerPixel", "PhotometricInterpretation",
    "Rows", "Columns", "NumberOfFrames", "PlanarConfiguration", "BitsAllocated", "BitsStored",
    "HighBit", "PixelRepresentation",
]  # fmt: skip
WHOLE_NUMBERS = ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored")
# Of these, what a file must say of its pixels and may not.
FILLED_IN = (
    "SamplesPerPixel", "PhotometricInterpretation", "PixelRepresentation", "PlanarConfiguration",
    "HighBit",
)  # fmt: skip
HEADER_TAGS: list[BaseTag | int] = [
    Tag(keyword) for keyword in (*PICTURE_TAGS, *PALETTE_TAGS, *GREY_TAGS, *FACT_TAGS, *GROUP_TAGS)
]
PIXELS = [Tag(keyword) for keyword in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")]
# What stands behind the pixels is none of ours, and often no DICOM: padding, or rests of a disk.
LAST_TAG = Tag("PixelData")
# Names that pydicom 3.0 does not know yet.
NEWER = {f"1.2.840.10008.1.2.4.{number}": "JPEG XL" for number in (110, 111, 112)}
INTERPRETATIONS = (
    "MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB", "YBR_FULL", "YBR_FULL_422",
    "YBR_PARTIAL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT",
)  # fmt: skip
# What a code with other spaces, strokes or points between its letters is, as dcmtk reads it.
BARE_INTERPRETATIONS = {re.sub(r"[\W_]", "", each): each for each in INTERPRETATIONS}


def read_dicom(file: BinaryIO, name: str, enough: int | None = None) -> Film:
    """Read one film (CR, DX or secondary capture) as `float32 [rows, columns]` in [0, 1].

    Size, bits, frames and transfer syntax are checked before anything is decoded.

    Args:
        file: open for reading.
        name: what sentences call it.
        enough: pixels that are enough for either side: the film may be reduced to that by a whole
            factor, at once where its format was made for it. `None` = the whole film.

    Raises:
        TbspotError: the file is broken, no single picture, too large, or stored in a way that no
            installed package decodes.
        MemoryError: the process's limit was reached.
    """
    switch = config.assume_implicit_vr_switch  # of the whole process
    try:
        with warnings.catch_warnings():
            # pydicom's warnings repeat what tags hold.
            warnings.simplefilter("ignore")
            return _read(file, name, enough)
    except (TbspotError, MemoryError):
        raise
    # A broken file may break a decoder in any way; to the user it is a broken file.
    except Exception as error:
        if is_out_of_memory(error):
            raise MemoryError from error
        refuse_unread(error, name)
        raise TbspotError(f"{name} is a broken DICOM file; export it again") from error
    finally:
        config.assume_implicit_vr_switch = switch


def _read(file: BinaryIO, name: str, enough: int | None) -> Film:
    header = _header(file)
    tags = Tags(header)
    _fill_in_samples(tags)
    _check_kind(header, name)
    _check_frames(tags, name)
    unfold(header)
    _check_picture(tags, name)
    syntax = _syntax(header, name)
    _fill_in(tags, name)
    file.seek(0)
    stored = _stored(_content(file, name), syntax, tags, name, enough)
    whole, (height, width) = (header.Rows, header.Columns), stored.values.shape[:2]
    factor = factor_for(height, width, enough)
    if stored.values.ndim == 3 or stored.interpretation not in ("MONOCHROME1", "MONOCHROME2"):
        pixels = to_luma(stored.values, stored.interpretation, tags, factor)
    else:
        pixels = to_display(stored.values, tags, factor)
    facts = facts_of(header, tuple(tags.corrections), tuple(tags.faults))
    return Film(pixels, facts, None if pixels.shape == whole else whole)


def _stored(content: Dataset, said: UID, tags: Tags, name: str, enough: int | None) -> Stored:
    """The frame of a file whose tags are filled in; its bits and sign are put there."""
    header, syntax = tags.header, syntax_of(content, said)
    if syntax in UNSIGNED and header.PixelRepresentation:
        header.PixelRepresentation = 0
        tags.say("values of JPEG have no sign, whatever Pixel Representation says")
    for keyword in FILLED_IN:
        content[keyword] = header[keyword]
    if syntax in DECODERS:
        check_codestream(content, name)
    whole = (header.Rows, header.Columns)
    # Means of padding and of picture would be a seam that is neither.
    factor = 1 if tags.number("PixelPaddingValue") is not None else factor_for(*whole, enough)
    stored = decode(content, syntax, factor)
    if stored.bits > header.BitsStored:
        tags.say("Bits Stored says fewer bits than the picture has: all were used")
    if header.PixelRepresentation and not stored.signed:
        tags.say("Pixel Representation says a sign that the picture has not")
    header.BitsStored, header.PixelRepresentation = stored.bits, int(stored.signed)
    if stored.values.shape[:2] != tuple(-(-side // stored.factor) for side in whole):
        raise TbspotError(
            f"{name} is a DICOM file whose tags contradict its pixels; export it again"
        )
    return stored


def _header(file: BinaryIO) -> Dataset:
    """The tags that are read of what stands before the pixels.

    Where a representation (VR) is none, as `??`, pydicom takes the element for one of implicit
    representation, which some writers mix in. If that leads past the pixels, its length has the
    usual two bytes; so the pixels are read as well.

    Raises:
        ValueError: either way leads past the file's end.
    """
    size = file.seek(0, os.SEEK_END)
    for mixed in (True, False):
        config.assume_implicit_vr_switch = mixed
        file.seek(0)
        header, reached = _to_pixels(file)
        if reached:
            return header
    if file.tell() > size:
        raise ValueError("the elements cannot be followed")
    return header


def _to_pixels(file: BinaryIO) -> tuple[Dataset, bool]:
    """The tags before the pixels, and whether there are any."""
    reached = False

    def stop(tag: BaseTag, *_: Any) -> bool:
        nonlocal reached
        reached = tag in PIXELS
        return reached

    return read_partial(file, stop, force=True, specific_tags=HEADER_TAGS), reached


def _content(file: BinaryIO, name: str) -> Dataset:
    """The Image Pixel module with its pixels, and nothing that stands behind them."""
    wanted: list[BaseTag | int] = [*(Tag(keyword) for keyword in PICTURE_TAGS), *PIXELS]
    content = read_partial(file, lambda tag, *_: tag > LAST_TAG, force=True, specific_tags=wanted)
    if content.get("PixelData"):
        return content
    if "FloatPixelData" in content or "DoubleFloatPixelData" in content:
        raise TbspotError(
            f"{name} holds floating point numbers without a known range; export it with 16 bits"
        )
    if "PixelData" in content:
        raise TbspotError(f"{name} is a DICOM file without pixels; export it again with them")
    # Of items that do not go to their end, pydicom gives none.
    raise TbspotError(
        f"{name} is a DICOM file without pixels, or cut off before their end; export it again"
    )


def _check_kind(header: Dataset, name: str) -> None:
    if header.get("SOPClassUID") == MediaStorageDirectoryStorage or _is_directory(header):
        raise TbspotError(f"{name} is a DICOM directory, not a film; name the films")
    if "Rows" not in header or "Columns" not in header:
        raise TbspotError(f"{name} is a DICOM file without a picture; leave it out")
    # A tag of another kind than the standard's may hold anything, which no sentence may repeat.
    if not all(isinstance(header.get(keyword), int) for keyword in WHOLE_NUMBERS):
        raise TbspotError(f"{name} is a DICOM file with broken tags; export it again")


def _check_picture(tags: Tags, name: str) -> None:
    header = tags.header
    check_size(header.Columns, header.Rows, name)
    if header.BitsAllocated not in (8, 16) or header.SamplesPerPixel not in (1, 3):
        raise TbspotError(
            f"{name} has {header.SamplesPerPixel} samples of {header.BitsAllocated} bits a pixel, "
            "not 1 or 3 of 8 or 16; export it again"
        )
    if not 1 <= header.BitsStored <= header.BitsAllocated:
        raise TbspotError(
            f"{name} stores {header.BitsStored} bits in {header.BitsAllocated}; export it again"
        )


def _check_frames(tags: Tags, name: str) -> None:
    # Its text of twelve digits may hold anybody's number, so no sentence repeats it.
    if int(tags.number("NumberOfFrames") or 1) != 1:
        raise TbspotError(f"{name} holds several frames; export the film alone")


def _fill_in_samples(tags: Tags) -> None:
    """As many samples a pixel as its colours have, where the file does not say; told in `tags`."""
    if tags.header.get("SamplesPerPixel") is None:
        colours = tags.word("PhotometricInterpretation").startswith(("RGB", "YBR"))
        tags.header.SamplesPerPixel = 3 if colours else 1
        tags.say(f"no samples per pixel in the file: read as {tags.header.SamplesPerPixel}")


def _fill_in(tags: Tags, name: str) -> None:
    """What the Image Pixel module must say and does not, as most films have it; told in `tags`.

    Raises:
        TbspotError: the colours are of a kind that is not read.
    """
    header = tags.header
    header.PhotometricInterpretation = _interpretation(tags, name)
    header.PixelRepresentation = int(tags.number("PixelRepresentation") == 1)
    header.PlanarConfiguration = int(tags.number("PlanarConfiguration") == 1)
    lowest = header.BitsStored - 1
    high = tags.number("HighBit")
    high = lowest if high is None else int(high)
    if not lowest <= high < header.BitsAllocated:
        tags.set_aside("HighBit")
        high = lowest
    header.HighBit = high


def _interpretation(tags: Tags, name: str) -> str:
    """What the samples are: one is grey, if it is no index of a palette, whatever the tag says."""
    said = tags.word("PhotometricInterpretation")
    known = BARE_INTERPRETATIONS.get(re.sub(r"[\W_]", "", said), "")
    grey = tags.header.SamplesPerPixel == 1
    if grey and known not in ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"):
        found = "MONOCHROME2"
    else:
        found = known if said else "RGB"
    if not found:
        raise TbspotError(f"{name} has colours of a kind that tbspot does not read; "
                          "export it in grey")  # fmt: skip
    if not said:
        tags.say(f"no photometric interpretation in the file: read as {found}")
    elif found != known:
        tags.say(f"the photometric interpretation is not that of one sample: read as {found}")
    return found


def _is_directory(header: Dataset) -> bool:
    stored: Any = header.file_meta.get("MediaStorageSOPClassUID")
    return bool(stored == MediaStorageDirectoryStorage)


def _syntax(header: Dataset, name: str) -> UID:
    """The transfer syntax, or one sentence on what is missing to decode it."""
    syntax = UID(str(header.file_meta.get("TransferSyntaxUID") or "").strip(" \0"))
    if not syntax:
        implicit, little = header.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        return ImplicitVRLittleEndian if implicit else explicit
    if syntax in UNCOMPRESSED:
        return syntax
    title = _title(syntax)
    if syntax not in DECODERS:
        raise TbspotError(f"{name} is stored as {title}, which tbspot does not read; "
                          "export it uncompressed")  # fmt: skip
    known_as, plugins = DECODERS[syntax]
    if not set(plugins) & set(get_decoder(known_as).available_plugins):
        package = PACKAGES[plugins[0]]
        raise TbspotError(
            f"{name} is stored as {title}, which needs the package {package}; "
            f"install it with `pip install {package}`"
        )
    return syntax


def _title(syntax: UID) -> str:
    """The standard's name of a transfer syntax, retired ones included; never the tag's own text."""
    if syntax in NEWER:
        return NEWER[syntax]
    if syntax.is_private:
        return "a maker's own transfer syntax"
    return syntax.name if syntax.is_transfer_syntax else "an unknown transfer syntax"
