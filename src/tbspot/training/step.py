"""One step of training: the net that it begins with, its rates, the loss of a batch.

Takes settings, a batch of films and teachers; gives what the loop in loop.py goes down by. The
losses themselves are in losses.py, the views of the films in views.py.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from tbspot.description import Description
from tbspot.nets.classifier import Classifier, Output
from tbspot.nets.folding import fold_batch_norm
from tbspot.nets.weights import build_classifier
from tbspot.training.films import Batch
from tbspot.training.losses import label_loss, map_loss, overlap_loss, score_distillation
from tbspot.training.settings import TrainingSettings
from tbspot.training.teachers import Taught, Teachers
from tbspot.training.views import draw_views, warp

__all__ = ["batch_loss", "optimizer_of", "set_mode", "set_rates", "start_net"]

# Share of the steps in which the learning rate rises, and its first value relative to the peak:
# the one-cycle schedule of Smith and Topin 2018 (arXiv 1708.07120).
WARM_UP, FIRST_RATE = 0.2, 0.04


def start_net(settings: TrainingSettings, description: Description) -> Classifier:
    """The net at its first step: its weights, what is folded and what stays as it is."""
    net = build_classifier(description, settings.init)
    if settings.batch_norm == "frozen":
        fold_batch_norm(net.body)
    for module in net.body.first_parts(settings.frozen_stages):
        module.requires_grad_(requires_grad=False)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return net


def set_mode(net: Classifier, settings: TrainingSettings) -> None:
    """Set the net to train, its frozen parts to stay as they are."""
    net.train(settings.batch_norm == "train")
    for module in net.body.first_parts(settings.frozen_stages):
        module.eval()


def optimizer_of(net: Classifier, settings: TrainingSettings) -> torch.optim.Optimizer:
    """AdamW over what is trained: the body and the head with rates of their own."""
    body = [parameter for parameter in net.body.parameters() if parameter.requires_grad]
    head = [*net.head.parameters(), net.bias]
    groups = [
        {"params": body, "peak": settings.body_rate},
        {"params": head, "peak": settings.head_rate},
    ]
    return torch.optim.AdamW(groups, weight_decay=settings.weight_decay)


def set_rates(optimizer: torch.optim.Optimizer, progress: float) -> None:
    """Set the rates for a share `progress` of all steps: a linear rise, then a cosine."""
    if progress < WARM_UP:
        factor = FIRST_RATE + (1 - FIRST_RATE) * progress / WARM_UP
    else:
        factor = (1 + math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP))) / 2
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * factor


def batch_loss(
    model: nn.Module,
    batch: Batch,
    teachers: Teachers | None,
    settings: TrainingSettings,
    epoch: int,
) -> Tensor:
    """Mean over the batch's films, so that processes with equal shares average to the whole."""
    seeds = [(settings.seed, epoch, int(index)) for index in batch.index]
    views = draw_views(batch.films, seeds, settings.views)
    output: Output = model(views.films.contiguous(memory_format=torch.channels_last))
    labels = label_loss(output.logit, batch.labels, settings.label_smoothing) * batch.counted
    losses = settings.label_weight * labels
    if teachers is not None:
        taught = teachers(batch.index, views, batch.halves)
        told = _distillation(output, _bias(model), taught, batch, settings)
        # A teacher that saw the film without them has nothing to say of drawn lesions.
        losses = losses + (1 - batch.drawn) * told
    if settings.draw_lesions > 0:
        reached = _on_grid(warp(batch.places, views.geometry).squeeze(1), output.map)
        losses = losses + settings.drawn_weight * batch.drawn * overlap_loss(output.map, reached)
    return losses.mean()


def _on_grid(targets: Tensor, maps: Tensor) -> Tensor:
    """Targets `[n, h, w]` as means over the places of maps."""
    reduced = functional.interpolate(targets.unsqueeze(1), size=maps.shape[-2:], mode="area")
    return reduced.squeeze(1)


def _bias(model: nn.Module) -> Tensor:
    bias = model.bias
    if not isinstance(bias, Tensor):
        raise TypeError("the model is not a Classifier")
    return bias


def _distillation(
    output: Output, bias: Tensor, taught: Taught, batch: Batch, settings: TrainingSettings
) -> Tensor:
    scores = score_distillation(output.logit, taught.logit, settings.temperature)
    # What a teacher said of the whole film does not hold for a half of it.
    whole = torch.from_numpy(batch.halves == 0).to(scores.device)
    losses = settings.score_weight * scores * whole
    if settings.map_weight == 0:
        return losses
    maps = _on_grid(taught.map, output.map)
    targets = ((maps - settings.map_low) / (settings.map_high - settings.map_low)).clamp(0, 1)
    if settings.map_target == "overlap":
        return losses + settings.map_weight * batch.labels * overlap_loss(output.map, targets)
    # A film labelled 'not TB' has TB nowhere, whatever the teacher's map says of it.
    targets = targets * batch.labels.view(-1, 1, 1)
    return losses + settings.map_weight * map_loss(output.map + bias, targets)
