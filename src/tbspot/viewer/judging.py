"""What a model says of a single file: the steps of `locate` for the page.

Takes any file; gives a case that lives in memory, also where the file is no film or broken. The
steps are those of images, gate and locating; the queue is left to drops.py.
"""

from __future__ import annotations

import logging
import zlib
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tbspot.engine import Engine, open_engine
from tbspot.errors import TbspotError
from tbspot.images.opening import shown
from tbspot.locating import cut_of, predict
from tbspot.locating.seeing import see
from tbspot.predictions import Prediction
from tbspot.viewer.cases import Case
from tbspot.viewer.drops import Judged
from tbspot.viewer.pictures import LONGEST_SIDE, grey_values

__all__ = ["Judge"]


class Judge:
    """A model that is opened when the first film asks for it.

    Args:
        model: its file; `None` = the released model.
        gate: whether films that are not to be judged are refused.
    """

    def __init__(self, model: Path | None = None, *, gate: bool = True) -> None:
        self._model = model
        self._gate = gate

    def __call__(self, file: Path, name: str) -> Judged:
        """What is to be said of a file, called `name` in sentences; never raises."""
        try:
            return self._judge(file, name)
        except TbspotError as error:
            return _unseen(name, str(error).replace(shown(file), name))
        except Exception:
            # One film must not end the page; the terminal has the particulars.
            logging.getLogger(__name__).exception("a film could not be judged")
            return _unseen(name, f"{name} could not be judged: a fault of tbspot")

    @cached_property
    def _engine(self) -> Engine:
        return open_engine(self._model)

    def _judge(self, file: Path, name: str) -> Judged:
        verdict = see(file, LONGEST_SIDE)
        if verdict.status == "refused" and self._gate:
            return _seen(self._without_score(name, verdict.reason), verdict.film.pixels, None)
        engine = self._engine
        prediction, evidence = predict(
            verdict.film.pixels,
            name,
            engine,
            cut_of(engine.description),
            area=verdict.area,
            shape=verdict.film.shape,
        )
        prediction = prediction.model_copy(update={"reason": verdict.reason})
        return _seen(prediction, verdict.film.pixels, evidence)

    def _without_score(self, name: str, reason: str | None) -> Prediction:
        description = self._engine.description
        return _nothing(name, "refused", reason, description.name, description.version)


def _seen(
    prediction: Prediction, pixels: NDArray[np.float32], evidence: NDArray[np.float32] | None
) -> Judged:
    grey = grey_values(pixels)
    height, width = grey.shape
    packed = zlib.compress(grey.tobytes(), 1)

    def film() -> NDArray[np.float32]:
        values = np.frombuffer(zlib.decompress(packed), "<u2").reshape(height, width)
        return values.astype(np.float32) / np.float32(65535)

    kept = len(packed) + (0 if evidence is None else evidence.nbytes)
    return Judged(Case(prediction, film, None if evidence is None else lambda: evidence), kept)


def _unseen(name: str, reason: str) -> Judged:
    def film() -> NDArray[np.float32]:
        raise TbspotError(reason)

    return Judged(Case(_nothing(name, "failed", reason), film, None), 0)


def _nothing(
    name: str,
    status: Literal["refused", "failed"],
    reason: str | None,
    model: str = "",
    version: str = "",
) -> Prediction:
    return Prediction(image=name, status=status, reason=reason, model=model, version=version)
