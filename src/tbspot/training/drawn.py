"""Films without TB into which lesions are drawn while training: pairs within one source.

Takes films, and for each the chance that lesions are drawn into it; gives the films and where
lesions were drawn. How lesions look is said in tbspot.drawings.into_films, how a model is held to
them in loop.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tbspot.drawings.into_films import WithLesions, draw_lesions
from tbspot.images import resize
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


def draw_into(films: Tensor, chances: Sequence[float], seeds: Sequence[tuple[int, ...]]) -> Drawn:
    """Draw lesions into films, each with its own chance.

    Args:
        films: `[n, 1, h, w]` in [0, 1].
        chances: of each film that lesions are drawn into it.
        seeds: what identifies each draw (run, epoch, film): equal numbers draw the same lesions
            on any number of processes.
    """
    generators = [np.random.default_rng((*seed, STREAM)) for seed in seeds]
    chosen = [
        number
        for number, (one, chance) in enumerate(zip(generators, chances, strict=True))
        if one.random() < chance
    ]
    films, places = films.clone(), torch.zeros_like(films)
    pixels = [films[number, 0].cpu().numpy() for number in chosen]
    with ThreadPoolExecutor() as pool:
        found = pool.map(_with_lesions, pixels, [generators[number] for number in chosen])
        for number, one in zip(chosen, found, strict=True):
            films[number, 0] = torch.from_numpy(one.film)
            places[number, 0] = torch.from_numpy(one.mask)
    return Drawn(films, places, places.flatten(1).amax(1))


def _with_lesions(film: NDArray[np.float32], rng: np.random.Generator) -> WithLesions:
    field = resize(lung_field(film).astype(np.float32), *film.shape) > 0.5
    return draw_lesions(film, field, rng)
