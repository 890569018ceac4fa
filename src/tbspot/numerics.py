"""A few functions of scipy's that a light installation would otherwise need 114 MB for.

Takes numbers; gives numbers, tested against scipy's. What they mean is left to the callers.
"""

from __future__ import annotations

import math
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["TWO_SIDED_95", "probability", "ranks", "sigmoid"]

Floats = TypeVar("Floats", bound=NDArray[np.floating[Any]])

# The normal distribution's 97.5 % quantile.
TWO_SIDED_95 = 1.959963984540054
# Below it exp(-logit) would overflow, and 1 + exp(-logit) is exp(-logit) long before.
LEAST_LOGIT = -700.0


def probability(logit: float) -> float:
    """The probability of a logit, scipy's `expit` to the bit."""
    return 1 / (1 + math.exp(-logit)) if logit > LEAST_LOGIT else math.exp(logit)


def sigmoid(logits: Floats) -> Floats:
    """The probability of each logit, in the logits' own type."""
    with np.errstate(over="ignore"):  # 1 / infinity is the right answer
        chances: Floats = 1 / (1 + np.exp(-logits))
    return chances


def ranks(values: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """The rank of each value from 1, flat; equal values share the mean of their ranks."""
    _, places, counts = np.unique(values.ravel(), return_inverse=True, return_counts=True)
    shared: NDArray[np.float64] = (counts.cumsum() - (counts - 1) / 2)[places]
    return shared
