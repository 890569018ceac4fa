"""What a net makes of a film before its last layer.

Takes an engine that runs in torch and a film; gives the mean of each feature over the film. An
ONNX file holds no way to ask for features.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tbspot.engine import Engine
from tbspot.images import Frame

__all__ = ["features_of"]


def features_of(engine: Engine, film: NDArray[np.float32]) -> NDArray[np.float64] | None:
    """Features `[2048]` of a film `[h, w]`; `None` where the engine runs without torch."""
    if engine.classifier is None:
        return None
    import torch

    description = engine.description
    frame = Frame(film.shape[0], film.shape[1], description.size, description.through)
    with torch.inference_mode():
        features = engine.classifier.body(torch.from_numpy(frame.apply(film)[None, None].copy()))
    mean: NDArray[np.float64] = features.mean((2, 3))[0].double().numpy()
    return mean
