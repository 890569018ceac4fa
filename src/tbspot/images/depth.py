"""Whole numbers of any depth to [0, 1], for formats that do not say where white is.

Takes values as a file holds them; gives pixels and what was assumed. Decoding is left to
raster.py, tiff.py and jpeg2000.py.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tbspot.images.reducing import Rows, shaded

__all__ = ["LUMA", "SIDEWAYS", "to_pixels", "upright"]

# ITU-R 601, as Pillow weighs the colours of a PNG.
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
# EXIF's orientations that swap width and height.
SIDEWAYS = (5, 6, 7, 8)


class Deep(Rows, Protocol):
    """Rows whose range is known."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of a value."""

    @property
    def ndim(self) -> int:
        """2 for grey, 3 for colours."""

    def min(self) -> Any:
        """The least value."""

    def max(self) -> Any:
        """The greatest value."""


def to_pixels(
    values: NDArray[np.integer[Any]] | Deep, factor: int = 1
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Values as `float32 [height, width]` in [0, 1], and what was done.

    Values of 8 bits are divided by 255. Deeper ones go from 0, or where some are negative from the
    least number of that many bits, to the most that the smallest even number of bits which holds
    them all can say: 65535, or 4095 for a film of 12 bits kept in 16. Colour becomes luma.

    Args:
        values: `[height, width]` or `[height, width, 3]`, of 8, 16 or 32 bits; an array or as good
            as one.
        factor: the mean of so many pixels a side is given; 1 = the whole film.
    """
    width = 8 * values.dtype.itemsize
    signed = values.dtype.kind == "i"
    least, most = int(values.min()) if signed else 0, int(values.max())
    bits = 1 + max((-least - 1).bit_length(), most.bit_length()) if least < 0 else most.bit_length()
    # Without negative values the bit of a sign is never used.
    room = width - 1 if signed and least >= 0 else width
    bits = min(max(8, bits + bits % 2), room)
    low = -(2 ** (bits - 1)) if least < 0 else 0

    def shade(strip: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        # In float64 where float32 would round before the least number is taken off.
        pixels = (strip.astype(np.float64) - low if width > 16 or low else strip).astype(np.float32)
        pixels /= np.float32(2**bits - 1)
        return (pixels @ LUMA).clip(0, 1) if pixels.ndim == 3 else pixels

    said = [] if bits == room else [f"read as {bits} bits, which hold all its values"]
    said += ["colour became grey"] if values.ndim == 3 else []
    return shaded(values, shade, factor), tuple(said)


def upright(values: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Values `[height, width, ...]` as EXIF's orientation 1 to 8 wants them seen."""
    turned = values.swapaxes(0, 1) if orientation in SIDEWAYS else values
    down = -1 if orientation in (3, 4, 7, 8) else 1
    right = -1 if orientation in (2, 3, 6, 7) else 1
    return turned[::down, ::right]
