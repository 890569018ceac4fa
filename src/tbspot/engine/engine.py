"""Opens a model file: OpenVINO for the released ONNX, torch for a checkpoint of training.

Takes a path, a precision and a device; gives an `Engine`, of torch's nets too. What OpenVINO runs
is left to onnx_model.py, frames and evidence to maps/evidence.py. Torch is imported only for a
checkpoint, on NVIDIA's GPUs, and where its net is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np
from numpy.typing import NDArray

from tbspot.choices import Precision
from tbspot.description import Description
from tbspot.engine.batching import Answer
from tbspot.engine.devices import device_for
from tbspot.engine.model import Engine, batched
from tbspot.engine.onnx_model import open_onnx
from tbspot.errors import ModelError, TbspotError, told_as
from tbspot.extras import needing

if TYPE_CHECKING:
    from tbspot.nets.classifier import Classifier

__all__ = [
    "Answer",
    "Engine",
    "engine_of",
    "open_engine",
    "released_model",
]

# Of each kind of device, precisions that are made for it.
COMPUTED_IN: dict[str, tuple[Precision, ...]] = {
    "cpu": ("float32", "bfloat16", "int8"),
    "cuda": ("float32", "bfloat16", "float16"),
    "gpu": ("float32", "float16"),
}


def released_model() -> Path:
    """The model file that comes with the package.

    Raises:
        TbspotError: this installation has none.
    """
    path = Path(str(files("tbspot"))) / "released" / "tbspot-student.onnx"
    if not path.exists():
        raise TbspotError(f"no released model at {path}; give a model file")
    return path


def open_engine(
    path: Path | None = None,
    precision: Precision = "auto",
    threads: int = 0,
    at_once: int = 1,
    device: str = "cpu",
) -> Engine:
    """Open a model file.

    Args:
        path: `.onnx`, or a `.safetensors` checkpoint, which needs torch; `None` = the released.
        precision: `auto` takes int8 for a model that was exported for it, or else bfloat16, where
            the CPU multiplies either; a checkpoint runs in float32 unless told otherwise.
        threads: of the CPU; 0 = what the library takes by itself, one a core.
        at_once: threads that will ask at the same time, among whom an exported model shares out
            the cores: each waits longer for its film, all together less. A checkpoint takes 1.
        device: `cpu`, `cuda`, `cuda:N`, `gpu`, `gpu:N` or `auto`; see `devices.device_for`. On
            NVIDIA's torch runs every model, in bfloat16 unless told otherwise; on Intel's OpenVINO
            runs exported ones, in float16. Films that threads ask for at the same time are
            answered in one batch.

    Raises:
        ModelError: the file is absent, broken, not a model of tbspot or not for this precision.
        MissingExtraError: torch is missing.
    """
    with told_as(ModelError):
        path = released_model() if path is None else path
        _check(path, precision)
        device = device_for(device, exported=path.suffix == ".onnx")
        _check_on(device, precision)
        if device.startswith("cuda"):
            return _open_on_cuda(path, precision, device)
        if path.suffix == ".onnx":
            net = _net_when_asked(path.absolute())
            return open_onnx(path, precision, threads, at_once, device, net)
        return _open_checkpoint(path, precision, threads)


def _check(path: Path, precision: Precision) -> None:
    if precision not in get_args(Precision):
        raise TbspotError(f"the precision must be {_listed(get_args(Precision))}, not {precision}")
    if not path.is_file():
        fault = "is a folder" if path.is_dir() else "does not exist"
        raise TbspotError(f"{path} {fault}; give a model file of tbspot")


def _listed(precisions: tuple[Precision, ...]) -> str:
    return f"{', '.join(precisions[:-1])} or {precisions[-1]}"


def _check_on(device: str, precision: Precision) -> None:
    kind = device.partition(":")[0]
    if precision not in ("auto", *COMPUTED_IN[kind]):
        kinds = _listed(COMPUTED_IN[kind])
        instead = "" if kind == "cpu" else ', or use `device="cpu"`'
        raise TbspotError(f"{device} computes in {kinds}, not in {precision}; choose one{instead}")


def _open_checkpoint(path: Path, precision: Precision, threads: int) -> Engine:
    if precision == "int8":
        raise TbspotError(f"{path} runs in float32 or bfloat16; `tbspot export` makes int8 of it")
    classifier, description = _in_torch(path, "give an .onnx file of `tbspot export`")
    if threads:
        import torch

        torch.set_num_threads(threads)
    return engine_of(classifier, description, "float32" if precision == "auto" else precision)


def _open_on_cuda(path: Path, precision: Precision, device: str) -> Engine:
    classifier, description = _in_torch(path, 'use `device="cpu"`')
    engine = engine_of(
        classifier, description, "bfloat16" if precision == "auto" else precision, device
    )
    return batched(engine.description, engine.name, engine.ask, engine.classifier)


def _net_when_asked(path: Path) -> Callable[[], Classifier]:
    @cache
    def classifier() -> Classifier:
        return _in_torch(path, 'do without gradients: `method="cam"`')[0]

    return classifier


def _in_torch(path: Path, instead: str) -> tuple[Classifier, Description]:
    with needing("train", str(path), instead):  # torch, or onnx, which reads an exported file
        from tbspot.nets.weights import load_classifier

        return load_classifier(path)


def engine_of(
    classifier: Classifier,
    description: Description,
    precision: Precision = "float32",
    device: str = "cpu",
) -> Engine:
    """An engine that asks a classifier of torch, on the device that torch calls so.

    Args:
        classifier: moved to the device.
        description: of the model.
        precision: `float32`, or half of it by autocast: `bfloat16` or `float16`.
        device: as torch calls it.
    """
    import torch

    kind, halved = device.partition(":")[0], precision != "float32"
    half = torch.float16 if precision == "float16" else torch.bfloat16

    def ask(films: NDArray[np.float32]) -> Answer:
        batch = torch.from_numpy(np.ascontiguousarray(films[:, None]))
        if kind == "cuda":  # from pinned memory the card fetches by itself
            batch = batch.pin_memory()
        batch = batch.to(device, non_blocking=True)
        with torch.inference_mode(), torch.autocast(kind, half, enabled=halved):
            output = classifier(batch)
        return output.logit.float().cpu().numpy(), output.map.float().cpu().numpy()

    description = description.changed(
        {"bias": classifier.bias.item()}, f"the model {description.name}"
    )
    classifier.eval().to(device)
    name = f"torch {precision}" if device == "cpu" else f"torch {precision} on {device}"
    return Engine(description, name, ask, lambda: classifier)
