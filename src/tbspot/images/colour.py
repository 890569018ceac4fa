"""Colours of a DICOM film to grey: luma of RGB, YBR and palettes.

Takes stored values and tags; gives pixels in [0, 1]. Decoding is left to frames.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels.processing import apply_color_lut

from tbspot.images.depth import LUMA
from tbspot.images.frames import within_bits
from tbspot.images.luts import Lut, read_lut
from tbspot.images.reducing import Shade, shaded
from tbspot.images.tags import Tags

__all__ = ["PALETTE_TAGS", "to_luma"]

COLOURS = ("Red", "Green", "Blue")
PALETTE_TAGS = [
    f"{segmented}{colour}PaletteColorLookupTable{part}"
    for colour in COLOURS
    for segmented, part in (("", "Descriptor"), ("", "Data"), ("Segmented", "Data"))
]


def to_luma(
    stored: NDArray[np.integer[Any]], interpretation: str, tags: Tags, factor: int = 1
) -> NDArray[np.float32]:
    """Luma `float32 [rows, columns]` in [0, 1].

    Args:
        stored: `[rows, columns, 3]`, indices `[rows, columns]` of a palette, or luma alone where
            the file halves its colours; of Bits Stored bits, whatever stands above them.
        interpretation: what the values are (PS3.3 C.7.6.3.1.2).
        tags: of the header, where what was done is said.
        factor: the mean of so many pixels a side is given; 1 = the whole film.

    Raises:
        ValueError: there is no palette.
    """
    tags.say("colour became grey")
    bits = int(tags.header.BitsStored)
    shade = _shade(interpretation, tags, 2**bits - 1)
    # Grey kept as three samples; colours themselves are inverted by no tag (PS3.3 C.11.6).
    inverted = tags.word("PhotometricInterpretation") == "MONOCHROME1"

    def shades(strip: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        found = shade(within_bits(strip, bits, signed=False))
        return 1 - found if inverted else found

    return shaded(stored, shades, factor)


def _shade(interpretation: str, tags: Tags, most: int) -> Shade:
    if interpretation == "PALETTE COLOR":
        shades = _of_palette(tags, most)
        return lambda indices: shades.take(indices, mode="clip")
    # Those of JPEG 2000 are no more when it is decoded, though the tag stays where it is unpacked.
    if not interpretation.startswith("YBR") or interpretation in ("YBR_RCT", "YBR_ICT"):
        return lambda colours: (colours.astype(np.float32) @ LUMA / np.float32(most)).clip(0, 1)
    low, high = (16 / 255, 235 / 255) if "PARTIAL" in interpretation else (0.0, 1.0)

    def luma(colours: NDArray[Any]) -> NDArray[np.float32]:
        # The first sample is the luma, which is all that is wanted.
        first = (colours if colours.ndim == 2 else colours[..., 0]).astype(np.float32)
        share: NDArray[np.float32] = (first / np.float32(most) - np.float32(low)) / np.float32(
            high - low
        )
        return share.clip(0, 1)

    return luma


def _of_palette(tags: Tags, last: int) -> NDArray[np.float32]:
    """Luma of each index from 0 to `last` (PS3.3 C.7.6.3.1.5 and C.7.6.3.1.6).

    Entries have 8 or 16 bits, the three tables alike.
    """
    indices = np.arange(last + 1)
    if "SegmentedRedPaletteColorLookupTableData" in tags.header:
        colours = apply_color_lut(indices.astype(np.uint16), tags.header)
        most = np.iinfo(colours.dtype).max
        return (colours.astype(np.float32) @ LUMA / np.float32(most)).clip(0, 1)
    tables = [_table(colour, tags) for colour in COLOURS]
    most = max(table.most for table in tables)
    weighed = sum(
        table.look_up(indices) * weight for table, weight in zip(tables, LUMA, strict=True)
    )
    return (np.asarray(weighed, np.float32) / np.float32(most)).clip(0, 1)


def _table(colour: str, tags: Tags) -> Lut:
    names = (f"{colour}PaletteColorLookupTableDescriptor", f"{colour}PaletteColorLookupTableData")
    found = read_lut(
        tags.header,
        names,
        little=tags.header.original_encoding[1] is not False,
        signed=bool(tags.header.PixelRepresentation),
        tags=tags,
        title="palette",
        whole_bytes=True,
    )
    if found is None:
        raise ValueError("a palette without a table")
    return found
