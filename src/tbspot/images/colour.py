"""Colours of a DICOM film to grey: luma of RGB, YBR and palettes.

Takes stored values and tags; gives pixels in [0, 1]. Decoding is left to frames.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels.processing import apply_color_lut

from tbspot.images.luts import Lut, read_lut
from tbspot.images.tags import Tags

__all__ = ["LUMA", "PALETTE_TAGS", "to_luma"]

COLOURS = ("Red", "Green", "Blue")
PALETTE_TAGS = [
    f"{segmented}{colour}PaletteColorLookupTable{part}"
    for colour in COLOURS
    for segmented, part in (("", "Descriptor"), ("", "Data"), ("Segmented", "Data"))
]
# ITU-R 601, as Pillow weighs the colours of a PNG.
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def to_luma(
    stored: NDArray[np.integer[Any]], interpretation: str, tags: Tags
) -> NDArray[np.float32]:
    """Luma `float32 [rows, columns]` in [0, 1].

    Args:
        stored: `[rows, columns, 3]`, indices `[rows, columns]` of a palette, or luma alone where
            the file halves its colours.
        interpretation: what the values are (PS3.3 C.7.6.3.1.2).
        tags: of the header, where what was done is said.

    Raises:
        ValueError: there is no palette.
    """
    tags.say("colour became grey")
    if interpretation == "PALETTE COLOR":
        return _through_palette(stored, tags)
    most = 2**tags.header.BitsStored - 1
    if not interpretation.startswith("YBR"):
        return (stored.astype(np.float32) @ LUMA / np.float32(most)).clip(0, 1)
    # The first sample is the luma, which is all that is wanted.
    luma = (stored if stored.ndim == 2 else stored[..., 0]).astype(np.float32)
    low, high = (16 / 255, 235 / 255) if "PARTIAL" in interpretation else (0.0, 1.0)
    return ((luma / np.float32(most) - np.float32(low)) / np.float32(high - low)).clip(0, 1)


def _through_palette(stored: NDArray[np.integer[Any]], tags: Tags) -> NDArray[np.float32]:
    """PS3.3 C.7.6.3.1.5 and C.7.6.3.1.6; entries have 8 or 16 bits, the three tables alike."""
    if "SegmentedRedPaletteColorLookupTableData" in tags.header:
        colours = apply_color_lut(stored, tags.header)
        most = np.iinfo(colours.dtype).max
        return (colours.astype(np.float32) @ LUMA / np.float32(most)).clip(0, 1)
    tables = [_table(colour, tags) for colour in COLOURS]
    most = max(table.most for table in tables)
    # Weighed entry by entry, then looked up once.
    first, count = tables[0].first, max(len(table.entries) for table in tables)
    inputs = np.arange(first, first + count)
    weighed = sum(
        table.look_up(inputs) * weight for table, weight in zip(tables, LUMA, strict=True)
    )
    luma: NDArray[np.float32] = (np.asarray(weighed, np.float32) / np.float32(most)).clip(0, 1)
    found: NDArray[np.float32] = luma[(stored.astype(np.int64) - first).clip(0, count - 1)]
    return found


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
