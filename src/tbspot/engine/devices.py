"""On which device a model runs: the CPU, or a GPU of NVIDIA's that torch can use.

Takes what a caller asks for; gives a device by its name, or one sentence why it is not to be had.
Running a model there is left to engine.py.
"""

from __future__ import annotations

import re
from ctypes.util import find_library
from importlib.util import find_spec
from pathlib import Path

from tbspot.errors import MissingExtraError, ModelError

__all__ = ["device_for"]

CUDA = re.compile(r"cuda(:\d{1,3})?")


def device_for(asked: str) -> str:
    """The device: `cpu`, or `cuda:N` as torch calls it.

    Args:
        asked: `cpu`; `cuda` or `cuda:N`; or `auto`, the first GPU where torch has one.

    Raises:
        ModelError: there is no such device here.
        MissingExtraError: it needs torch, which is not installed.
    """
    if asked == "cpu":
        return asked
    if asked == "auto":
        # Torch takes seconds to import: only where a driver is there for it.
        return "cuda:0" if _has_driver() and find_spec("torch") and _gpus() else "cpu"
    if not CUDA.fullmatch(asked):
        raise ModelError(f"the device must be auto, cpu, cuda or cuda:N, not {asked}")
    number = int(asked.partition(":")[2] or 0)
    if find_spec("torch") is None:
        raise MissingExtraError(
            f"the device {asked} needs torch; install it with `pip install 'tbspot[train]'`"
        )
    if number >= (found := _gpus()):
        raise ModelError(
            f'there is no device cuda:{number} here ({found} found); use `device="cpu"`'
        )
    return f"cuda:{number}"


def _gpus() -> int:
    import torch

    return int(torch.cuda.device_count()) if torch.cuda.is_available() else 0


def _has_driver() -> bool:
    return Path("/dev/nvidiactl").exists() or find_library("nvcuda") is not None
