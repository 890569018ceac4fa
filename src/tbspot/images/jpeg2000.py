"""JPEG 2000 files of other than 8 bits, which Pillow stretches, narrows or darkens.

Takes an open file; gives pixels, or `None` where Pillow is right. Decoding is OpenJPEG's, by
pylibjpeg-openjpeg, as for DICOM.
"""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from tbspot.errors import TbspotError
from tbspot.images.codestream import START_OF_JPEG_2000
from tbspot.images.depth import to_pixels
from tbspot.images.opening import check_size

__all__ = ["read_jpeg2000"]

# Colours whose first component is the luma.
LUMA_FIRST = ("YUV", "e-YCC")
# The box of a palette, whose colours have other bits than the numbers of them (T.800 I.5.3.4).
PALETTE = b"pclr"


def read_jpeg2000(file: BinaryIO, name: str) -> tuple[NDArray[np.float32], tuple[str, ...]] | None:
    """Pixels of a picture of other than 8 bits or of signed ones, and what was done; else `None`.

    Raises:
        TbspotError: the picture is too large, or of colours for printing.
    """
    from openjpeg.utils import decode, get_parameters

    found: dict[str, Any] = get_parameters(file)
    check_size(found["columns"], found["rows"], name)
    file.seek(0)
    content = file.read()
    bits, signed = found["precision"], bool(found["is_signed"])
    palette = PALETTE in content[: content.find(START_OF_JPEG_2000)]
    if not signed and (bits == 8 or (bits < 8 and palette)):
        return None
    if found["colourspace"] == "CMYK" or bits > 16:
        raise TbspotError(f"{name} has colours or depths for printing; save it as PNG in grey")
    values = decode(content)
    if values.ndim == 3 and (values.shape[2] < 3 or found["colourspace"] in LUMA_FIRST):
        values = values[..., 0]
    values = values if values.ndim == 2 else values[..., :3]
    return to_pixels(_eight_bits(values, bits, signed=signed) if bits < 8 else values)


def _eight_bits(values: NDArray[np.integer[Any]], bits: int, *, signed: bool) -> NDArray[np.uint8]:
    """Values of fewer bits with 8: black stays black, and white becomes white."""
    most = 2**bits - 1
    counted = values.astype(np.float32) + (1 << (bits - 1)) * signed
    return (counted * np.float32(255 / most)).round().astype(np.uint8)
