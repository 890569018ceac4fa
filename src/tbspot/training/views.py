"""Views of films for training: one random view per film and epoch, the same wherever it is drawn.

Takes a batch of films and the numbers that identify each; gives the views and the geometry that
maps of the whole film must follow. Which films stand in a batch is left to films.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tbspot.training.handling import compressed, cropped, lettered
from tbspot.training.settings import Strength

__all__ = ["Views", "draw_views", "warp"]

# What tells the random numbers of handling from those of the view itself.
HANDLING = 2


@dataclass(frozen=True)
class Views:
    """Views of a batch.

    Attributes:
        films: `[n, 1, h, w]` in [0, 1].
        geometry: `[n, 2, 3]`, the affine matrix of `torch.nn.functional.affine_grid`.
    """

    films: Tensor
    geometry: Tensor


def draw_views(films: Tensor, seeds: Sequence[tuple[int, ...]], strength: Strength) -> Views:
    """One random view of each film.

    Args:
        films: `[n, 1, h, w]` in [0, 1].
        seeds: what identifies each draw (run, epoch, film): equal numbers give equal views on
            any number of processes.
        strength: the ranges.
    """
    generators = [np.random.default_rng(seed) for seed in seeds]
    # A stream of its own, so that views are otherwise the same with and without.
    handlers = [np.random.default_rng((*seed, HANDLING)) for seed in seeds]
    matrices = [_matrix(g, strength) for g in generators]
    matrices = [_handled(cropped, *pair, strength) for pair in zip(matrices, handlers, strict=True)]
    geometry = torch.stack(matrices).to(films.device)
    views = warp(films, geometry)
    deviations = [g.uniform(0, strength.blur) * (g.random() < 0.5) for g in generators]
    views = _blur(views, deviations, strength.blur)
    tones = np.array([_tone(g, strength) for g in generators], np.float32)
    gamma, contrast, brightness, noise = (
        column.view(-1, 1, 1, 1) for column in torch.from_numpy(tones).to(films.device).unbind(1)
    )
    views = views.clamp(1e-4, 1) ** gamma
    mean = views.mean((2, 3), keepdim=True)
    views = (views - mean) * contrast + mean + brightness
    grain = np.stack([g.standard_normal(films.shape[1:], np.float32) for g in generators])
    views = (views + noise * torch.from_numpy(grain).to(films.device)).clamp(0, 1)
    for view, generator in zip(views, generators, strict=True):
        if generator.random() < strength.erase:
            _erase(view, generator)
    for change in (lettered, compressed):
        pairs = zip(views, handlers, strict=True)
        views = torch.stack([_handled(change, *pair, strength) for pair in pairs])
    return Views(views, geometry)


def _handled(
    change: Callable[[Tensor, np.random.Generator], Tensor],
    subject: Tensor,
    generator: np.random.Generator,
    strength: Strength,
) -> Tensor:
    return change(subject, generator) if generator.random() < strength.handling else subject


def warp(images: Tensor, geometry: Tensor) -> Tensor:
    """Resample `[n, c, h, w]` (films, or maps on their own grid) by affine matrices `[n, 2, 3]`.

    What lies outside repeats the border, so no black frame tells which films were moved.
    """
    grid = functional.affine_grid(geometry, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _matrix(generator: np.random.Generator, strength: Strength) -> Tensor:
    mirror = -1.0 if generator.random() < strength.mirror else 1.0
    scale = 1 + generator.uniform(-strength.scale, strength.scale)
    aspect = 1 + generator.uniform(-strength.scale, strength.scale) / 3
    angle = np.deg2rad(generator.uniform(-strength.rotation, strength.rotation))
    # affine_grid's coordinates span 2 units a side.
    shift = 2 * generator.uniform(-strength.shift, strength.shift, 2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag([mirror * scale * aspect, scale / aspect])
    return torch.from_numpy(np.column_stack([linear, shift]).astype(np.float32))


def _tone(generator: np.random.Generator, strength: Strength) -> tuple[float, ...]:
    limit = np.log1p(strength.gamma)
    return (
        float(np.exp(generator.uniform(-limit, limit))),
        1 + generator.uniform(-strength.contrast, strength.contrast),
        generator.uniform(-strength.brightness, strength.brightness),
        generator.uniform(0, strength.noise),
    )


def _blur(films: Tensor, deviations: list[float], widest: float) -> Tensor:
    """Separable Gaussian blur of `[n, 1, h, w]`, one deviation a film; 0 leaves a film as it is.

    The kernel's extent follows from the widest possible deviation, not from the batch's, so that
    a view does not depend on the films beside it.
    """
    radius = int(np.ceil(2.5 * widest))
    if radius == 0:
        return films
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float32, device=films.device)
    widths = torch.tensor(deviations, device=films.device).clamp(min=1e-3).view(-1, 1)
    kernel = torch.exp(-0.5 * (offsets / widths) ** 2)
    kernel = kernel / kernel.sum(1, keepdim=True)
    stacked = functional.pad(films.transpose(0, 1), (radius,) * 4, mode="replicate")
    rows = functional.conv2d(stacked, kernel.view(-1, 1, 1, len(offsets)), groups=len(films))
    both = functional.conv2d(rows, kernel.view(-1, 1, len(offsets), 1), groups=len(films))
    return both.transpose(0, 1)


def _erase(view: Tensor, generator: np.random.Generator) -> None:
    height, width = view.shape[-2:]
    tall, wide = (generator.uniform(0.15, 0.5, 2) * (height, width)).astype(int)
    top, left = int(generator.integers(height - tall)), int(generator.integers(width - wide))
    view[..., top : top + tall, left : left + wide] = float(generator.uniform(0.2, 0.8))
