"""What a net makes of a film before its last layer.

Takes an engine and a film; gives the mean of each feature over the film, asked of torch's net.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tbspot.engine.engine import Engine
from tbspot.errors import TbspotError
from tbspot.images import Frame

__all__ = ["features_of"]


def features_of(engine: Engine, film: NDArray[np.float32]) -> NDArray[np.float64] | None:
    """Features `[2048]` of a film `[h, w]`; `None` where torch is missing."""
    try:
        classifier = engine.classifier()
    except TbspotError:
        return None
    import torch

    description = engine.description
    frame = Frame(film.shape[0], film.shape[1], description.size, description.through)
    with torch.inference_mode():
        features = classifier.body(torch.from_numpy(frame.apply(film)[None, None].copy()))
    mean: NDArray[np.float64] = features.mean((2, 3))[0].double().numpy()
    return mean
