"""Films no finer than they are asked for: shown strip by strip, and averaged as they come.

Takes stored values and what each is shown as; gives pixels, whole or reduced by a whole factor. A
film of 64 megapixels is never held in floating point. Decoders that can leave out the finest
detail by themselves are left to coarse.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["Rows", "Shade", "count", "factor_for", "shaded"]

# From stored values `[h, w]` or `[h, w, samples]` to pixels `[h, w]` in [0, 1].
Shade = Callable[[NDArray[Any]], NDArray[np.float32]]


class Rows(Protocol):
    """Stored values of which a strip becomes an array when it is asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Height, width and, if there are several, samples."""

    def __getitem__(self, rows: slice, /) -> NDArray[Any]:
        """The values of some rows."""


# Values of a strip: few enough for a core's own cache, with all that is made of them.
STRIP = 1 << 17


def factor_for(height: int, width: int, enough: int | None) -> int:
    """The greatest whole factor that leaves both sides `enough` pixels; `None` = the whole film."""
    return 1 if enough is None else max(1, min(height, width) // enough)


def shaded(values: NDArray[Any] | Rows, shade: Shade, factor: int = 1) -> NDArray[np.float32]:
    """Pixels of stored values, the mean of each cell of `factor` x `factor`.

    They are averaged after they were shown, so that a window's ends, padding and inversion are
    those of the whole film. Cells at the right and lower edge hold what is there.

    Args:
        values: `[height, width]` or `[height, width, samples]`.
        shade: what each is shown as.
        factor: stored pixels a side of a pixel.

    Returns:
        `float32 [ceil(height / factor), ceil(width / factor)]`.
    """
    height, width = values.shape[:2]
    pixels = np.empty((-(-height // factor), -(-width // factor)), np.float32)
    rows = max(1, STRIP // (width * factor))
    for first in range(0, len(pixels), rows):
        strip = shade(values[first * factor : (first + rows) * factor])
        if factor > 1:
            strip = np.asarray(Image.fromarray(strip).reduce(factor))
        pixels[first : first + rows] = strip
    # A mean of floating point numbers may lie outside them by a rounding.
    return pixels.clip(0, 1, out=pixels) if factor > 1 else pixels


def count(codes: Callable[[NDArray[Any]], NDArray[Any]], values: NDArray[Any], most: int) -> (
    NDArray[np.int64]
):  # fmt: skip
    """How often each code from 0 to `most` occurs, `[most + 1]`; `codes` makes them of a strip."""
    counts = np.zeros(most + 1, np.int64)
    rows = max(1, STRIP // values.shape[1])
    for first in range(0, len(values), rows):
        strip = codes(values[first : first + rows])
        counts += np.bincount(strip.ravel(), minlength=most + 1)
    return counts
