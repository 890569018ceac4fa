"""What it takes to ask pytorch-grad-cam and torch-cam of our net without what they drag in.

Takes our classifier; gives it as these packages want a net. For benchmarks and for the tests that
compare maps with theirs.
"""

from __future__ import annotations

from torch import Tensor, nn

from tbspot.models import Classifier

__all__ = ["UNUSED", "LogitOnly"]

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
