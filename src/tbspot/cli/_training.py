"""What `tbspot train` and `tbspot distill` share: from options to a finished run."""

from __future__ import annotations

import os
from typing import Any, Literal, get_args, get_origin, get_type_hints

import torch
from lightning_fabric import Fabric
from lightning_fabric.utilities.exceptions import MisconfigurationException
from rich.console import Console

from tbspot.errors import TbspotError
from tbspot.nets.weights import stride_place_of
from tbspot.training.loop import train
from tbspot.training.settings import Settings
from tbspot.training.views import Strength

__all__ = ["run"]


def run(given: dict[str, Any]) -> None:
    """Train as a command's options `given` say, and tell where the model lies.

    Raises:
        TbspotError: an option has no such value, or training cannot go on.
    """
    fabric = _fabric(given["precision"], given["devices"])
    settings = _settings(given)
    path = train(settings, given["out"], fabric, overwrite=given["overwrite"])
    if fabric.is_global_zero:
        Console().print(f"model: {path}")


def _settings(given: dict[str, Any]) -> Settings:
    if given.get("map_low", 0.0) >= given.get("map_high", 1.0):
        raise TbspotError("--map-low must be less than --map-high")
    from_random = given["init"] == "random"
    resolved = given | {
        "data": tuple(given["data"]),
        "teachers": tuple(given.get("teacher", ())),
        "stride_place": stride_place_of(given["init"]),
        "batch_norm": given["batch_norm"] or ("train" if from_random else "frozen"),
        "views": Strength(erase=given["erase"], handling=given["handling"]),
    }
    if given["frozen_stages"] is None:
        resolved["frozen_stages"] = 0 if from_random else 1
    kinds = get_type_hints(Settings)
    values = {name: value for name, value in resolved.items() if name in kinds}
    for name, value in values.items():
        _check_choice(name, value, kinds[name])
    return Settings(**values)


def _check_choice(name: str, value: Any, kind: Any) -> None:
    choices = get_args(kind)
    if get_origin(kind) is Literal and value not in choices:
        option = "--" + name.replace("_", "-")
        raise TbspotError(f"{option} must be one of {', '.join(map(str, choices))}, not {value}")


def _fabric(precision: str, devices: str) -> Fabric:
    if precision == "auto":
        precision = "bf16-mixed" if _has_bfloat16() else "32-true"
    nodes = 1
    if "LOCAL_WORLD_SIZE" in os.environ:  # torchrun says how many processes it started where
        local = os.environ["LOCAL_WORLD_SIZE"]
        devices, nodes = local, int(os.environ["WORLD_SIZE"]) // int(local)
    try:
        fabric = Fabric(devices=devices, num_nodes=nodes, precision=precision)  # type: ignore[arg-type]
    except (TypeError, ValueError, MisconfigurationException) as error:
        raise TbspotError(
            f"precision {precision} on devices {devices} is not possible here; "
            "use --precision auto --devices auto"
        ) from error
    fabric.launch()
    return fabric


def _has_bfloat16() -> bool:
    """Whether the hardware multiplies bfloat16 itself; emulated, it is slower than float32."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported())
