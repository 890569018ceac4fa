"""Films without TB into which lesions are drawn while training: pairs within one source.

Takes films, and for each the chance that lesions are drawn into it; gives the films and where
lesions were drawn. How lesions look is said in tbspot.drawings.into_films, how a model is held to
them in step.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tbspot.drawings.into_films import draw_lesions
from tbspot.maps.lungs import lung_field

__all__ = ["Drawn", "draw_into"]

# Told apart by this from the numbers of the film's view, which must not follow from the same draw.
STREAM = 1


class Drawn(NamedTuple):
    """Films of a batch, some with lesions drawn into them.

    Attributes:
        films: `[n, 1, h, w]` in [0, 1].
        places: `[n, 1, h, w]`, 1 in the rectangles around drawn lesions; 0 everywhere on a film
            that was left as it is.
        drawn: `[n]`, 1 where lesions were drawn.
    """

    films: Tensor
    places: Tensor
    drawn: Tensor


def draw_into(
    films: Tensor,
    chances: Sequence[float],
    seeds: Sequence[tuple[int, ...]],
    field_of: Callable[[int], NDArray[np.bool_]] | None = None,
) -> Drawn:
    """Draw lesions into films, each with its own chance.

    Args:
        films: `[n, 1, h, w]` in [0, 1].
        chances: of each film that lesions are drawn into it.
        seeds: what identifies each draw (run, epoch, film): equal numbers draw the same lesions
            on any number of processes.
        field_of: the lung field of the film of a number, for who knows it; it is found anew
            otherwise, which takes half as long as the drawing.
    """
    films, places = films.clone(), torch.zeros_like(films)
    # One after the other: threads would wait for each other in Python between their short steps.
    for number, (seed, chance) in enumerate(zip(seeds, chances, strict=True)):
        rng = np.random.default_rng((*seed, STREAM))
        if rng.random() >= chance:
            continue
        film = films[number, 0].cpu().numpy()
        field = field_of(number) if field_of else lung_field(film)
        one = draw_lesions(film, field, rng)
        films[number, 0] = torch.from_numpy(one.film)
        places[number, 0] = torch.from_numpy(one.mask)
    return Drawn(films, places, places.flatten(1).amax(1))
