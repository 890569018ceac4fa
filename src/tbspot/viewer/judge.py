"""What a model says of a single file: the answer of `locate` for the page.

Takes any file; gives a case that lives in memory, also where the file is no film or broken. What
is said of a film is left to locating/, the queue to drops.py.
"""

from __future__ import annotations

import logging
import zlib
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tbspot.errors import TbspotError, is_out_of_memory
from tbspot.faults import report_fault
from tbspot.locating import Finding, Model, load_model
from tbspot.records.predictions import Prediction
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
        self._path = model
        self._gate = gate

    def __call__(self, file: Path, name: str) -> Judged:
        """What is to be said of a file, called `name` in sentences; never raises."""
        try:
            finding = self._model.locate(file, name=name)
            return _kept(finding)
        except TbspotError as error:
            return _unseen(_without_model(name, str(error)))
        except Exception as error:
            if is_out_of_memory(error):
                reason = f"memory ran out for {name}; end other programs and try again"
                return _unseen(_without_model(name, reason))
            # One film must not end the page; a report has the particulars.
            logging.getLogger(__name__).error(report_fault(error))  # noqa: TRY400
            return _unseen(_without_model(name, f"{name} could not be judged: a fault of tbspot"))

    @cached_property
    def _model(self) -> Model:
        return load_model(self._path, gate=self._gate)


def _without_model(name: str, reason: str) -> Prediction:
    return Prediction(image=name, status="failed", reason=reason, model="", version="")


def _kept(finding: Finding) -> Judged:
    """The film packed, so that many fit into memory; nothing of it where it cannot be read.

    One that was reduced for the net is read anew, as a reader looks closer.
    """
    if finding.status == "failed":
        return _unseen(finding.prediction)
    grey = grey_values(finding.read(LONGEST_SIDE).pixels)
    height, width = grey.shape
    packed = zlib.compress(grey.tobytes(), 1)
    evidence = finding.evidence

    def film() -> NDArray[np.float32]:
        values = np.frombuffer(zlib.decompress(packed), "<u2").reshape(height, width)
        return values.astype(np.float32) / np.float32(65535)

    size = len(packed) + (0 if evidence is None else evidence.nbytes)
    case = Case(finding.prediction, film, None if evidence is None else lambda: evidence)
    return Judged(case, size)


def _unseen(prediction: Prediction) -> Judged:
    def film() -> NDArray[np.float32]:
        raise TbspotError(prediction.reason)

    return Judged(Case(prediction, film, None), 0)
