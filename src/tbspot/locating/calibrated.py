"""A threshold that `tbspot calibrate` chose, if it was chosen for the model at hand.

Takes a threshold.json and a model's description; gives the threshold or refuses it.
"""

from __future__ import annotations

from pathlib import Path

from tbspot.calibration import ThresholdFile, read_threshold
from tbspot.description import Description
from tbspot.errors import TbspotError

__all__ = ["threshold_for_model"]


def threshold_for_model(path: Path, description: Description) -> ThresholdFile:
    """The threshold in a file.

    Raises:
        TbspotError: it cannot be read, was made for another version of the model or for none that
            is known, or is no probability.
    """
    chosen = read_threshold(path)
    if chosen.version != description.version:
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
