"""What it takes to ask pytorch-grad-cam and torch-cam of our net without what they drag in.

Takes our classifier; gives it as these packages want a net, and both packages as sides of a
comparison. For benchmarks and for the tests that compare maps with theirs. Called with the name of
a side, a checkpoint and a film it answers that film, for who watches what the process takes.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tbspot.images import Frame, read_pixels, resize
from tbspot.maps.evidence import Ask
from tbspot.nets.classifier import Classifier
from tbspot.nets.weights import load_classifier

__all__ = ["UNUSED", "Films", "LogitOnly", "Side", "installed_peers", "onnx_runtime"]

Films = NDArray[np.float32]
# From films `[n, size, size]` to logits `[n]` and maps in [0, 1] `[n, size, size]`.
Side = Callable[[Films], tuple[Films, Films]]

# What they import for pictures and for methods that are not compared. OpenCV is not among them:
# pytorch-grad-cam resizes with it.
UNUSED = ("matplotlib", "matplotlib.lines", "torchvision", "torchvision.transforms",
          "torchvision.transforms.functional", "tqdm", "ttach")  # fmt: skip


class LogitOnly(nn.Module):
    """The classifier as these packages want a net: logits `[n, 1]`."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, films: Tensor) -> Tensor:
        """Logits of films `[n, 1, h, w]`."""
        logit: Tensor = self.classifier(films).logit
        return logit[:, None]


def grad_cam(classifier: Classifier) -> Side:
    """pytorch-grad-cam as its README shows it; Pillow resizes in the place of OpenCV."""
    for name in UNUSED:
        sys.modules.setdefault(name, MagicMock())
    opencv = MagicMock()
    opencv.resize = lambda image, size: resize(image, size[1], size[0])
    sys.modules.setdefault("cv2", opencv)
    package = importlib.import_module("pytorch_grad_cam")
    cam = package.GradCAM(model=LogitOnly(classifier), target_layers=[classifier.body])

    def ask(films: Films) -> tuple[Films, Films]:
        maps = cam(input_tensor=torch.from_numpy(films[:, None].copy()), targets=None)
        return cam.outputs.detach().numpy()[:, 0], maps

    return ask


def torch_cam(classifier: Classifier) -> Side:
    """torch-cam as its README shows it, its maps enlarged to the film."""
    net = LogitOnly(classifier)
    cam = importlib.import_module("torchcam.methods").GradCAM(net, "classifier.body")

    def ask(films: Films) -> tuple[Films, Films]:
        scores = net(torch.from_numpy(films[:, None].copy()))
        maps = cam(0, scores)[0].numpy()
        side = films.shape[-1]
        return scores.detach().numpy()[:, 0], np.stack([resize(one, side, side) for one in maps])

    return ask


def is_installed(package: str) -> bool:
    """Whether a package is there; where it is not, print that it is not measured."""
    installed = importlib.util.find_spec(package) is not None
    if not installed:
        print(f"{package} is not installed and not measured")
    return installed


def onnx_runtime(exported: Path) -> Ask | None:
    """Our exported file in ONNX Runtime, as an engine is asked; `None` where it is missing."""
    if not is_installed("onnxruntime"):
        return None
    package = importlib.import_module("onnxruntime")
    options = package.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = package.InferenceSession(exported, options, providers=["CPUExecutionProvider"])

    def ask(films: Films) -> tuple[Films, Films]:
        logits, maps = session.run(["logit", "map"], {"films": films[:, None]})
        return logits, maps

    return ask


PEERS = {
    "torch eager + pytorch-grad-cam": ("pytorch_grad_cam", grad_cam),
    "torch eager + torch-cam": ("torchcam", torch_cam),
}


def installed_peers() -> dict[str, Callable[[Classifier], Side]]:
    """How each side is made of a classifier, where its package is installed."""
    found = {}
    for name, (package, make) in PEERS.items():
        if is_installed(package):
            found[name] = make
    return found


if __name__ == "__main__":
    called, checkpoint, film = sys.argv[1:]
    net, description = load_classifier(Path(checkpoint))
    pixels = read_pixels(Path(film))
    frame = Frame(pixels.shape[0], pixels.shape[1], description.size)
    PEERS[called][1](net)(frame.apply(pixels)[None])
