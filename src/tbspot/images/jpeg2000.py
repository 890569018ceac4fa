"""JPEG 2000 files of more than 8 bits, which Pillow stretches or narrows.

Takes an open file; gives pixels, or `None` where Pillow is right. Decoding is OpenJPEG's, by
pylibjpeg-openjpeg, as for DICOM.
"""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from tbspot.errors import TbspotError
from tbspot.images.depth import to_pixels
from tbspot.images.opening import check_size

__all__ = ["read_jpeg2000"]

# Colours whose first component is the luma.
LUMA_FIRST = ("YUV", "e-YCC")


def read_jpeg2000(file: BinaryIO, name: str) -> tuple[NDArray[np.float32], tuple[str, ...]] | None:
    """Pixels of a picture of more than 8 bits or of signed ones, and what was done; else `None`.

    Raises:
        TbspotError: the picture is too large, or of colours for printing.
    """
    from openjpeg.utils import decode, get_parameters

    found: dict[str, Any] = get_parameters(file)
    check_size(found["columns"], found["rows"], name)
    if found["precision"] <= 8 and not found["is_signed"]:
        return None
    if found["colourspace"] == "CMYK" or found["precision"] > 16:
        raise TbspotError(f"{name} has colours or depths for printing; save it as PNG in grey")
    file.seek(0)
    values = decode(file)
    if values.ndim == 3 and (values.shape[2] < 3 or found["colourspace"] in LUMA_FIRST):
        values = values[..., 0]
    return to_pixels(values if values.ndim == 2 else values[..., :3])
