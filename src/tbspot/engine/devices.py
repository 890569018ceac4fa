"""On which device a model runs: the CPU, a GPU of NVIDIA's by torch, one of Intel's by OpenVINO.

Takes what a caller asks for; gives a device by its name, or one sentence why it is not to be had.
Running a model there is left to engine.py.
"""

from __future__ import annotations

import re
import sys
from ctypes.util import find_library
from importlib.util import find_spec
from pathlib import Path

from tbspot.errors import MissingExtraError, ModelError
from tbspot.extras import missing

__all__ = ["device_for"]

NAMED = re.compile(r"(cuda|gpu)(:\d{1,3})?")


def device_for(asked: str, *, exported: bool = True) -> str:
    """The device: `cpu`, `cuda:N` as torch calls it, or `gpu:N`, one of Intel's.

    Args:
        asked: `cpu`; `cuda` or `cuda:N`; `gpu` or `gpu:N`; or `auto`, the first GPU where torch has
            one, or else OpenVINO.
        exported: whether the model is an exported one, which OpenVINO runs.

    Raises:
        ModelError: there is no such device here.
        MissingExtraError: it needs torch, which is not installed.
    """
    if asked == "cpu":
        return asked
    if asked == "auto":
        # Torch takes seconds to import: only where a driver is there for it.
        if _has_driver() and find_spec("torch") and _of_torch():
            return "cuda:0"
        return "gpu:0" if exported and _has_render_node() and _of_openvino() else "cpu"
    if not isinstance(asked, str) or not NAMED.fullmatch(asked):
        raise ModelError(f"the device must be auto, cpu, cuda, cuda:N, gpu or gpu:N, not {asked}")
    kind, _, digits = asked.partition(":")
    if kind == "cuda" and find_spec("torch") is None:
        raise MissingExtraError(missing("torch", "train", f"the device {asked}"))
    if kind == "gpu" and not exported:
        raise ModelError(f"the device {asked} runs .onnx files alone; `tbspot export` writes one")
    number, found = int(digits or 0), _of_torch() if kind == "cuda" else _of_openvino()
    if number >= found:
        raise ModelError(
            f'there is no device {kind}:{number} here ({found} found); use `device="cpu"`'
        )
    return f"{kind}:{number}"


def _of_torch() -> int:
    import torch

    return int(torch.cuda.device_count()) if torch.cuda.is_available() else 0


def _of_openvino() -> int:
    from tbspot.engine.runtime import openvino

    return sum(name.split(".")[0] == "GPU" for name in openvino.Core().available_devices)


def _has_driver() -> bool:
    # Elsewhere it would start programs to look for a library that Windows alone has.
    if sys.platform == "win32":
        return find_library("nvcuda") is not None
    return Path("/dev/nvidiactl").exists()


def _has_render_node() -> bool:
    # Windows has no such files; there OpenVINO is asked.
    return sys.platform == "win32" or any(Path("/dev/dri").glob("renderD*"))
