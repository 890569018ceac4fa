"""The type of threshold.json: what `tbspot calibrate` chooses and `tbspot locate` takes.

Takes a file and a model's description; gives the threshold or refuses it. How it is chosen is left
to calibration/: who only reads one loads nothing of that.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from tbspot.description import Description
from tbspot.errors import TbspotError
from tbspot.parsing import read_json
from tbspot.records.record import Record

__all__ = ["THRESHOLD_FILE", "ThresholdFile", "read_threshold", "threshold_for_model"]

THRESHOLD_FILE = "threshold.json"


class ThresholdFile(Record):
    """The whole of threshold.json: a threshold, for whom, and by what.

    Attributes:
        format: version of this file's layout.
        threshold: score from which a film counts as TB.
        rule: how it was chosen, in words.
        model: name of the model, if known.
        version: of the model that it is for, if known.
        calibration: fingerprint of the calibration.
    """

    format: Literal[1] = 1
    threshold: float
    rule: str
    model: str | None
    version: str | None
    calibration: str


def read_threshold(path: Path) -> ThresholdFile:
    """Read a threshold.json.

    Raises:
        TbspotError: it cannot be read or is not one.
    """
    what, remedy = "a threshold of this version of tbspot", "make one with `tbspot calibrate`"
    return read_json(path, ThresholdFile, what, remedy)


def threshold_for_model(path: Path, description: Description) -> ThresholdFile:
    """The threshold in a file, if it was chosen for the model at hand.

    Raises:
        TbspotError: it cannot be read, was made for another version of the model or for none that
            is known, or is no probability.
    """
    chosen = read_threshold(path)
    if not chosen.version or chosen.version != description.version:
        made_for = f"version {chosen.version}" if chosen.version else "an unknown version"
        raise TbspotError(
            f"{path} was made for {made_for} of a model, and this is version "
            f"{description.version} of {description.name}; calibrate this model's predictions"
        )
    if not 0 <= chosen.threshold <= 1:
        raise TbspotError(
            f"{path} has the threshold {chosen.threshold:g}, and scores of tbspot lie in [0, 1]; "
            "calibrate this model's predictions"
        )
    return chosen
