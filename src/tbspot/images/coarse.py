"""Decoding at a half, a quarter or an eighth of the size: JPEG and JPEG 2000 are made for it.

Takes one grey stream; gives its stored values, averaged by the format's own transform, or nothing
where that cannot be done rightly. Decoding whole is left to frames.py.
"""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

__all__ = ["decode_coarse"]

# Beyond an eighth neither format is sure to go.
FACTORS = (8, 4, 2)


def decode_coarse(
    stream: bytes, bits: int, factor: int, *, signed: bool
) -> tuple[NDArray[np.integer[Any]], int] | None:
    """Values `[ceil(height / f), ceil(width / f)]` and f, the greatest of 8, 4, 2 up to `factor`.

    Args:
        stream: of JPEG (8 bits) or JPEG 2000, with one component.
        bits: the stream's precision.
        factor: the most that may be left out.
        signed: whether the stream's values are.

    Returns:
        `None` if no such factor is allowed, or Pillow cannot; the whole may be decoded then.
    """
    fitting = next((each for each in FACTORS if each <= factor), None)
    if fitting is None:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(stream), formats=["JPEG", "JPEG2000"]) as image:
                values = _values(image, bits, fitting, signed=signed)
    except MemoryError:
        raise
    # A decoder may fail in any way, and the stream may have fewer levels: not the end.
    except Exception:
        return None
    return None if values is None else (values, fitting)


def _centred(values: NDArray[np.integer[Any]], factor: int) -> NDArray[np.integer[Any]]:
    """A wavelet's low band, which lies at each cell's first pixel, moved to the cells' middle."""
    aside = (factor - 1) / (2 * factor)
    height, width = values.shape
    wider = Image.fromarray(np.pad(values, (0, 1), "edge").astype(np.float32))
    box = (aside, aside, width + aside, height + aside)
    moved = np.asarray(wider.resize((width, height), Image.Resampling.BICUBIC, box))
    return moved.round().clip(values.min(), values.max()).astype(values.dtype)


def _values(
    image: ImageFile.ImageFile, bits: int, factor: int, *, signed: bool
) -> NDArray[np.integer[Any]] | None:
    if image.mode not in ("L", "I;16"):
        return None
    size = (-(-image.width // factor), -(-image.height // factor))
    if image.format == "JPEG":
        image.draft("L", (image.width // factor, image.height // factor))
    else:
        image.reduce = factor.bit_length() - 1  # type: ignore[assignment, method-assign]
    image.load()
    if image.size != size:
        return None
    values = np.asarray(image)
    if image.format == "JPEG2000":
        values = _centred(values, factor)
    # Pillow fills its 8 or 16 bits from the left, and counts from the least number.
    levels = values >> (8 * values.dtype.itemsize - bits)
    if not signed:
        return levels
    return (levels.astype(np.int32) - (1 << (bits - 1))).astype(np.int16)
