"""What libraries that nobody here wrote show of a file: dcmtk, or GDCM where dcmtk gives none.

Takes a file and its kind; gives its picture in [0, 1]. What tbspot shows, and who is right, is
left to the test.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from making import dcmtk, decoded
from matrix import Kind
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread

__all__ = ["picture"]

# Bits of dcmtk's pictures, which it fills from the left where a film has fewer.
PICTURE_BITS = 16
# The share of a film without a window that docs/reading.md lets be cut at either end.
CUT = 0.5


def picture(kind: Kind, path: Path) -> NDArray[np.float64]:
    """The film `[rows, columns]` in [0, 1], as exact as the kind's depth lets it be."""
    tool, source = _tool(kind.packing), path
    if tool is None:
        # dcmtk 3.6 has no decoder of JPEG 2000: GDCM decodes, dcmtk makes the picture.
        tool, source = "dcm2pnm", path.with_suffix(".gdcm")
        decoded(path, source)
    target = path.with_suffix(".png")
    # -O: an overlay in the spare bits is not to be drawn over the film.
    dcmtk(tool, "-q", "-O", "+G", *_interest(kind, source), "+on2", source, target)
    with Image.open(target) as image:
        levels = np.asarray(image, np.float64) // 2 ** (PICTURE_BITS - kind.depth)
    levels /= 2**kind.depth - 1
    return _cut(levels) if _shown_by_rule(kind) else levels


def _shown_by_rule(kind: Kind) -> bool:
    """Whether no file says what is shown of such a film, and docs/reading.md does."""
    return kind.grey and kind.interest == "none" and kind.bits > 8


def _tool(packing: str) -> str | None:
    if packing.startswith(("j2k", "htj2k")):
        return None
    if packing.startswith("jpegls"):
        return "dcml2pnm"
    return "dcm2pnm" if packing.startswith(("explicit", "rle")) else "dcmj2pnm"


def _interest(kind: Kind, path: Path) -> tuple[str, ...]:
    """The options that make dcmtk follow the file."""
    if kind.interest in ("table", "both", "bytes"):
        return ("+Wl", "1")
    if kind.interest == "linear":
        return ("+Wi", "1")
    if kind.interest == "sigmoid":
        return ("+Wi", "1", "+Wfs")
    if kind.interest == "exact":
        # dcmtk 3.6 has LINEAR alone; the two differ by these constants (PS3.3 C.11.2.1.3.2).
        header = dcmread(path, stop_before_pixels=True)
        center, width = float(header.WindowCenter), float(header.WindowWidth)
        return ("+Ww", repr(center + 0.5), repr(width + 1))
    return ("-W",)


def _cut(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = np.percentile(levels, (CUT, 100 - CUT))
    return ((levels - low) / (high - low)).clip(0, 1)
