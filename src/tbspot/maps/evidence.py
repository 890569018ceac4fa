"""From what a net says of each place to evidence for TB, comparable between films.

Takes raw maps of an engine; gives evidence maps, averaged over mirror and sizes where asked.
Cutting boxes from them is left to boxes.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tbspot.description import Description
from tbspot.errors import TbspotError
from tbspot.images import Frame, resize
from tbspot.numerics import sigmoid
from tbspot.parsing import LARGEST

__all__ = ["Ask", "evidence_of", "observe"]

# An engine's answer to films `[n, size, size]`: logits `[n]` and raw maps `[n, h, w]`.
Ask = Callable[[NDArray[np.float32]], tuple[NDArray[np.float32], NDArray[np.float32]]]


def evidence_of(raw: NDArray[np.float32], description: Description) -> NDArray[np.float32]:
    """Evidence `[h, w]` of one film: positive speaks for TB.

    Args:
        raw: closed-form class activation map `[h, w]`, without the net's bias.
        description: says in which unit evidence is given and what is subtracted.
    """
    evidence = raw
    if description.evidence == "probability":
        evidence = sigmoid(raw + np.float32(description.bias))
    if description.baseline == "median":
        evidence = evidence - np.median(evidence)
    return evidence.astype(np.float32, copy=False)


def observe(
    film: NDArray[np.float32],
    description: Description,
    ask: Ask,
    scales: Sequence[float] = (1.0,),
    shape: tuple[int, int] | None = None,
    name: str = "a film",
) -> tuple[float, NDArray[np.float32]]:
    """A film's logit and evidence, the mean over sizes and, if the model wants it, the mirror.

    Args:
        film: `[height, width]` in [0, 1].
        description: the frame, and whether the mirrored film is averaged in.
        ask: the engine.
        scales: sizes relative to the description's.
        shape: the film's height and width, if it was read smaller; `None` = of `film`.
        name: of the film, for errors.

    Returns:
        The logit divided by the description's temperature, and `[h, w]` of the largest size.

    Raises:
        TbspotError: an answer is not finite, or larger than what a heat map is read with again.
    """
    logits, maps = [], []
    for scale in scales:
        size = description.scaled(scale)
        height, width = shape or film.shape
        view = Frame(height, width, size, description.through).apply(film)
        views = [view, view[:, ::-1]] if description.mirror else [view]
        answer, raw = ask(np.stack(views))
        seen = [evidence_of(one, description) for one in raw]
        logits += answer.tolist()
        maps += [seen[0], *(one[:, ::-1] for one in seen[1:])]
    side = max(one.shape[0] for one in maps)
    # Fancy slices are views with negative strides, which Pillow does not take.
    spread = [resize(np.ascontiguousarray(one), side, side) for one in maps]
    logit = float(np.mean(logits)) / description.temperature
    evidence: NDArray[np.float32] = np.mean(spread, axis=0, dtype=np.float32)
    if not np.isfinite(logit) or not (np.abs(evidence) <= LARGEST).all():
        raise TbspotError(
            f"model {description.name} gives no finite answer for {name}; try "
            '`precision="float32"`, copy its file again, or give another model'
        )
    return logit, evidence
