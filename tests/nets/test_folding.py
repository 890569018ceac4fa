from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tbspot.nets.folding import fold_batch_norm, unfolded_state
from tbspot.nets.resnet import ResNet50

FILMS = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def body() -> ResNet50:
    """A net whose normalisations all do something."""
    generator = torch.Generator().manual_seed(0)
    net = ResNet50(16)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None:
            module.weight.data.uniform_(0.4, 0.6, generator=generator)
            module.bias.data.normal_(0, 0.1, generator=generator)
            module.running_mean.normal_(0, 0.1, generator=generator)
            assert module.running_var is not None
            module.running_var.uniform_(0.8, 1.2, generator=generator)
    return net.eval()


def _features(net: ResNet50) -> Tensor:
    with torch.no_grad():
        features: Tensor = net(FILMS)
    return features


def test_a_folded_net_computes_the_same_without_any_normalisation(body: ResNet50) -> None:
    before = _features(body)
    fold_batch_norm(body)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in body.modules())
    assert before.std() > 0.1
    torch.testing.assert_close(_features(body), before, atol=1e-5, rtol=1e-5)


def test_unfolded_it_has_torchvision_s_keys_and_computes_the_same(body: ResNet50) -> None:
    keys = {name: tensor.shape for name, tensor in body.state_dict().items()}
    before = _features(body)
    fold_batch_norm(body)
    unfolded = unfolded_state(body, body.state_dict())
    assert {name: tensor.shape for name, tensor in unfolded.items()} == keys
    whole = ResNet50(16).eval()
    whole.load_state_dict(unfolded)
    torch.testing.assert_close(_features(whole), before, atol=1e-5, rtol=1e-5)


def test_what_a_folded_net_learns_is_in_the_unfolded_one(body: ResNet50) -> None:
    fold_batch_norm(body)
    for parameter in body.parameters():
        parameter.data.mul_(0.98)
    whole = ResNet50(16).eval()
    whole.load_state_dict(unfolded_state(body, body.state_dict()))
    torch.testing.assert_close(_features(whole), _features(body), atol=1e-5, rtol=1e-5)


def test_a_net_that_was_never_folded_unfolds_to_itself(body: ResNet50) -> None:
    state = body.state_dict()
    unfolded = unfolded_state(body, state)
    assert unfolded.keys() == state.keys()
    assert all(torch.equal(unfolded[name], state[name]) for name in state)


def test_a_normalisation_over_the_batch_alone_cannot_be_folded(body: ResNet50) -> None:
    body.bn1 = nn.BatchNorm2d(64, track_running_stats=False)
    with pytest.raises(ValueError, match="running statistics"):
        fold_batch_norm(body)
