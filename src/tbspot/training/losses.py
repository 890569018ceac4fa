"""What a classifier is taught: image labels, a teacher's score, a teacher's map.

Takes logits, maps and targets as tensors; gives one loss a film. Reducing over films, and where
targets come from, is left to step.py.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["label_loss", "map_loss", "normalised_map", "overlap_loss", "score_distillation"]


def label_loss(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    """Binary cross-entropy `[n]` of logits `[n]` against labels `[n]` in {0, 1}.

    Args:
        logits: of the film.
        labels: 1 = TB.
        smoothing: labels become `label * (1 - smoothing) + smoothing / 2` (Szegedy et al. 2016).
    """
    targets = labels.float() * (1 - smoothing) + smoothing / 2
    return functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")


def score_distillation(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Hinton et al. 2015 (arXiv 1503.02531) for one logit: `[n]`.

    `T² [ BCE(σ(s / T), σ(t / T)) - H(σ(t / T)) ]`, the Kullback-Leibler divergence of the two
    softened Bernoulli distributions. T² keeps the gradient's size independent of T; the
    teacher's entropy H is constant, so that the loss is 0 where student and teacher agree.

    Raises:
        ValueError: the temperature is not positive.
    """
    if temperature <= 0:
        raise ValueError(f"the temperature must be positive, not {temperature}")
    softened = teacher / temperature
    target = torch.sigmoid(softened)
    cross = functional.binary_cross_entropy_with_logits(
        student / temperature, target, reduction="none"
    )
    entropy = functional.binary_cross_entropy_with_logits(softened, target, reduction="none")
    return temperature**2 * (cross - entropy)


def normalised_map(maps: Tensor) -> Tensor:
    """Maps `[n, h, w]` less their median, clipped at 0, divided by their maximum: in [0, 1].

    A map without evidence above its median stays 0.
    """
    median = maps.flatten(1).median(1).values.view(-1, 1, 1)
    positive = (maps - median).clamp(min=0)
    highest = positive.flatten(1).amax(1).view(-1, 1, 1)
    # By 1 where there is nothing, and not by next to nothing: gradients have to stay finite.
    return positive / highest.where(highest > 0, torch.ones_like(highest))


def map_loss(places: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy of each place's logit `[n, h, w]` against soft targets: `[n]`.

    Args:
        places: the student's logits of places, bias included.
        targets: probability of TB at each place, in [0, 1].
    """
    loss = functional.binary_cross_entropy_with_logits(places, targets, reduction="none")
    return loss.flatten(1).mean(1)


def overlap_loss(maps: Tensor, targets: Tensor) -> Tensor:
    """One less the soft intersection over union of normalised maps and targets: `[n]`.

    Minima over places stand for the intersection, maxima for the union (Ružička similarity), so
    the loss is 0 where they are equal and 1 where they nowhere meet; scale and offset of a map
    do not matter.

    Args:
        maps: the student's closed-form maps `[n, h, w]`.
        targets: in [0, 1], of the same shape.
    """
    student = normalised_map(maps)
    shared = torch.minimum(student, targets).flatten(1).sum(1)
    covered = torch.maximum(student, targets).flatten(1).sum(1)
    return 1 - shared / covered.clamp(min=1e-6)
