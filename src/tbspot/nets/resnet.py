"""ResNet50 as a map of features: grey films in, one feature vector a place out.

Takes `[n, 1, h, w]` floats in [0, 1]; gives `[n, 2048, h / stride, w / stride]`, or without its
last stage, for half of the work, `[n, 1024, ...]`.
Key-compatible with torchvision's `resnet50` state dict; the head is left to classifier.py.

He et al. 2016, "Deep Residual Learning for Image Recognition" (arXiv 1512.03385).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tbspot.choices import Stages, StridePlace

__all__ = [
    "Bottleneck",
    "ResNet50",
]

# The statistics of ImageNet's colour channels that torchvision's weights expect.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions around a shortcut.

    Args:
        channels: input channels.
        width: channels of the 3x3 convolution; the block gives four times as many.
        stride: spatial stride of the block.
        dilation: dilation of the 3x3 convolution.
        stride_place: which convolution holds the stride: `1x1` is the paper's (v1, also Keras'),
            `3x3` is torchvision's (v1.5). The same weights load in both and work in one.
    """

    def __init__(
        self, channels: int, width: int, stride: int, dilation: int, stride_place: StridePlace
    ) -> None:
        super().__init__()
        first, second = (stride, 1) if stride_place == "1x1" else (1, stride)
        self.conv1 = nn.Conv2d(channels, width, 1, stride=first, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(
            width, width, 3, stride=second, padding=dilation, dilation=dilation, bias=False
        )
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Sequential | None = None
        if stride != 1 or channels != 4 * width:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, 4 * width, 1, stride=stride, bias=False),
                nn.BatchNorm2d(4 * width),
            )

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        merged: Tensor = self.relu(self.bn3(self.conv3(x)) + shortcut)
        return merged


class ResNet50(nn.Module):
    """The body of ResNet50, without pooling and classifier.

    Args:
        output_stride: 32 (the paper's), 16 or 8; below 32 the last stages dilate instead of
            striding, as in DeepLab (Chen et al. 2017, arXiv 1706.05587).
        stride_place: see `Bottleneck`.
        stages: 4, or 3 for a net that ends before the last one; its stride is 16 at most.

    Raises:
        ValueError: another output stride.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self, output_stride: int = 32, stride_place: StridePlace = "3x3", stages: Stages = 4
    ) -> None:
        super().__init__()
        strides = (8, 16, 32) if stages == 4 else (8, 16)
        if output_stride not in strides:
            known = f"{', '.join(map(str, strides[:-1]))} or {strides[-1]}"
            raise ValueError(f"the output stride must be {known}, not {output_stride}")
        self.features = 1024 if stages == 3 else 2048
        self.output_stride = output_stride
        self.stride_place = stride_place
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer(
            "deviation", torch.tensor(IMAGENET_DEVIATION).view(1, 3, 1, 1), persistent=False
        )
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = self._stage(64, 64, blocks=3, stride=1, reached=4)
        self.layer2 = self._stage(256, 128, blocks=4, stride=2, reached=8)
        self.layer3 = self._stage(512, 256, blocks=6, stride=2, reached=16)
        self.layer4: nn.Module | None = None
        if stages == 4:
            self.layer4 = self._stage(1024, 512, blocks=3, stride=2, reached=32)
        self._initialise()

    def _stage(
        self, channels: int, width: int, blocks: int, stride: int, reached: int
    ) -> nn.Sequential:
        dilation, previous = max(1, reached // self.output_stride), 1
        if dilation > 1:
            previous, stride = max(1, dilation // stride), 1
        layers = [Bottleneck(channels, width, stride, previous, self.stride_place)]
        layers += [
            Bottleneck(4 * width, width, 1, dilation, self.stride_place) for _ in range(blocks - 1)
        ]
        return nn.Sequential(*layers)

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, Bottleneck):
                # Goyal et al. 2017: each block starts as the identity, so random starts train.
                nn.init.zeros_(module.bn3.weight)

    def first_parts(self, stages: int) -> list[nn.Module]:
        """The stem and so many stages, as training may leave them as they are; none for 0."""
        if not stages:
            return []
        all_stages = (self.layer1, self.layer2, self.layer3, self.layer4)
        return [self.conv1, self.bn1, *filter(None, all_stages[:stages])]

    def normalised_convolutions(self) -> list[tuple[nn.Module, str, str]]:
        """Every convolution with the normalisation behind it: their owner and their names in it."""
        pairs: list[tuple[nn.Module, str, str]] = [(self, "conv1", "bn1")]
        for block in self.modules():
            if isinstance(block, Bottleneck):
                pairs += [(block, f"conv{i}", f"bn{i}") for i in (1, 2, 3)]
                if block.downsample is not None:
                    pairs.append((block.downsample, "0", "1"))
        return pairs

    def forward(self, x: Tensor) -> Tensor:
        """Feature map of a batch `[n, 1, h, w]` in [0, 1]."""
        return self.late(self.early(x))[-1]

    def early(self, x: Tensor) -> Tensor:
        """Features of the first two stages, `[n, 512, h / 8, w / 8]`."""
        # Normalising before the padded convolution keeps black borders at torchvision's value.
        x = (x.expand(-1, 3, -1, -1) - self.mean) / self.deviation
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        features: Tensor = self.layer2(self.layer1(x))
        return features

    def late(self, early: Tensor) -> tuple[Tensor, Tensor]:
        """Features of the third and of the last stage, from those of the first two."""
        third: Tensor = self.layer3(early)
        return third, third if self.layer4 is None else self.layer4(third)
