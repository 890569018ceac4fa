"""The truth of a film on the protocol's grid.

Takes a film's boxes in its own pixels; gives them, and their union, on the grid. Where the boxes
come from is left to samples/.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tbspot.errors import TbspotError
from tbspot.maps.boxes import on_grid, rectangle_mask
from tbspot.records.predictions import Prediction
from tbspot.samples.reading import film_size
from tbspot.samples.sample import Sample

__all__ = ["Truth", "truths_of"]


@dataclass(frozen=True)
class Truth:
    """A film and its truth boxes `[n, 4]` on the grid.

    Attributes:
        sample: the film.
        boxes: on the grid; none where the film cannot be read, whatever the data set says.
        size: width and height of the film in pixels, `None` if it cannot be read.
    """

    sample: Sample
    boxes: NDArray[np.float64]
    size: tuple[int, int] | None

    @property
    def is_boxed(self) -> bool:
        """Whether localization is judged on it: TB, with a box."""
        return self.sample.label == 1 and bool(self.sample.boxes)

    def mask(self) -> NDArray[np.bool_]:
        """The union of the boxes."""
        return rectangle_mask(self.boxes)


def truths_of(samples: Sequence[Sample], predictions: Sequence[Prediction | None]) -> list[Truth]:
    """Place films' boxes on the grid.

    Boxes lie in pixels of the data set's own film: predictions may have been made on copies of
    another size, so that theirs is taken only where there is no box to place.
    """
    return [_truth(*pair) for pair in zip(samples, predictions, strict=True)]


def _truth(sample: Sample, prediction: Prediction | None) -> Truth:
    size = sample.size
    if size is None and sample.boxes:
        with suppress(TbspotError):
            size = film_size(sample.path)
    elif size is None and prediction is not None and prediction.width and prediction.height:
        size = (prediction.width, prediction.height)
    boxes = np.array([(b.x0, b.y0, b.x1, b.y1) for b in sample.boxes or ()], np.float64)
    if size is None or not len(boxes):
        return Truth(sample, np.empty((0, 4)), size)
    width, height = size
    return Truth(sample, on_grid(boxes, height, width), size)
