"""What `tbspot train` and `tbspot distill` share: from options to a finished run."""

from __future__ import annotations

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


def run(given: dict[str, Any]) -> None:
    """Train as a command's options `given` say, and tell where the model lies.

    Raises:
        TbspotError: an option has no such value, or training cannot go on.
    """
    from lightning_fabric.utilities.rank_zero import rank_zero_only

    options = {name: given.pop(name) for name in OF_THE_RUN}
    settings = _settings(given)
    folder = options.pop("out")
    path = (distill if settings.teachers else train)(settings, folder, **options)
    if getattr(rank_zero_only, "rank", 0) == 0:  # of several processes the first
        open_console().print(f"model: {path}")


def _settings(given: dict[str, Any]) -> TrainingSettings:
    from_random = given["init"] == "random"
    given["data"] = tuple(given["data"])
    given["teachers"] = tuple(given.pop("teacher", ()))
    given["stride_place"] = stride_place_of(given["init"])
    given["batch_norm"] = given["batch_norm"] or ("train" if from_random else "frozen")
    given["views"] = Strength(erase=given.pop("erase"), handling=given.pop("handling"))
    if given["frozen_stages"] is None:
        given["frozen_stages"] = 0 if from_random else 1
    return TrainingSettings(**given)
