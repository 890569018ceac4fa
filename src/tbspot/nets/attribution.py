"""Heat maps by gradients, to compare with the closed form: Grad-CAM, Grad-CAM++, Layer-CAM.

Takes a classifier and films; gives maps on the net's grid. No hook is set: the features are an
intermediate value of an explicit forward pass, so nothing can leak.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import get_args

import torch
from torch import Tensor

from tbspot.choices import Method
from tbspot.errors import TbspotError
from tbspot.nets.classifier import Classifier, Output

__all__ = ["attribute", "fine_layer_cam"]


def attribute(classifier: Classifier, films: Tensor, method: Method) -> Tensor:
    """Evidence for TB by one of the methods, on the last feature map.

    Args:
        classifier: in eval mode.
        films: `[n, 1, h, w]` in [0, 1], on any device.
        method: `cam` (Zhou et al. 2016), `grad_cam` (Selvaraju et al. 2017), `grad_cam_pp`
            (Chattopadhay et al. 2018) or `layer_cam` (Jiang et al. 2021).

    Returns:
        `[n, h', w']` on the classifier's device; `cam` is signed, the others are clipped at 0 as
        their papers do.

    Raises:
        TbspotError: another method.
    """
    if method not in get_args(Method):
        raise TbspotError(f"the method must be one of {', '.join(get_args(Method))}, not {method}")
    with torch.no_grad():
        features = classifier.body(films.to(classifier.bias.device))
        if method == "cam":
            return classifier.judge(features).map
    with torch.enable_grad():
        # Only the head is differentiated: the body's part of the work is one forward pass.
        features.requires_grad_()
        logits = classifier.judge(features).logit
        (gradient,) = torch.autograd.grad(logits.sum(), features)
    return WEIGHTINGS[method](features.detach(), gradient)


def fine_layer_cam(classifier: Classifier, films: Tensor) -> tuple[Output, Tensor]:
    """Layer-CAM of stage 2 (Jiang et al. 2021), finer than the closed form, beside the answer.

    Costs a forward pass and the backward pass of the last two stages.

    Args:
        classifier: in eval mode.
        films: `[n, 1, h, w]` in [0, 1], on any device.

    Returns:
        The classifier's answer, and `[n, h / 8, w / 8]`, not negative.
    """
    with torch.no_grad():
        early = classifier.body.early(films)
    with torch.enable_grad():
        early.requires_grad_()
        output = classifier.judge(classifier.body.late(early)[-1])
        (gradient,) = torch.autograd.grad(output.logit.sum(), early)
    answer = Output(output.logit.detach(), output.map.detach())
    return answer, _layer_cam(early.detach(), gradient).float()


def _layer_cam(features: Tensor, gradient: Tensor) -> Tensor:
    return (gradient.relu() * features).sum(1).relu()


def _grad_cam(features: Tensor, gradient: Tensor) -> Tensor:
    return (gradient.mean((2, 3), keepdim=True) * features).sum(1).relu()


def _grad_cam_pp(features: Tensor, gradient: Tensor) -> Tensor:
    squared, cubed = gradient**2, gradient**3
    total = features.sum((2, 3), keepdim=True)
    share = squared / (2 * squared + total * cubed).where(squared > 0, torch.ones(()))
    weights = (share * gradient.relu()).sum((2, 3), keepdim=True)
    return (weights * features).sum(1).relu()


# Features and the logit's gradient by them `[n, c, h, w]` to a map `[n, h, w]`. A new method is a
# function here, or in a module of its own, and its name in choices.py.
WEIGHTINGS: Mapping[Method, Callable[[Tensor, Tensor], Tensor]] = {
    "grad_cam": _grad_cam,
    "grad_cam_pp": _grad_cam_pp,
    "layer_cam": _layer_cam,
}
