"""Films with a part of them blanked: what a model makes of what is left.

Takes a model, a film and its output for it; gives logits and curves of scores. A blanked part is
replaced by the film without its detail, so that no edge is new. After Petsiuk et al. 2018
(deletion and insertion, arXiv 1806.07421).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tbspot.audit.model import Model, Output, spread
from tbspot.images import resize
from tbspot.maps.boxes import SIDE

__all__ = ["SHARES", "Blanked", "blank"]

Pixels = NDArray[np.float32]
Mask = NDArray[np.bool_]
Scores = NDArray[np.float64]

# Of the film: how much is blanked, or is all that is kept.
SHARES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0)
RANDOM_PLACES = 3
# The film without detail is a small copy of it, blurred.
SMALL, SMALL_BLUR = 64, 10


@dataclass(frozen=True, eq=False)
class Blanked:
    """What a model makes of one film with parts of it blanked.

    Attributes:
        found: logit lost when the found boxes are blanked.
        random: logit lost, on average, when the same form is blanked at random places.
        rest: logit lost when everything but the found boxes is blanked.
        deletion: scores with each of `SHARES` blanked, in the order of the map.
        deletion_random: the same in a random order as coarse as the map.
        insertion: scores with each of `SHARES` kept, in the order of the map.
        insertion_random: the same in that random order.
    """

    found: float
    random: float
    rest: float
    deletion: Scores
    deletion_random: Scores
    insertion: Scores
    insertion_random: Scores


class _Blanker:
    """Runs a model on a film with a part of it blanked."""

    def __init__(self, model: Model, film: Pixels) -> None:
        self._model, self._film = model, film
        self._empty = without_detail(film)

    def without(self, part: Mask) -> Output:
        """The model's output when a part `[SIDE, SIDE]` is blanked."""
        mask = spread(part, self._film.shape)
        return self._model.predict(np.where(mask, self._empty, self._film))

    def curve(self, order: NDArray[np.float64], *, kept: bool) -> Scores:
        """Scores with each of `SHARES` of the places, the first of the order, blanked or kept."""
        blanked = (order >= share if kept else order < share for share in SHARES)
        return np.array([self.without(part).score for part in blanked])


def blank(
    model: Model, film: Pixels, output: Output, random: np.random.Generator
) -> Blanked | None:
    """Blank what the model found, what it did not, and shares of the film.

    Args:
        model: to run.
        film: `[h, w]`.
        output: of the model for the whole film.
        random: for places and orders.

    Returns:
        `None` where the model finds nothing.
    """
    found = output.found
    if not found.any():
        return None
    blanker = _Blanker(model, film)
    elsewhere = [blanker.without(_moved(found, random)).logit for _ in range(RANDOM_PLACES)]
    noise = random.normal(size=(output.places, output.places)).astype(np.float32)
    by_map, by_chance = _order(output.evidence), _order(resize(noise, SIDE, SIDE))
    return Blanked(
        found=output.logit - blanker.without(found).logit,
        random=output.logit - float(np.mean(elsewhere)),
        rest=output.logit - blanker.without(~found).logit,
        deletion=blanker.curve(by_map, kept=False),
        deletion_random=blanker.curve(by_chance, kept=False),
        insertion=blanker.curve(by_map, kept=True),
        insertion_random=blanker.curve(by_chance, kept=True),
    )


def without_detail(film: Pixels) -> Pixels:
    """The film with nothing in it that could be called a finding, `[h, w]`."""
    height, width = film.shape
    blurred: Pixels = ndimage.gaussian_filter(resize(film, SMALL, SMALL), SMALL_BLUR)
    return resize(blurred, height, width)


def _moved(mask: Mask, random: np.random.Generator) -> Mask:
    """The same form somewhere else; what leaves the film on one side comes in on the other."""
    down, across = random.integers(0, SIDE, 2)
    return np.roll(mask, (int(down), int(across)), axis=(0, 1))


def _order(evidence: NDArray[np.float32]) -> NDArray[np.float64]:
    """For each place the share of the film that comes before it; most evidence first."""
    ranks = np.empty(evidence.size)
    ranks[np.argsort(-evidence, axis=None, kind="stable")] = np.arange(evidence.size)
    return (ranks / evidence.size).reshape(evidence.shape)
