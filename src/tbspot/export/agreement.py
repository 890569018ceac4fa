"""How far two ways of running a model agree: scores, and the masks that boxes come from.

Takes the answers of two engines to the same films; gives differences. What is close enough is
left to onnx_file.py and selftest.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tbspot.description import Description
from tbspot.maps.boxes import mask_of, normalise, threshold_of
from tbspot.maps.cutting import cut_of
from tbspot.maps.evidence import Ask, observe
from tbspot.metrics import mask_iou
from tbspot.numerics import probability

__all__ = ["Agreement", "Observation", "compare", "observations"]

# A film's score and its evidence `[h, w]`.
Observation = tuple[float, NDArray[np.float32]]


@dataclass(frozen=True)
class Agreement:
    """How far two engines agree on some films.

    Attributes:
        films: how many.
        score: the greatest difference of scores.
        mask: the least IoU of the masks, by the description's rule.
        mean_mask: the mean of these IoU.
    """

    films: int
    score: float
    mask: float
    mean_mask: float

    def words(self) -> str:
        """As a sentence may hold it."""
        return (
            f"scores differ by at most {self.score:.2g}, masks have IoU {self.mask:.4f} at least "
            f"and {self.mean_mask:.4f} on average, on {self.films} films"
        )


def observations(
    ask: Ask, description: Description, films: Sequence[NDArray[np.float32]]
) -> list[Observation]:
    """Score and evidence of each film.

    Raises:
        TbspotError: an answer is not finite.
    """
    answers = [observe(film, description, ask) for film in films]
    return [(probability(logit), evidence) for logit, evidence in answers]


def compare(
    one: Sequence[Observation], other: Sequence[Observation], description: Description
) -> Agreement:
    """How far two engines' observations of the same films agree."""
    scores = [abs(first - second) for (first, _), (second, _) in zip(one, other, strict=True)]
    overlaps = [
        _overlap(_mask(first, description), _mask(second, description))
        for (_, first), (_, second) in zip(one, other, strict=True)
    ]
    return Agreement(len(scores), max(scores), min(overlaps), float(np.mean(overlaps)))


def _mask(evidence: NDArray[np.float32], description: Description) -> NDArray[np.bool_]:
    cut, normalised = cut_of(description), normalise(evidence)
    return mask_of(normalised, threshold_of(normalised, cut.rule, cut.value))


def _overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Two maps without evidence agree."""
    return mask_iou(one, other) if one.any() or other.any() else 1.0
