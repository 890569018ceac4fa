"""Films and maps in the forms a browser shows.

Takes films `[height, width]` in [0, 1] and evidence; gives PNG files and raw grey values. Colours
and the overlay are those of maps/overlays.py.
"""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tbspot.images.frame import within
from tbspot.maps.boxes import mask_of, normalise
from tbspot.maps.overlays import colours, overlay
from tbspot.records.predictions import Prediction

__all__ = ["film_png", "grey_values", "heatmap_png", "legend_png", "overlay_png"]

# More pixels than most screens have, in 8 MB.
LONGEST_SIDE = 2048
# As large as the overlay that stands beside it.
PAGE_SIDE = 1024
LEGEND_STEPS = 256


def grey_values(film: NDArray[np.float32]) -> NDArray[np.uint16]:
    """The film in 16 bits, little-endian, at most 2048 pixels a side: windows can be narrow."""
    return (within(film, LONGEST_SIDE) * 65535).round().astype("<u2")


def film_png(film: NDArray[np.float32], side: int = PAGE_SIDE) -> bytes:
    """The film in 8 bits, at most `side` pixels a side."""
    return _png(Image.fromarray((within(film, side) * 255).round().astype(np.uint8)))


def heatmap_png(evidence: NDArray[np.float32], share: float = 0) -> bytes:
    """The normalised map on the protocol's grid, in colour, as opaque as its values are high.

    Args:
        evidence: of the whole film.
        share: of the maximum, below which the map is left out.
    """
    normalised = normalise(evidence)
    coloured = np.dstack([colours(normalised), normalised * mask_of(normalised, share) * 255])
    return _png(Image.fromarray(coloured.round().astype(np.uint8)))


def legend_png() -> bytes:
    """The colours from 0 to 1, from left to right."""
    ramp = np.linspace(0, 1, LEGEND_STEPS, dtype=np.float32)[None]
    return _png(Image.fromarray(colours(ramp).round().astype(np.uint8)))


def overlay_png(
    film: NDArray[np.float32], evidence: NDArray[np.float32], prediction: Prediction
) -> bytes:
    """The film with map and boxes, as `locate` writes it.

    Args:
        film: in its own size or reduced.
        evidence: of the whole film.
        prediction: whose boxes are in pixels of the film's own size.
    """
    shape = (prediction.height or film.shape[0], prediction.width or film.shape[1])
    return _png(overlay(film, evidence, prediction.boxes, shape=shape))


def _png(picture: Image.Image) -> bytes:
    file = BytesIO()
    # Level 1: the way to the browser is short.
    picture.save(file, "PNG", compress_level=1)
    return file.getvalue()
