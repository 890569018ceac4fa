"""A class activation map refined by affinity: places that look alike and lie near share evidence.

Takes the closed-form map and the features of earlier stages; gives a map whose edges follow
them. After Ahn and Kwak 2018 (arXiv 1803.10464) and Wang et al. 2020 (SEAM, arXiv 2004.04581),
but the affinity is the features' own cosine: nothing is learnt for it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["refine"]

# Deviation of the Gaussian of distance, as a share of the map's side; docs/experiments.md.
REACH = 1 / 12
LEAST = 1e-6


def refine(places: Tensor, stages: Sequence[Tensor]) -> Tensor:
    """Each place's evidence becomes the mean of all places', weighted by affinity to it.

    The affinity of two places is the Gaussian of their distance times, for each stage, the cosine
    of their centred features, clipped at 0. Places that speak against TB count as none.

    Args:
        places: closed-form maps `[n, h, w]`.
        stages: features `[n, channels, h', w']` of the same films; each is brought to `h` and `w`.

    Returns:
        `[n, h, w]`, not negative, at most the greatest of `places`; float32. 0 where a place is
        like none.
    """
    height, width = places.shape[-2:]
    affinity = _nearness(height, width, places.device).unsqueeze(0)
    for features in stages:
        affinity = affinity * _likeness(features, height, width)
    evidence = places.float().relu().flatten(1).unsqueeze(2)
    # A place whose features are the mean of all is like none, not even itself.
    refined = (affinity @ evidence) / affinity.sum(2, keepdim=True).clamp(min=LEAST)
    return refined.reshape(places.shape).float()


def _nearness(height: int, width: int, device: torch.device) -> Tensor:
    """`[h * w, h * w]`, 1 for a place and itself."""
    rows, columns = _gaussian(height, device), _gaussian(width, device)
    # The Kronecker product; torch.kron would be exported for one size only.
    pairs = rows[:, None, :, None] * columns[None, :, None, :]
    return pairs.reshape(height * width, height * width)


def _gaussian(side: int, device: torch.device) -> Tensor:
    """`[side, side]`, of the distance along one side."""
    at = torch.arange(side, device=device) / side
    return torch.exp(-((at[:, None] - at[None]) ** 2) / (2 * REACH**2))


def _likeness(features: Tensor, height: int, width: int) -> Tensor:
    """`[n, h * w, h * w]` in [0, 1], 1 for a place and itself."""
    brought = functional.interpolate(features.float(), size=(height, width), mode="bilinear")
    vectors = brought.flatten(2).transpose(1, 2)
    vectors = functional.normalize(vectors - vectors.mean(1, keepdim=True), dim=2)
    return (vectors @ vectors.transpose(1, 2)).relu()
