"""What `tbspot train` and `tbspot distill` share: from options to a finished run."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin, get_type_hints

# First, so that where it is missing it is told by its name, and not by that of what needs it.
import torch  # noqa: F401

from tbspot.cli._console import open_console
from tbspot.errors import TbspotError
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
    if given.get("map_low", 0.0) >= given.get("map_high", 1.0):
        raise TbspotError("--map-low must be less than --map-high")
    from_random = given["init"] == "random"
    given["data"] = tuple(given["data"])
    given["teachers"] = tuple(given.pop("teacher", ()))
    given["stride_place"] = stride_place_of(given["init"])
    given["batch_norm"] = given["batch_norm"] or ("train" if from_random else "frozen")
    given["views"] = Strength(erase=given.pop("erase"), handling=given.pop("handling"))
    if given["frozen_stages"] is None:
        given["frozen_stages"] = 0 if from_random else 1
    kinds = get_type_hints(TrainingSettings)
    for name, value in given.items():
        _check_choice(name, value, kinds[name])
    return TrainingSettings(**given)


def _check_choice(name: str, value: Any, kind: Any) -> None:
    choices = get_args(kind)
    if get_origin(kind) is Literal and value not in choices:
        option = "--" + name.replace("_", "-")
        raise TbspotError(f"{option} must be one of {', '.join(map(str, choices))}, not {value}")
