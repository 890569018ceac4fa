"""A model that is ready to be asked, whatever runs it.

Takes what answers films; gives an `Engine`. How one is opened is left to engine.py, how films of
many threads become one batch to batching.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tbspot.description import Description
from tbspot.engine.batching import Answer, Batches
from tbspot.errors import TbspotError
from tbspot.maps.evidence import Ask

if TYPE_CHECKING:
    from tbspot.nets.classifier import Classifier

__all__ = ["Engine", "batched"]

# Films that a card is asked for together, and threads that ask, so that the next batch gathers
# while one is computed; a film and its mirror image are two.
MOST_IN_BATCH, ASKING = 32, 24


@dataclass(frozen=True)
class Engine:
    """A model, ready to be asked.

    Attributes:
        description: what the model says of itself.
        name: the library and the precision it computes in, for tables.
        ask: from films `float32 [n, size, size]` in [0, 1] to logits `[n]` and raw closed-form
            maps `[n, h, w]`.
        open_classifier: gives torch's net of the same weights; `None` where there is none.
        at_once: threads that may ask at the same time and share the cores without waiting.
        share: the same model for another number of them; `None` where it cannot.
    """

    description: Description
    name: str
    ask: Ask
    open_classifier: Callable[[], Classifier] | None = None
    at_once: int = 1
    share: Callable[[int], Engine] | None = None

    def __call__(self, films: NDArray[np.float32]) -> Answer:
        """Logits `float32 [n]` and raw maps `float32 [n, h, w]` of films `[n, size, size]`."""
        return self.ask(films)

    def shared_by(self, threads: int) -> Engine:
        """The engine for so many threads at a time; itself where it cannot share out the cores."""
        if self.share is None or threads == self.at_once:
            return self
        return self.share(threads)

    def classifier(self) -> Classifier:
        """Torch's net of the same weights, for what needs gradients or features.

        Raises:
            TbspotError: there is none, or torch is missing.
        """
        if self.open_classifier is None:
            raise TbspotError(f"{self.description.name} has no net of torch; give a model file")
        return self.open_classifier()


def batched(
    description: Description, name: str, ask: Ask, open_classifier: Callable[[], Classifier]
) -> Engine:
    """An engine of a graphics card, which many threads fill.

    Args:
        description: of the model.
        name: of library, precision and card.
        ask: the card, for one batch at a time.
        open_classifier: gives torch's net of the same weights.
    """
    return Engine(description, name, Batches(ask, MOST_IN_BATCH), open_classifier, ASKING)
