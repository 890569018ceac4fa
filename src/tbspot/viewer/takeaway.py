"""One film as one file: pictures, score and boxes in HTML that opens anywhere.

Takes a film, its map and its prediction; gives HTML with everything inside. The report of a whole
run is that of `tbspot report`.
"""

from __future__ import annotations

from base64 import b64encode

import numpy as np
from numpy.typing import NDArray

from tbspot import __version__
from tbspot.html.templating import render
from tbspot.records.predictions import Prediction
from tbspot.viewer.pictures import film_png, overlay_png

__all__ = ["film_report"]


def film_report(
    film: NDArray[np.float32], evidence: NDArray[np.float32], prediction: Prediction
) -> str:
    """The film alone and with map and boxes, and all that the prediction says.

    Args:
        film: in its own size or reduced.
        evidence: of the whole film.
        prediction: boxes in pixels of the film's own size.
    """
    return render(
        "takeaway.html",
        prediction=prediction,
        film=b64encode(film_png(film)).decode(),
        overlay=b64encode(overlay_png(film, evidence, prediction)).decode(),
        program=__version__,
    )
