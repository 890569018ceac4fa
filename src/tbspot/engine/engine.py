"""Runs a model file: OpenVINO for the released ONNX, torch for a checkpoint of training.

Takes films in the model's frame; gives logits and raw maps. Frames and evidence are left to
maps/evidence.py. Torch is imported only for a checkpoint, on NVIDIA's GPUs, and where its net is
asked for.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from threading import Lock, local
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray

from tbspot.amendment import amended
from tbspot.choices import Precision
from tbspot.description import METADATA_KEY, MOST_SIDE, Description
from tbspot.engine.batching import Answer, Batches
from tbspot.engine.devices import device_for
from tbspot.engine.quantization import quantised
from tbspot.errors import (
    ModelError,
    OutOfMemoryError,
    TbspotError,
    is_out_of_memory,
    told_as,
)
from tbspot.external_data import refuse_external_data
from tbspot.extras import needing
from tbspot.machine import threads_by_quota
from tbspot.maps.evidence import Ask
from tbspot.parsing import open_file, parse, refuse_later

if TYPE_CHECKING:
    from tbspot.nets.classifier import Classifier

__all__ = [
    "Answer",
    "Engine",
    "engine_of",
    "open_engine",
    "released_model",
]

# Hundreds of times the released model.
MOST_BYTES = 4_000_000_000
# What an array between two layers may have: so many numbers, a gibibyte in float32, or so many of
# each pixel of the films: ResNet50's have 32 at most. A refinement compares each place of the map
# with each, and may take what a film of the greatest size may.
MOST_NUMBERS, MOST_OF_PIXEL = 1 << 28, 64
MOST_OF_FILM = MOST_OF_PIXEL * MOST_SIDE**2
# Layers that hold nets of their own.
UNKNOWN = ("If", "Loop", "TensorIterator")
AGAIN = "give a file that `tbspot export` wrote"
SMALLER = "films are too large so: use smaller `scales`, or export it for a smaller `size`"
# Of each kind of device, precisions that are made for it.
COMPUTED_IN: dict[str, tuple[Precision, ...]] = {
    "cpu": ("float32", "bfloat16", "int8"),
    "cuda": ("float32", "bfloat16", "float16"),
    "gpu": ("float32", "float16"),
}
# Films that a card is asked for together, and threads that ask, so that the next batch gathers
# while one is computed; a film and its mirror image are two.
MOST_IN_BATCH, ASKING = 32, 24


class _ModelMemoryError(ModelError, OutOfMemoryError):
    """Memory ran out for the model itself, before any film."""


@dataclass(frozen=True)
class Engine:
    """A model, ready to be asked.

    Attributes:
        description: what the model says of itself.
        name: the library and the precision it computes in, for tables.
        ask: from films `float32 [n, size, size]` in [0, 1] to logits `[n]` and raw closed-form
            maps `[n, h, w]`.
        open_classifier: gives torch's net of the same weights; `None` where there is none.
        at_once: threads that may ask at the same time and share the cores without waiting.
        share: the same model for another number of them; `None` where it cannot.
    """

    description: Description
    name: str
    ask: Ask
    open_classifier: Callable[[], Classifier] | None = None
    at_once: int = 1
    share: Callable[[int], Engine] | None = None

    def __call__(self, films: NDArray[np.float32]) -> Answer:
        """Logits `float32 [n]` and raw maps `float32 [n, h, w]` of films `[n, size, size]`."""
        return self.ask(films)

    def shared_by(self, threads: int) -> Engine:
        """The engine for so many threads at a time; itself where it cannot share out the cores."""
        if self.share is None or threads == self.at_once:
            return self
        return self.share(threads)

    def classifier(self) -> Classifier:
        """Torch's net of the same weights, for what needs gradients or features.

        Raises:
            TbspotError: there is none, or torch is missing.
        """
        if self.open_classifier is None:
            raise TbspotError(f"{self.description.name} has no net of torch; give a model file")
        return self.open_classifier()


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
            return _open_onnx(path, precision, threads, at_once, device)
        return _open_checkpoint(path, precision, threads)


def _check(path: Path, precision: Precision) -> None:
    if precision not in get_args(Precision):
        raise TbspotError(f"the precision must be {_listed(get_args(Precision))}, not {precision}")
    if not path.is_file():
        raise TbspotError(f"{path} does not exist; give a model file of tbspot")


def _listed(precisions: tuple[Precision, ...]) -> str:
    return f"{', '.join(precisions[:-1])} or {precisions[-1]}"


def _check_on(device: str, precision: Precision) -> None:
    kind = device.partition(":")[0]
    if precision not in ("auto", *COMPUTED_IN[kind]):
        kinds = _listed(COMPUTED_IN[kind])
        instead = "" if kind == "cpu" else ', or use `device="cpu"`'
        raise TbspotError(f"{device} computes in {kinds}, not in {precision}; choose one{instead}")


def _open_onnx(path: Path, precision: Precision, threads: int, at_once: int, device: str) -> Engine:
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
    name, net = f"OpenVINO {precision}", _net_when_asked(path.absolute())

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
            return _batched(description, f"{name} on {device}", ask, net)
        return Engine(description, name, ask, net, askers, shared_by)

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
            raise ModelError(
                f"OpenVINO cannot run {path} in {precision} on {_this(device)}; try "
                '`precision="float32"`, or a .safetensors model, which torch runs'
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


def _batched(
    description: Description, name: str, ask: Ask, open_classifier: Callable[[], Classifier]
) -> Engine:
    """An engine of a graphics card, which many threads fill."""
    return Engine(description, name, Batches(ask, MOST_IN_BATCH), open_classifier, ASKING)


def _read_onnx(path: Path) -> tuple[Any, Description]:
    try:
        with open_file(path, MOST_BYTES) as file:
            refuse_external_data(file, str(path))
            model = _load_onnx(path)
        text = model.get_rt_info(["framework", METADATA_KEY]).astype(str)
        description = parse(text.encode(), Description)
        _check_ends(model)
    except TbspotError:  # of another file, told already
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
    return _batched(engine.description, engine.name, engine.ask, engine.classifier)


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

    description = description.model_copy(update={"bias": classifier.bias.item()})
    classifier.eval().to(device)
    name = f"torch {precision}" if device == "cpu" else f"torch {precision} on {device}"
    return Engine(description, name, ask, lambda: classifier)
