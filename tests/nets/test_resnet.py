from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import safetensors
import torch
from torch import Tensor

from tbspot.nets.resnet import ResNet50

REAL_WEIGHTS = Path(__file__).parents[3] / "shared/weights/resnet50_imagenet_fp16.safetensors"

# Of torchvision 0.28's resnet50 without `fc`: the 318 lines "name shape" of its state dict, sorted.
TORCHVISION_KEYS = "c1f7fd3808aa49e7afb0ec26ebebafda398d447a68e9547c34a3d6fc8945c74c"
TORCHVISION_PARAMETERS, FC_PARAMETERS = 25_557_032, 2048 * 1000 + 1000
# Features of torchvision 0.28's resnet50 (`replace_stride_with_dilation` for strides below 32),
# with `_weights` and `_film`: shape, mean, deviation, the last feature in the last place but two.
TORCHVISION_FEATURES = {
    32: ((1, 2048, 2, 2), 0.1694068, 0.1918635, 0.3146816),
    16: ((1, 2048, 4, 4), 0.1715620, 0.1955479, 0.3104861),
    8: ((1, 2048, 8, 8), 0.1722133, 0.1963931, 0.3119023),
}


def _weights(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Normal numbers of numpy, which are the same everywhere, scaled to keep features in bounds."""
    generator = np.random.default_rng(0)
    weights = {name: tensor for name, tensor in state.items() if name.endswith("tracked")}
    for name in sorted(set(state) - set(weights)):
        values = generator.standard_normal(tuple(state[name].shape), np.float32)
        if values.ndim == 4:
            values *= np.float32(np.sqrt(2 / np.prod(values.shape[1:])))
        elif name.endswith("running_var"):
            values = 1 + 0.2 * np.abs(values)
        elif name.endswith(("running_mean", "bias")):
            values = 0.1 * values
        else:
            values = 0.5 + 0.1 * values
        weights[name] = torch.from_numpy(values.astype(np.float32))
    return weights


def _film() -> Tensor:
    return torch.from_numpy(np.random.default_rng(1).random((1, 1, 64, 64), np.float32))


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    return _weights(ResNet50().state_dict())


def _features(weights: dict[str, Tensor], *arguments: int | str) -> Tensor:
    net = ResNet50(*arguments).eval()
    net.load_state_dict(weights)
    with torch.no_grad():
        features: Tensor = net(_film())
    return features


def test_names_and_shapes_are_those_of_torchvision(weights: dict[str, Tensor]) -> None:
    lines = [f"{name} {tuple(tensor.shape)}" for name, tensor in weights.items()]
    assert len(lines) == 318
    assert "layer4.0.downsample.0.weight (2048, 1024, 1, 1)" in lines
    assert hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest() == TORCHVISION_KEYS


def test_with_a_classifier_of_1000_classes_it_would_have_25_557_032_parameters() -> None:
    count = sum(parameter.numel() for parameter in ResNet50().parameters())
    assert count + FC_PARAMETERS == TORCHVISION_PARAMETERS


@pytest.mark.parametrize("stride", sorted(TORCHVISION_FEATURES))
def test_features_are_those_of_torchvision(weights: dict[str, Tensor], stride: int) -> None:
    shape, mean, deviation, corner = TORCHVISION_FEATURES[stride]
    features = _features(weights, stride, "3x3")
    assert features.shape == shape
    assert features.mean().item() == pytest.approx(mean, rel=1e-4)
    assert features.std().item() == pytest.approx(deviation, rel=1e-4)
    assert features[0, -3, -1, -1].item() == pytest.approx(corner, rel=1e-3)


def test_the_same_weights_mean_another_net_with_the_stride_elsewhere(
    weights: dict[str, Tensor],
) -> None:
    first, third = _features(weights, 32, "1x1"), _features(weights, 32, "3x3")
    assert first.shape == third.shape
    assert (first - third).abs().mean() > 0.02 * third.mean()


def test_another_output_stride_is_refused() -> None:
    with pytest.raises(ValueError, match="8, 16 or 32, not 12"):
        ResNet50(12)


def test_without_its_last_stage_it_gives_what_the_third_gives(weights: dict[str, Tensor]) -> None:
    whole, short = ResNet50(16).eval(), ResNet50(16, stages=3).eval()
    whole.load_state_dict(weights)
    short.load_state_dict({k: v for k, v in weights.items() if not k.startswith("layer4.")})
    with torch.no_grad():
        third, _ = whole.late(whole.early(_film()))
        features = short(_film())
    assert features.shape == (1, short.features, 4, 4) == (1, 1024, 4, 4)
    assert torch.equal(features, third)


def test_without_its_last_stage_it_has_no_stride_of_32() -> None:
    with pytest.raises(ValueError, match="8 or 16, not 32"):
        ResNet50(32, stages=3)


@pytest.mark.real
def test_the_weights_we_were_given_have_the_same_names_and_shapes() -> None:
    if not REAL_WEIGHTS.exists():
        pytest.skip("no ../shared/weights")
    with safetensors.safe_open(REAL_WEIGHTS, "pt") as file:
        given = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    ours = {
        name: tuple(tensor.shape)
        for name, tensor in ResNet50().state_dict().items()
        if not name.endswith("tracked")
    }
    assert {name: given[name] for name in ours} == ours
