"""The classifier: ResNet50, one TB logit a place, pooled to one logit a film.

Takes `[n, 1, h, w]` films in [0, 1]; gives logits `[n]` and maps `[n, h', w']`. Where its weights
come from is left to weights.py; losses, training and heat maps to others.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from tbspot.choices import Pooling
from tbspot.description import Description
from tbspot.nets.refinement import refine
from tbspot.nets.resnet import ResNet50

__all__ = ["Classifier", "Output", "pool", "pool_softly"]

# Sharpness of log-sum-exp pooling: Pinheiro and Collobert 2015 use 5, which we keep.
LSE_SHARPNESS = 5.0


class Output(NamedTuple):
    """What the classifier says of a batch.

    Attributes:
        logit: `[n]`, the film's evidence for TB.
        map: `[n, h, w]`, the closed-form class activation map: the head's weights times the
            features of a place, without the bias: `pool(map + bias)` is the logit, but of a model
            with a score head of its own, which reads the same features. Of a model with a
            refinement, that map refined (refinement.py).
    """

    logit: Tensor
    map: Tensor


def pool(places: Tensor, pooling: Pooling, sharpness: float = LSE_SHARPNESS) -> Tensor:
    """Pool logits of places `[n, h, w]` to films `[n]`.

    Args:
        places: logits.
        pooling: `mean`; `lse`, log-sum-exp (Pinheiro and Collobert 2015, arXiv 1411.6228);
            `pcam`, the mean weighted by each place's own probability (Ye et al. 2020,
            arXiv 2005.14480).
        sharpness: above 0, of log-sum-exp: the smaller, the nearer to the mean.

    Raises:
        ValueError: another pooling.
    """
    flat = places.flatten(1)
    if pooling == "mean":
        return flat.mean(1)
    if pooling == "lse":
        # The logarithm of the number of places, computed in the graph, so that an exported net
        # counts the places of the film that it is given.
        count = torch.logsumexp(torch.zeros_like(flat), 1)
        return (torch.logsumexp(sharpness * flat, 1) - count) / sharpness
    if pooling == "pcam":
        weights = torch.sigmoid(flat)
        return (weights * flat).sum(1) / weights.sum(1)
    raise ValueError(f"the pooling must be mean, lse or pcam, not {pooling}")


def pool_softly(places: Tensor, sharpness: float) -> Tensor:
    """Pool logits of places `[n, h, w]` to films `[n]` by log-sum-exp; at 0 the mean."""
    return pool(places, "lse", sharpness) if sharpness else pool(places, "mean")


class Classifier(nn.Module):
    """ResNet50 with a 1x1-convolution head and a pooling.

    Args:
        description: names the stages, the output stride, the stride's place, the pooling, the
            refinement and what the score is read by.
    """

    def __init__(self, description: Description) -> None:
        super().__init__()
        self.pooling = description.pooling
        self.refinement = description.refinement
        self.body = ResNet50(
            description.output_stride, description.stride_place, description.stages
        )
        self.head = nn.Conv2d(self.body.features, 1, 1, bias=False)
        nn.init.zeros_(self.head.weight)
        self.bias = nn.Parameter(torch.zeros(1))
        own = description.score_head == "own"
        self.score = nn.Conv2d(self.body.features, 1, 1, bias=False) if own else None
        self.score_sharpness = description.score_sharpness

    def forward(self, films: Tensor) -> Output:
        """Logits and maps of films `[n, 1, h, w]` in [0, 1]; both float32 even under autocast."""
        if self.refinement == "none":
            return self.judge(self.body(films))
        second = self.body.early(films)
        third, last = self.body.late(second)
        output = self.judge(last)
        return Output(output.logit, refine(output.map, (second, third)))

    def judge(self, features: Tensor) -> Output:
        """Logits and maps from the body's features."""
        places = self.head(features).squeeze(1).float()
        if self.score is None and self.pooling == "pcam":
            # A place's probability, which the mean is weighted by, has the bias in it.
            return Output(pool(places + self.bias, self.pooling), places)
        if self.score is None:
            return Output(pool(places, self.pooling) + self.bias, places)
        scored = self.score(features).squeeze(1).float()
        return Output(pool_softly(scored, self.score_sharpness) + self.bias, places)
