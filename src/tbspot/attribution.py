"""Heat maps by gradients, to compare with the closed form: Grad-CAM, Grad-CAM++, Layer-CAM.

Takes a classifier and films; gives maps on the net's grid. No hook is set: the features are an
intermediate value of an explicit forward pass, so nothing can leak.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from tbspot.errors import TbspotError
from tbspot.models import Classifier, pool

__all__ = ["Method", "attribute"]

Method = Literal["cam", "grad_cam", "grad_cam_pp", "layer_cam"]


def attribute(classifier: Classifier, films: Tensor, method: Method) -> Tensor:
    """Evidence for TB by one of the methods, on the last feature map.

    Args:
        classifier: in eval mode.
        films: `[n, 1, h, w]` in [0, 1].
        method: `cam` (Zhou et al. 2016), `grad_cam` (Selvaraju et al. 2017), `grad_cam_pp`
            (Chattopadhay et al. 2018) or `layer_cam` (Jiang et al. 2021).

    Returns:
        `[n, h', w']`; `cam` is signed, the others are clipped at 0 as their papers do.

    Raises:
        TbspotError: another method.
    """
    if method not in get_args(Method):
        raise TbspotError(f"the method must be one of {', '.join(get_args(Method))}, not {method}")
    with torch.no_grad():
        features = classifier.body(films)
        if method == "cam":
            places: Tensor = classifier.head(features).squeeze(1)
            return places
    with torch.enable_grad():
        # Only the head is differentiated: the body's part of the work is one forward pass.
        features.requires_grad_()
        logits = pool(classifier.head(features).squeeze(1), classifier.pooling)
        (gradient,) = torch.autograd.grad(logits.sum(), features)
    return _weighted(features.detach(), gradient, method)


def _weighted(features: Tensor, gradient: Tensor, method: Method) -> Tensor:
    if method == "layer_cam":
        return (gradient.relu() * features).sum(1).relu()
    if method == "grad_cam":
        weights = gradient.mean((2, 3), keepdim=True)
    else:
        squared, cubed = gradient**2, gradient**3
        total = features.sum((2, 3), keepdim=True)
        share = squared / (2 * squared + total * cubed).where(squared > 0, torch.ones(()))
        weights = (share * gradient.relu()).sum((2, 3), keepdim=True)
    return (weights * features).sum(1).relu()
