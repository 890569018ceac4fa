"""On what a training runs: devices, processes and the precision of its arithmetic.

Takes names of devices and of a precision; gives Lightning Fabric, launched. What runs on it is left
to loop.py.
"""

from __future__ import annotations

import os
from operator import index

import torch
from lightning_fabric import Fabric
from lightning_fabric.utilities.exceptions import MisconfigurationException

from tbspot.errors import TbspotError

__all__ = ["launch_fabric", "precision_of"]


def launch_fabric(precision: str = "auto", devices: str | int = "auto") -> Fabric:
    """Fabric on these devices; under torchrun, on as many processes and nodes as it started.

    Args:
        precision: `32-true`, `bf16-mixed`, or `auto`: bfloat16 where the hardware multiplies it.
        devices: a number of them, or `auto`; on a CPU each is a process, one a core at most.

    Raises:
        TbspotError: they are not to be had here.
    """
    if precision == "auto":
        precision = "bf16-mixed" if _has_bfloat16() else "32-true"
    nodes, by_torchrun = 1, "LOCAL_WORLD_SIZE" in os.environ
    if by_torchrun:  # which says how many processes it started where
        local = os.environ["LOCAL_WORLD_SIZE"]
        devices, nodes = local, int(os.environ["WORLD_SIZE"]) // int(local)
    try:
        wanted = devices if isinstance(devices, str) else index(devices)
        fabric = Fabric(devices=wanted, num_nodes=nodes, precision=precision)  # type: ignore[arg-type]
    # The last but one: a precision may need a package of its own.
    except (TypeError, ValueError, OverflowError, ImportError, MisconfigurationException) as error:
        raise TbspotError(
            f"precision {precision} on devices {devices} is not possible here; "
            'use `precision="auto"` and `devices="auto"`'
        ) from error
    cores = os.cpu_count() or 1
    if fabric.device.type == "cpu" and fabric.world_size > cores and not by_torchrun:
        raise TbspotError(
            f"{fabric.world_size:,} processes are wanted, and this machine has no GPU and {cores} "
            "cores; use fewer `devices`"
        )
    fabric.launch()
    return fabric


def precision_of(fabric: Fabric) -> str:
    """The precision that it computes in, in Lightning's words, such as `bf16-mixed`."""
    return str(fabric.strategy.precision.precision)


def _has_bfloat16() -> bool:
    """Whether the hardware multiplies bfloat16 itself; emulated, it is slower than float32."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported())
