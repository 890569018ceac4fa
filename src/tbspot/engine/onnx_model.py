"""Runs an exported model in OpenVINO, on processors and on Intel's graphics.

Takes the path of an ONNX file; gives an `Engine` that any number of threads may ask. A file that is
broken, or asks for too much memory, is refused. Which precisions there are for a device is left to
engine.py, how a net comes to int8 to quantization.py.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from threading import Lock, local
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tbspot.amendment import amended
from tbspot.choices import Precision
from tbspot.description import (
    METADATA_KEY,
    MOST_BYTES,
    MOST_SIDE,
    Description,
    diverged_weights,
)
from tbspot.engine.batching import Answer
from tbspot.engine.model import Engine, batched
from tbspot.engine.quantization import quantised
from tbspot.errors import ModelError, OutOfMemoryError, TbspotError, is_out_of_memory
from tbspot.external_data import refuse_external_data
from tbspot.machine import threads_by_quota
from tbspot.parsing import open_file, parse, refuse_later

if TYPE_CHECKING:
    from tbspot.nets.classifier import Classifier

__all__ = ["open_onnx"]

# What an array between two layers may have: so many numbers, a gibibyte in float32, or so many of
# each pixel of the films: ResNet50's have 32 at most. A refinement compares each place of the map
# with each, and may take what a film of the greatest size may.
MOST_NUMBERS, MOST_OF_PIXEL = 1 << 28, 64
MOST_OF_FILM = MOST_OF_PIXEL * MOST_SIDE**2
# Layers that hold nets of their own.
UNKNOWN = ("If", "Loop", "TensorIterator")
AGAIN = "give a file that `tbspot export` wrote"
SMALLER = "films are too large so: use smaller `scales`, or export it for a smaller `size`"


class _ModelMemoryError(ModelError, OutOfMemoryError):
    """Memory ran out for the model itself, before any film."""


def open_onnx(
    path: Path,
    precision: Precision,
    threads: int,
    at_once: int,
    device: str,
    open_classifier: Callable[[], Classifier],
) -> Engine:
    """Open an exported model in OpenVINO.

    Args:
        path: of the `.onnx` file.
        precision: one that the device computes in, or `auto`.
        threads: of the CPU; 0 = one a core.
        at_once: threads that will ask at the same time.
        device: `cpu`, `gpu` or `gpu:N`.
        open_classifier: gives torch's net of the same weights.

    Raises:
        TbspotError: the file is broken, not a model of tbspot or not for this precision.
    """
    from tbspot.engine.runtime import openvino

    core = openvino.Core()
    threads = threads or threads_by_quota()
    model, written = _read_onnx(path)
    description = amended(path, written)
    target = device.upper().replace(":", ".")
    capable = core.get_property(target, "OPTIMIZATION_CAPABILITIES")
    if precision == "auto":
        precision = _fastest(description, capable) if device == "cpu" else _half(capable)
    if precision == "int8":
        model = _quantised(model, description, path)
    options: dict[str, str | int] = {"INFERENCE_PRECISION_HINT": _in_float(precision, capable)}
    name = f"OpenVINO {precision}"

    def shared_by(askers: int) -> Engine:
        # The file is not read again: by now it may be another's, or be called otherwise.
        sharing: dict[str, str | int] = {"NUM_STREAMS": askers, "INFERENCE_NUM_THREADS": threads}
        chosen = options | sharing if device == "cpu" else options
        compile_model = _compiler(
            lambda shaped: core.compile_model(shaped, target, chosen),
            description,
            path,
            precision,
            device,
        )
        ask = _SharedModel(model, compile_model, path)
        if device != "cpu":
            return batched(description, f"{name} on {device}", ask, open_classifier)
        return Engine(description, name, ask, open_classifier, askers, shared_by)

    return shared_by(at_once)


def _compiler(
    ready: Callable[[Any], Any],
    description: Description,
    path: Path,
    precision: Precision,
    device: str,
) -> Callable[[Any, list[int]], Any]:
    """Makes a net ready for films of one number and size."""

    def compile_model(shaped: Any, shape: list[int]) -> Any:
        try:
            shaped.reshape(shape)
            _check_arrays(shaped, shape, description, path)
            return ready(shaped)
        except ModelError:
            raise
        except Exception as error:
            if is_out_of_memory(error):
                raise _no_memory_for(path) from error
            other = "" if precision == "float32" else '`precision="float32"`, or '
            raise ModelError(
                f"OpenVINO cannot run {path} in {precision} on {_this(device)}; try {other}a "
                ".safetensors model, which torch runs"
            ) from error

    return compile_model


def _check_arrays(shaped: Any, shape: list[int], description: Description, path: Path) -> None:
    """Refuse a net that makes far more of films than nets do: a few bytes may ask for all memory.

    Args:
        shaped: the net, for films of one shape.
        shape: of them.
        description: of the net.
        path: of its file.

    Raises:
        ModelError: an array between its layers is too large, or a part is run in a loop, whose
            arrays are not known before.
    """
    refined = _refined(shape, description)
    most = max(
        MOST_NUMBERS, MOST_OF_PIXEL * math.prod(shape), min(refined, shape[0] * MOST_OF_FILM)
    )
    for layer in shaped.get_ordered_ops():
        kind = layer.get_type_name()
        if kind in UNKNOWN:
            raise ModelError(f"{path} has a part of kind {kind}, as no net of tbspot has; {AGAIN}")
        if kind == "Constant":  # as large as the file says
            continue
        for output in layer.outputs():
            sides = output.get_partial_shape()
            if sides.is_static and (numbers := math.prod(sides.to_shape())) > most:
                raise ModelError(
                    f"{path} makes an array of {sides} of films of {shape}, more than the "
                    f"{most:,} numbers that a net may; {SMALLER if numbers <= refined else AGAIN}"
                )


def _refined(shape: list[int], description: Description) -> int:
    """Numbers that a net's refinement has of films of a shape: of each two places of the map."""
    if description.refinement == "none":
        return 0
    count, _, height, width = shape
    stride = description.output_stride
    return count * (math.ceil(height / stride) * math.ceil(width / stride)) ** 2


def _this(device: str) -> str:
    return "this processor" if device == "cpu" else device


def _read_onnx(path: Path) -> tuple[Any, Description]:
    try:
        with open_file(path, MOST_BYTES) as file:
            refuse_external_data(file, str(path))
            model = _load_onnx(path)
        text = model.get_rt_info(["framework", METADATA_KEY]).astype(str)
        description = parse(text.encode(), Description)
        _check_ends(model)
        _check_weights(model, path)
    except TbspotError:  # told already, of another file or of the weights
        raise
    # A broken file may break a library in any way; to the user it is a broken file.
    except Exception as error:
        if is_out_of_memory(error):
            raise _no_memory_for(path) from error
        if isinstance(error, OSError):  # of the system, such as too many open files
            reason = error.strerror or error
            raise TbspotError(f"{path} cannot be read: {reason}; check the path") from error
        refuse_later(error, path, "a model")
        raise TbspotError(f"{path} is not a model of tbspot, or is truncated; {AGAIN}") from error
    return model, description


def _load_onnx(path: Path) -> Any:
    """The net of an ONNX file, by OpenVINO's reader of ONNX and by no other of its readers."""
    from tbspot.engine.runtime import FrontEndManager

    frontend = FrontEndManager().load_by_framework("onnx")
    return frontend.convert(frontend.load(str(path)))


def _check_ends(model: Any) -> None:
    """What goes in and comes out: films `[n, 1, h, w]`, logits `[n]`, maps `[n, h, w]`.

    Raises:
        ValueError, RuntimeError: the net has others.
    """
    films, logit, evidence = model.input(), model.output("logit"), model.output("map")
    for end, rank in ((films, 4), (logit, 1), (evidence, 3)):
        shape = end.get_partial_shape()
        if end.get_element_type().get_type_name() != "f32" or shape.rank.is_dynamic:
            raise ValueError("an end of the net is not a float32 array of known rank")
        if shape.rank.get_length() != rank:
            raise ValueError(f"an end of the net has {shape.rank.get_length()} axes, not {rank}")


def _check_weights(model: Any, path: Path) -> None:
    for layer in model.get_ops():
        if layer.get_type_name() == "Constant" and not np.isfinite(layer.data).all():
            raise diverged_weights(str(path), layer.get_friendly_name())


def _no_memory_for(path: Path) -> ModelError:
    return _ModelMemoryError(
        f"memory ran out for the model {path}; end other programs, and the same command goes on"
    )


def _quantised(model: Any, description: Description, path: Path) -> Any:
    if not description.ranges:
        raise TbspotError(
            f'{path} was not exported for int8; use `precision="auto"`, or `tbspot export` it '
            "films on which its maps bear it"
        )
    try:
        return quantised(model, description.ranges)
    except KeyError as error:
        raise TbspotError(
            f'{path} lacks the int8 range of {error}; use `precision="float32"`'
        ) from error
    except (RuntimeError, ValueError, AttributeError) as error:
        if is_out_of_memory(error):
            raise _no_memory_for(path) from error
        raise TbspotError(
            f'{path} is not a net that int8 can be made of; use `precision="float32"`'
        ) from error


class _SharedModel:
    """An OpenVINO model that any number of threads may ask.

    Args:
        model: for films of any number and size.
        compile_model: makes it ready for films of one number and size.
        path: of its file, for sentences.
    """

    def __init__(
        self, model: Any, compile_model: Callable[[Any, list[int]], Any], path: Path
    ) -> None:
        self._path = path
        self._model = model
        self._compile = compile_model
        self._compiled: dict[tuple[int, ...], Any] = {}
        self._compiling: dict[int, Lock] = {}
        self._own = local()

    def __call__(self, films: NDArray[np.float32]) -> Answer:
        # Of this thread alone: a request answers one thread at a time.
        requests: dict[tuple[int, ...], Any] = self._own.__dict__.setdefault("requests", {})
        # And of this process: of what a program made before it was forked the threads are gone,
        # for which an answer would wait for ever, and so would its end.
        key = (os.getpid(), *films.shape)
        if key not in requests:
            requests[key] = self._compiled_for(key).create_infer_request()
        batch = np.ascontiguousarray(films[:, None])
        try:
            result = requests[key].infer([batch], share_inputs=True)
        except Exception as error:
            if is_out_of_memory(error):
                raise OutOfMemoryError(
                    f"memory ran out in the model {self._path}; end other programs, and the same "
                    "command goes on"
                ) from error
            raise ModelError(f"{self._path} fails on films; export the model again") from error
        return self._checked(result["logit"].copy(), result["map"].copy(), len(films))

    def _checked(self, logits: NDArray[Any], maps: NDArray[Any], count: int) -> Answer:
        """The answer, if it has the form of one: a net may say more than its file declares."""
        if (
            logits.shape != (count,)
            or maps.ndim != 3
            or len(maps) != count
            or not all(1 <= side <= MOST_SIDE for side in maps.shape[1:])
        ):
            raise ModelError(
                f"{self._path} answers with arrays of {logits.shape} and {maps.shape}, not with a "
                "logit and a map a film; export the model again"
            )
        return logits, maps

    def _compiled_for(self, key: tuple[int, ...]) -> Any:
        # Of this process too: one that another thread held at a fork is never let go in the child.
        with self._compiling.setdefault(os.getpid(), Lock()):
            # A net of fixed shape is faster than one for any; few shapes occur in a run.
            if key not in self._compiled:
                _, count, height, width = key
                shaped = self._model.clone()
                self._compiled[key] = self._compile(shaped, [count, 1, height, width])
            return self._compiled[key]


def _fastest(description: Description, capable: list[str]) -> Precision:
    if description.ranges and "INT8" in capable:
        return "int8"
    return "bfloat16" if "BF16" in capable else "float32"


def _half(capable: list[str]) -> Precision:
    return "float16" if "FP16" in capable else "float32"


def _in_float(precision: Precision, capable: list[str]) -> str:
    """OpenVINO's name of the type in which it computes what is not in int8."""
    # What int8 leaves in float, sums above all, moves half the bytes in bfloat16.
    if precision == "float16":
        return "f16"
    halved = precision == "bfloat16" or (precision == "int8" and "BF16" in capable)
    return "bf16" if halved else "f32"
