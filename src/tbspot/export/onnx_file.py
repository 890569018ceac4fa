"""From a checkpoint of training to the one file that is released: ONNX that runs without torch.

Takes a safetensors model and films to check on; gives an ONNX file with the outputs `logit` and
`map`, weights of 16 bits, any number and size of films, and the description inside. A file that
answers otherwise than torch is refused; one whose maps do not bear int8 says so of itself and is
run in another precision. Running it is left to engine/engine.py.
"""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper
from torch import Tensor, nn

from tbspot.amendment import amendment_path
from tbspot.description import METADATA_KEY, Description
from tbspot.engine.engine import engine_of, open_engine
from tbspot.engine.quantization import measure_ranges
from tbspot.engine.runtime import openvino
from tbspot.errors import TbspotError
from tbspot.export.agreement import Agreement, Observation, compare, observations
from tbspot.export.selftest import reference_path, write_reference
from tbspot.files import fingerprint
from tbspot.images import Frame
from tbspot.nets.classifier import Classifier
from tbspot.nets.folding import fold_batch_norm
from tbspot.nets.weights import load_classifier
from tbspot.storage import replacing
from tbspot.targets import check_target
from tbspot.temporary import holding_folder

__all__ = ["Exported", "export"]

# Everything the net needs is in it, and OpenVINO and ONNX Runtime have read it for years.
OPSET = 18
# In float32 the file must answer as torch does. What may differ is the order of sums, which moves
# scores and masks by less than this; a layer that was exported wrongly moves them by more.
MOST_SCORE_DIFFERENCE = 1e-4
LEAST_MASK_IOU = 0.99
# What a reduced precision may cost: docs/performance.md.
LEAST_INT8_MASK_IOU = 0.95


@dataclass(frozen=True)
class Exported:
    """An exported file and how its answers compare.

    Attributes:
        description: as it stands in the file.
        size: of the file in bytes.
        exact: in float32, to torch with the same rounded weights.
        int8: to float32; where masks differ too much, the file is not to be run so.
        rounding: in float32, to torch with the checkpoint's own weights.
        automatic: in the precision that this machine chooses, to float32.
        automatic_name: that library and precision.
        reference: the file that `tbspot selftest` compares with.
    """

    description: Description
    size: int
    exact: Agreement
    rounding: Agreement
    int8: Agreement
    automatic: Agreement
    automatic_name: str
    reference: Path


def export(
    checkpoint: Path,
    out: Path,
    films: Sequence[NDArray[np.float32]],
    changes: Mapping[str, Any] | None = None,
    *,
    overwrite: bool = False,
) -> Exported:
    """Write `out` from a checkpoint, and beside it what `tbspot selftest` needs.

    Args:
        checkpoint: a safetensors file of `tbspot train` or `tbspot distill`, or an `.onnx` of ours
            that is to carry something else.
        out: an `.onnx` file.
        films: `[height, width]` in [0, 1], to compare torch and the exported file on, and to
            measure the ranges for int8: films like those that the model is for.
        changes: of the description, by the name of its fields: thresholds chosen since training,
            the size at which films are best seen.
        overwrite: whether a file at `out` may be replaced.

    Raises:
        TbspotError: the checkpoint is not ours, `out` exists or is no `.onnx`, a change is not
            possible, or the exported file does not answer as torch does.
    """
    _refuse_place(out, overwrite=overwrite)
    # Ranges of another size or other films are measured anew, or the file has none.
    classifier, description = load_classifier(checkpoint, {**(changes or {}), "ranges": {}})
    description.refuse_parts_of_places()
    original = observations(engine_of(classifier, description), description, films)
    rounded_net = _rounded(classifier)
    rounded = engine_of(rounded_net, description)
    model = _to_onnx(rounded_net, description.size)
    _halve(model)
    with holding_folder() as folder:
        trial = folder / out.name
        description = _write(model, rounded.description, trial)
        exported = open_engine(trial, "float32")
        ours = observations(exported, description, films)
        exact = compare(ours, observations(rounded, description, films), description)
        _refuse_difference(out, exact)
        description, int8 = _with_int8(model, description, trial, films, ours)
        automatic = open_engine(trial)
        reduced = int8  # the films were just asked so
        if automatic.name != "OpenVINO int8":
            reduced = compare(ours, observations(automatic, description, films), description)
        with replacing(out, named=True) as temporary:
            temporary.write_bytes(trial.read_bytes())
        amendment_path(out).unlink(missing_ok=True)  # of the file that was replaced
        reference = write_reference(out, replace(exported, description=description))
    rounding = compare(ours, original, description)
    size = out.stat().st_size
    return Exported(description, size, exact, rounding, int8, reduced, automatic.name, reference)


def _refuse_place(out: Path, *, overwrite: bool) -> None:
    if out.suffix != ".onnx":
        raise TbspotError(f"{out} does not end in .onnx; name the file so")
    # What lies beside the model's file, of which none may be there yet, goes with it.
    for path in (out, reference_path(out), amendment_path(out)):
        check_target(path, "a model of tbspot", lambda _: True)
        if path.exists() and not overwrite:
            raise TbspotError(f"{path} exists; choose another file, or add `overwrite=True`")


def _with_int8(
    model: ModelProto,
    description: Description,
    trial: Path,
    films: Sequence[NDArray[np.float32]],
    whole: Sequence[Observation],
) -> tuple[Description, Agreement]:
    """Give the file at `trial` ranges for int8 if masks stay; say how far they do."""
    size = description.size
    # The mirrored film has about the same ranges.
    frames = (
        Frame(film.shape[0], film.shape[1], size, description.through).apply(film)[None]
        for film in films
    )
    ranges = measure_ranges(openvino.Core().read_model(trial), frames)
    with_ranges = _write(model, description.model_copy(update={"ranges": ranges}), trial)
    found = observations(open_engine(trial, "int8"), with_ranges, films)
    agreement = compare(whole, found, with_ranges)
    if agreement.mean_mask >= LEAST_INT8_MASK_IOU:
        return with_ranges, agreement
    return _write(model, description, trial), agreement


def _refuse_difference(out: Path, agreement: Agreement) -> None:
    if agreement.score > MOST_SCORE_DIFFERENCE or agreement.mask < LEAST_MASK_IOU:
        raise TbspotError(
            f"{out} was not written: it does not answer as torch does ({agreement.words()}; "
            f"allowed are {MOST_SCORE_DIFFERENCE:g} and {LEAST_MASK_IOU:g}); another release of "
            "torch or OpenVINO may"
        )


def _rounded(classifier: Classifier) -> Classifier:
    """A copy with normalisation folded into convolutions and their weights rounded to 16 bits."""
    rounded = copy.deepcopy(classifier).eval()
    fold_batch_norm(rounded.body)
    for module in rounded.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.data = module.weight.data.half().float()
    return rounded.requires_grad_(requires_grad=False)


def _to_onnx(classifier: Classifier, size: int) -> ModelProto:
    # Two films: torch would take a dimension of one for a constant.
    films: Tensor = torch.zeros(2, 1, size, size)
    registration = logging.getLogger("torch.onnx._internal.exporter._registration")
    with warnings.catch_warnings():
        # torch warns of its own deprecated parts, and of torchvision, which nothing here needs.
        warnings.simplefilter("ignore")
        registration.setLevel(logging.ERROR)
        program = torch.onnx.export(
            classifier,
            (films,),
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            input_names=["films"],
            output_names=["logit", "map"],
            dynamic_shapes=({0: "count", 2: "height", 3: "width"},),
        )
    if program is None:
        raise RuntimeError("torch.onnx.export gave no program")
    model: ModelProto = program.model_proto
    _strip(model)
    return model


def _strip(model: ModelProto) -> None:
    """Remove torch's notes on where nodes come from, which hold paths of this machine."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    del graph.value_info[:]


def _halve(model: ModelProto) -> None:
    """Store what 16 bits hold exactly, the rounded weights, so; cast it when the file is loaded."""
    graph = model.graph
    casts = []
    for weight in graph.initializer:
        values = numpy_helper.to_array(weight)
        with np.errstate(over="ignore"):
            halved = values.astype(np.float16)
        if weight.data_type == TensorProto.FLOAT and np.array_equal(halved, values):
            name = weight.name
            weight.CopyFrom(numpy_helper.from_array(halved, f"{name}.half"))
            casts.append(helper.make_node("Cast", [weight.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _write(model: ModelProto, description: Description, path: Path) -> Description:
    """Write the net with the description, and the version of both, inside."""
    unversioned = description.model_copy(update={"version": ""})
    weights = sorted(model.graph.initializer, key=lambda weight: weight.name)
    version = fingerprint(
        unversioned.model_dump_json().encode(), *(weight.SerializeToString() for weight in weights)
    )
    description = description.model_copy(update={"version": version})
    del model.metadata_props[:]
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, description.model_dump_json()
    with replacing(path) as temporary:
        onnx.save(model, temporary)
    return description
