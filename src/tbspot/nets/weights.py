"""The classifier's weights: where they begin, and the files that keep them.

Takes and gives classifiers (classifier.py) and safetensors files with torchvision's key names,
which hold the model's description; also reads the ONNX files that export/onnx_file.py writes.
Checkpoints of an interrupted training are left to training/checkpoints.py.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from tbspot.amendment import amended
from tbspot.choices import StridePlace
from tbspot.description import METADATA_KEY, MOST_BYTES, Description, diverged_weights
from tbspot.errors import TbspotError, is_out_of_memory
from tbspot.external_data import refuse_external_data
from tbspot.files import fingerprint
from tbspot.nets.classifier import Classifier
from tbspot.nets.folding import unfolded_state
from tbspot.parsing import open_file, parse, refuse_later
from tbspot.storage import replacing

if TYPE_CHECKING:
    from onnx import GraphProto

# What a disk says that takes no downloaded file.
NO_CACHE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)
# In the names of how many batches a normalisation has seen, which is no weight.
COUNT = "num_batches_tracked"

__all__ = [
    "build_classifier",
    "imagenet_state",
    "load_body",
    "load_classifier",
    "save_classifier",
    "stride_place_of",
]


def build_classifier(description: Description, init: str = "random") -> Classifier:
    """A classifier whose body starts from `init` and whose head starts at zero.

    A head of zeros passes no gradient on, so a body that comes from elsewhere is left alone until
    the head has learnt what is asked of it. The head of a model of tbspot is taken over where it
    was trained on features of the same stage with the same pooling, on which the scale of its
    logits depends. A net without the last stage leaves that one's weights out.

    Args:
        description: the architecture.
        init: `random`, `imagenet` (torchvision's download), a model of tbspot, or a safetensors
            file with torchvision's key names; a file whose metadata names the place of the stride
            must agree with the description.

    Raises:
        TbspotError: the weights cannot be had or do not fit.
    """
    classifier = Classifier(description)
    if init == "imagenet":
        load_body(classifier, imagenet_state(), "torchvision's ImageNet weights")
    elif init != "random":
        path = Path(init)
        state, metadata = _read(path)
        _check_stride_place(path, metadata, description.stride_place)
        if METADATA_KEY not in metadata:
            load_body(classifier, state, init)
            return classifier
        given = _described(path, metadata)
        if given.stages < description.stages:
            raise TbspotError(f"{path} is a net of 3 stages, and this one has 4; use `stages=3`")
        begun = _loaded(path, state, given)
        load_body(classifier, begun.body.state_dict(), init)
        if _same_head(given, description):
            classifier.head.load_state_dict(begun.head.state_dict())
            classifier.bias.data.copy_(begun.bias.data)
    return classifier


def _same_head(one: Description, other: Description) -> bool:
    return (one.pooling, one.stages) == (other.pooling, other.stages)


def stride_place_of(init: str) -> StridePlace:
    """The place of the stride that weights were trained with; torchvision's where nothing says."""
    if init in ("random", "imagenet"):
        return "3x3"
    return _declared_stride_place(Path(init), _read(Path(init))[1]) or "3x3"


def _declared_stride_place(path: Path, metadata: dict[str, str]) -> StridePlace | None:
    if METADATA_KEY in metadata:
        return _described(path, metadata).stride_place
    architecture = metadata.get("architecture", "")
    return "1x1" if "ResNet50 v1:" in architecture else None


def _check_stride_place(path: Path, metadata: dict[str, str], wanted: StridePlace) -> None:
    declared = _declared_stride_place(path, metadata)
    if declared is not None and declared != wanted:
        raise TbspotError(
            f"{path} was trained with the stride in the {declared} convolution, and this net has "
            f'it in the {wanted}; use `stride_place="{declared}"`'
        )


def load_body(classifier: Classifier, state: dict[str, Tensor], origin: str) -> None:
    """Load a torchvision `resnet50` state dict into the body; its classifier `fc` is left out.

    Raises:
        TbspotError: keys, shapes or types are not ResNet50's.
    """
    _refuse_other_types(state, origin)
    state = {
        name.removeprefix("body."): tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in state.items()
        if not name.startswith(("fc.", "head.", "score.", "bias"))
    }
    body = classifier.body
    if body.layer4 is None:
        state = {name: tensor for name, tensor in state.items() if not name.startswith("layer4.")}
    given = {k: v.shape for k, v in state.items()}
    # Weights of long ago have no counts.
    expected = {k: v.shape for k, v in body.state_dict().items() if COUNT not in k or k in given}
    if expected != given:
        wrong = min(set(expected.items()) ^ set(given.items()))[0]
        raise TbspotError(
            f"{origin} does not hold a ResNet50 with torchvision's names (first difference: "
            f"{wrong}); give weights of that architecture"
        )
    _refuse_what_is_no_number(state, origin)
    body.load_state_dict(state, strict=False)


def imagenet_state() -> dict[str, Tensor]:
    """torchvision's ImageNet weights (ResNet50_Weights.IMAGENET1K_V2), downloaded once by torch.

    Raises:
        TbspotError: they are not in torch's cache and there is no network, or no room for them.
    """
    address = "https://download.pytorch.org/models/resnet50-11ad3fa6.pth"
    try:
        state = torch.hub.load_state_dict_from_url(
            address, map_location="cpu", check_hash=True, weights_only=True
        )
    except (OSError, RuntimeError) as error:
        if isinstance(error, OSError) and error.errno in NO_CACHE:
            raise TbspotError(
                f"the ImageNet weights cannot be kept in {torch.hub.get_dir()} ({error.strerror}); "
                "free space, or name another folder in the variable TORCH_HOME"
            ) from error
        raise TbspotError(
            f"the ImageNet weights cannot be downloaded from {address}; connect to a network, or "
            'give torchvision\'s resnet50 weights as safetensors by `init`, or use `init="random"`'
        ) from error
    return dict(state)


def save_classifier(path: Path, classifier: Classifier, description: Description) -> Description:
    """Write weights and description as one safetensors file; return the description with version.

    Raises:
        TbspotError: the file cannot be written.
    """
    state = {k: v.detach().cpu().contiguous() for k, v in classifier.state_dict().items()}
    tensors = [state[name].numpy().tobytes() for name in sorted(state)]
    unversioned = description.model_copy(update={"version": ""})
    version = fingerprint(unversioned.model_dump_json().encode(), *tensors)
    description = description.model_copy(update={"version": version})
    metadata = {METADATA_KEY: description.model_dump_json()}
    # Through memory: safetensors does not report a full disk as an OSError.
    content = safetensors.torch.save(state, metadata)
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    return description


def load_classifier(
    path: Path, changes: Mapping[str, Any] | None = None
) -> tuple[Classifier, Description]:
    """Read a model of tbspot; the classifier is in eval mode.

    Args:
        path: of a file that `save_classifier` wrote, or of an exported `.onnx`, whose weights have
            16 bits and its normalisation folded into them.
        changes: of its description, by the name of its fields: the net is built with them.

    Raises:
        TbspotError: the file is absent, truncated, or of another architecture, or cannot have
            the changes.
    """
    state, metadata = _read(path)
    description = amended(path, _described(path, metadata)).changed(changes or {}, str(path))
    return _loaded(path, state, description).eval(), description


def _loaded(path: Path, state: dict[str, Tensor], description: Description) -> Classifier:
    """The classifier of a file, every weight of which is there."""
    classifier = Classifier(description)
    _refuse_other_types(state, str(path))
    try:
        classifier.load_state_dict(state)
    except (RuntimeError, TypeError, ValueError) as error:
        if is_out_of_memory(error):
            raise
        raise _foreign(path, error) from error
    _refuse_what_is_no_number(classifier.state_dict(), str(path))
    return classifier


def _refuse_other_types(state: Mapping[str, Tensor], origin: str) -> None:
    # torch would take whole numbers and complex ones for weights, cut off where they do not fit.
    for name, tensor in state.items():
        if not tensor.is_floating_point() and COUNT not in name:
            kind = str(tensor.dtype).removeprefix("torch.")
            raise TbspotError(
                f"{origin} has the weights {name} as {kind}; give weights in floating point"
            )


def _refuse_what_is_no_number(state: Mapping[str, Tensor], origin: str) -> None:
    for name, tensor in state.items():
        if not tensor.isfinite().all():
            raise diverged_weights(origin, name)


def _described(path: Path, metadata: dict[str, str]) -> Description:
    try:
        return parse(metadata[METADATA_KEY].encode(), Description)
    except (KeyError, ValueError) as error:
        raise _foreign(path, error) from error


def _foreign(path: Path, error: Exception) -> TbspotError:
    refuse_later(error, path, "a model")
    return TbspotError(
        f"{path} is not a model of this release of tbspot, or of another architecture; "
        "give a file that `tbspot train`, `tbspot distill` or `tbspot export` wrote"
    )


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    if not path.exists():
        raise TbspotError(f"{path} does not exist; check the path of the weights")
    try:
        # No pipe, at which the libraries would wait, and not more than memory holds.
        open_file(path, MOST_BYTES).close()
    except OSError as error:
        raise TbspotError(f"{path} cannot be read: {error.strerror}; check the path") from error
    return _read_onnx(path) if path.suffix == ".onnx" else _read_safetensors(path)


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safetensors.safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (OSError, safetensors.SafetensorError) as error:
        raise TbspotError(
            f"{path} cannot be read as safetensors weights; it is no model file (.onnx or "
            ".safetensors), or was truncated: check the path, or copy it again"
        ) from error


def _read_onnx(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(path, load_external_data=False)
        with open_file(path, MOST_BYTES) as file:
            refuse_external_data(file, str(path))  # which reading a tensor would open
        metadata = {entry.key: entry.value for entry in model.metadata_props}
        with torch.device("meta"):  # for its names, without weights
            net = Classifier(_described(path, metadata))
        return _unfolded(model.graph, net), metadata
    except (OSError, DecodeError) as error:
        raise TbspotError(
            f"{path} cannot be read as an ONNX model; it may be truncated: copy it again"
        ) from error
    except TbspotError:  # of the description or of another file, told already
        raise
    # A broken graph may break onnx and torch in any way; to the user it is another's model.
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise _foreign(path, error) from error


def _unfolded(graph: GraphProto, net: Classifier) -> dict[str, Tensor]:
    """The weights of an exported net by the names that a safetensors file has.

    Raises:
        LookupError, ValueError: they are not in the graph, or not tensors.
    """
    from onnx import numpy_helper

    stored = {
        one.name.removesuffix(".half"): torch.tensor(numpy_helper.to_array(one)).float()
        for one in graph.initializer
    }
    folded = {}
    for node in graph.node:
        if node.op_type == "Conv" and node.input[1].startswith("body."):
            name = node.input[1].removeprefix("body.")
            weight = folded[name] = stored[node.input[1]]
            # An exporter leaves out a bias of zeros.
            zeros = weight.new_zeros(len(weight))
            bias = stored[node.input[2]] if len(node.input) > 2 else zeros
            folded[name.replace("weight", "bias")] = bias
    state = {f"body.{name}": tensor for name, tensor in unfolded_state(net.body, folded).items()}
    heads = [name for name in net.state_dict() if not name.startswith("body.")]
    return state | {name: stored[name] for name in heads}
