"""Films of one half and its mirror image: with and without TB from one film with TB on one side.

Takes what a teacher says of where TB is; gives the side of the films that have it on one, and films
or maps made of a half. Within one data set whose films all have TB these are pairs of both labels,
which its source cannot tell apart. How a model is held to them is said in step.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["choose_halves", "halved", "sides_of"]

# Of the evidence, from which the other half is taken to be free of TB: on the tuning films of
# TBX11K it is so on 33 of the 38 films that are one-sided by it.
ONE_SIDED = 0.95
# Told apart by this from the numbers of the film's view (views.py, drawn.py).
STREAM = 3


def sides_of(maps: Tensor, low: float) -> NDArray[np.int8]:
    """Which side of each film has TB: -1 the picture's left, 1 its right, 0 both or not known.

    Args:
        maps: of whole films, `[n, h, w]` in [0, 1].
        low: up to which a place counts as free of TB.
    """
    evidence = (maps - low).clamp(min=0)
    total = evidence.sum((1, 2)).clamp(min=1e-6)
    left = evidence[..., : maps.shape[-1] // 2].sum((1, 2)) / total
    right = evidence[..., (maps.shape[-1] + 1) // 2 :].sum((1, 2)) / total
    sides = (right >= ONE_SIDED).to(torch.int8) - (left >= ONE_SIDED).to(torch.int8)
    return sides.cpu().numpy()


def choose_halves(
    sides: NDArray[np.int8], chance: float, seeds: Sequence[tuple[int, ...]]
) -> NDArray[np.int8]:
    """Which half of each film is shown twice: -1 the left, 1 the right, 0 the film as it is.

    Args:
        sides: of the films, see `sides_of`; a film without one stays as it is.
        chance: that a film with one is halved; each of its halves is as likely.
        seeds: what identifies each draw (run, epoch, film).
    """
    kept = np.zeros_like(sides)
    for number in np.flatnonzero(sides).tolist():
        rng = np.random.default_rng((*seeds[number], STREAM))
        if rng.random() < chance:
            kept[number] = rng.choice((-1, 1))
    return kept


def halved(images: Tensor, kept: NDArray[np.int8]) -> Tensor:
    """Films or maps `[n, c, h, w]`, each of which is its left or right half and that mirrored.

    Args:
        images: of whole films; they come back as they are where none is halved.
        kept: see `choose_halves`.
    """
    if not kept.any():
        return images
    images = images.clone()
    half = images.shape[-1] // 2
    for number in np.flatnonzero(kept):
        mirrored = images[number].flip(-1)
        if kept[number] < 0:
            images[number, ..., -half:] = mirrored[..., -half:]
        else:
            images[number, ..., :half] = mirrored[..., :half]
    return images
