"""What `tbspot train` and `tbspot distill` share: from options to a finished run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# First, so that where it is missing it is told by its name, and not by that of what needs it.
import torch  # noqa: F401

from tbspot.console import open_console
from tbspot.nets.weights import stride_place_of
from tbspot.training.run import distill, train
from tbspot.training.settings import Strength, TrainingSettings

__all__ = ["run"]

# Options of the run, not of the weights.
OF_THE_RUN = ("out", "precision", "devices", "overwrite")
# Options that the settings have under another name, or as part of another.
OTHERWISE = ("teacher", "erase", "handling")


def run(given: Mapping[str, Any]) -> None:
    """Train as a command's options `given` say, and tell where the model lies.

    Raises:
        TbspotError: an option has no such value, or training cannot go on.
    """
    from lightning_fabric.utilities.rank_zero import rank_zero_only

    settings = _settings(given)
    path = (distill if settings.teachers else train)(
        settings,
        given["out"],
        precision=given["precision"],
        devices=given["devices"],
        overwrite=given["overwrite"],
    )
    if getattr(rank_zero_only, "rank", 0) == 0:  # of several processes the first
        open_console().print(f"model: {path}")


def _settings(given: Mapping[str, Any]) -> TrainingSettings:
    from_random = given["init"] == "random"
    alike = {name: given[name] for name in given.keys() - {*OF_THE_RUN, *OTHERWISE}}
    frozen_stages = given["frozen_stages"]
    if frozen_stages is None:
        frozen_stages = 0 if from_random else 1
    made = {
        "data": tuple(given["data"]),
        "teachers": tuple(given.get("teacher", ())),
        "stride_place": stride_place_of(given["init"]),
        "batch_norm": given["batch_norm"] or ("train" if from_random else "frozen"),
        "views": Strength(erase=given["erase"], handling=given["handling"]),
        "frozen_stages": frozen_stages,
    }
    return TrainingSettings(**(alike | made))
