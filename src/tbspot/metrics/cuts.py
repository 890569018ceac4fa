"""Scores as cut points: what is above each, in one cumulative sum.

Takes scores; gives their order and the places where a cut can fall. Shared by box detection and
classification, whose curves differ only in what they count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Cuts"]


@dataclass(frozen=True)
class Cuts:
    """Scores from the highest down.

    Attributes:
        order: indices that sort the scores; equal scores keep their order.
        ends: places in that order after which a cut can fall: between two equal scores it cannot.
    """

    order: NDArray[np.intp]
    ends: NDArray[np.intp]

    @classmethod
    def of(cls, scores: NDArray[np.float64]) -> Cuts:
        """Order `scores` `[n]`."""
        order = np.argsort(-scores, kind="stable")
        return cls(order, np.flatnonzero(np.diff(scores[order], append=-np.inf)))

    def above(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum of `weights` `[b, n]` at or above each cut, `[b, cuts]`."""
        sums: NDArray[np.float64] = weights[:, self.order].cumsum(axis=1)[:, self.ends]
        return sums
