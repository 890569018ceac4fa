from __future__ import annotations

import importlib.util
import sys
from unittest.mock import MagicMock

import pytest
import torch
from peers import UNUSED, LogitOnly
from torch import Tensor, nn

from tbspot.choices import Method
from tbspot.description import Description
from tbspot.errors import TbspotError
from tbspot.nets.attribution import attribute, fine_layer_cam
from tbspot.nets.classifier import Classifier

METHODS: tuple[Method, ...] = ("cam", "grad_cam", "grad_cam_pp", "layer_cam")


def _classifier(pooling: str = "mean") -> Classifier:
    torch.manual_seed(0)
    classifier = Classifier(Description(name="m", size=64, pooling=pooling))  # type: ignore[arg-type]
    nn.init.normal_(classifier.head.weight, std=0.05)
    return classifier.eval()


@pytest.fixture(scope="module")
def films() -> Tensor:
    return torch.rand(2, 1, 96, 64, generator=torch.Generator().manual_seed(1))


def _features_and_gradient(classifier: Classifier, films: Tensor) -> tuple[Tensor, Tensor]:
    """As a user of hooks would get them: from one pass through the whole net."""
    seen: list[Tensor] = []
    handle = classifier.body.register_forward_hook(lambda _module, _input, out: seen.append(out))
    logit = classifier(films).logit
    handle.remove()
    return seen[0].detach(), torch.autograd.grad(logit.sum(), seen[0])[0]


def test_cam_is_the_map_of_the_forward_pass(films: Tensor) -> None:
    classifier = _classifier()
    assert torch.equal(attribute(classifier, films, "cam"), classifier(films).map)


def test_the_layer_cam_of_stage_2_is_that_of_a_pass_through_the_whole_net(films: Tensor) -> None:
    classifier = _classifier("lse")
    seen: list[Tensor] = []
    handle = classifier.body.layer2.register_forward_hook(lambda _m, _i, out: seen.append(out))
    output = classifier(films)
    handle.remove()
    (gradient,) = torch.autograd.grad(output.logit.sum(), seen[0])
    answer, fine = fine_layer_cam(classifier, films)
    assert fine.shape == (2, 12, 8)
    torch.testing.assert_close(fine, (gradient.relu() * seen[0]).sum(1).detach())
    torch.testing.assert_close(answer.logit, output.logit.detach())
    assert not answer.map.requires_grad


def test_cam_equals_grad_cam_up_to_scale_for_mean_pooling(films: Tensor) -> None:
    classifier = _classifier()
    cam = attribute(classifier, films, "cam")
    places = cam[0].numel()
    torch.testing.assert_close(attribute(classifier, films, "grad_cam") * places**2, cam.relu())


@pytest.mark.parametrize("pooling", ["mean", "lse", "pcam"])
def test_gradients_of_the_head_alone_are_those_of_the_whole_net(
    films: Tensor, pooling: str
) -> None:
    classifier = _classifier(pooling)
    features, gradient = _features_and_gradient(classifier, films)
    weighted = (gradient.mean((2, 3), keepdim=True) * features).sum(1).relu()
    torch.testing.assert_close(attribute(classifier, films, "grad_cam"), weighted)
    layered = (gradient.relu() * features).sum(1).relu()
    torch.testing.assert_close(attribute(classifier, films, "layer_cam"), layered)


@pytest.mark.skipif(
    importlib.util.find_spec("pytorch_grad_cam") is None,
    reason="needs `pip install --no-deps grad-cam`; whole, it brings OpenCV and torchvision",
)
@pytest.mark.parametrize(
    ("method", "theirs"),
    [("grad_cam", "GradCAM"), ("layer_cam", "LayerCAM"), ("grad_cam_pp", "GradCAMPlusPlus")],
)
def test_maps_equal_those_of_pytorch_grad_cam(
    films: Tensor, method: Method, theirs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("cv2", *UNUSED):
        monkeypatch.setitem(sys.modules, name, MagicMock())
    package = importlib.import_module("pytorch_grad_cam")
    classifier = _classifier("lse")
    # Gradients far from the small number that it adds to Grad-CAM++'s denominators.
    classifier.head.weight.data *= 100
    cam = getattr(package, theirs)(LogitOnly(classifier), [classifier.body])
    with cam:
        cam.activations_and_grads(films).sum().backward()
        features = cam.activations_and_grads.activations[0].numpy()
        gradient = cam.activations_and_grads.gradients[0].numpy()
        expected = cam.get_cam_image(films, classifier.body, [], features, gradient, False)
    ours = attribute(classifier, films, method)
    torch.testing.assert_close(ours, torch.from_numpy(expected).relu(), rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_no_method_leaves_a_hook_or_a_gradient_behind(films: Tensor, method: Method) -> None:
    classifier = _classifier()
    attribute(classifier, films, method)
    for module in classifier.modules():
        assert not module._forward_hooks
        assert not module._backward_hooks
    assert all(parameter.grad is None for parameter in classifier.parameters())


@pytest.mark.parametrize("method", METHODS)
def test_maps_are_finite_and_the_same_every_time_also_for_a_blank_head(
    films: Tensor, method: Method
) -> None:
    classifier = _classifier()
    with torch.no_grad():
        assert torch.equal(
            attribute(classifier, films, method), attribute(classifier, films, method)
        )
    nn.init.zeros_(classifier.head.weight)
    assert torch.equal(attribute(classifier, films, method), torch.zeros(2, 3, 2))


def test_another_method_is_one_clear_sentence(films: Tensor) -> None:
    with pytest.raises(TbspotError, match="must be one of cam, grad_cam"):
        attribute(_classifier(), films, "score_cam")  # type: ignore[arg-type]
