"""Convolutions in 8 bits that leave the map where it is.

Takes an OpenVINO model in float32 and, once, films; gives the range of each convolution's input,
and from these the model that OpenVINO runs in int8. The weights stay as they are in the file, so
one file serves every precision. Choosing a precision is left to engine.py.

Inputs are asymmetric with one range a tensor, weights symmetric with one a channel, as in Jacob
et al. 2018 (arXiv 1712.05877). Sums of a block and its shortcut are left in float, and so are the
first convolution and the heads, which cost masks more than they save time (docs/performance.md).
The first convolution is asked of fewer planes instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tbspot.engine.runtime import openvino

__all__ = ["Ranges", "measure_ranges", "merge_planes", "quantised"]

# Least and greatest input of a convolution, by the name of its weights.
Ranges = Mapping[str, tuple[float, float]]

FIRST = "body.conv1."
KEPT_IN_FLOAT = (FIRST, "head.", "score.")
INPUT_LEVELS, WEIGHT_LEVELS = 256, 255
SMALLEST = 1e-6  # a range must not be empty, even of inputs that are never lit


def measure_ranges(
    model: openvino.Model, films: Iterable[NDArray[np.float32]]
) -> dict[str, tuple[float, float]]:
    """The least and the greatest input of each convolution, over all films.

    Args:
        model: in float32; it is not changed.
        films: batches `[n, size, size]` in [0, 1].
    """
    from tbspot.engine.runtime import openvino

    watched = model.clone()
    inputs = {name: one.input_value(0) for name, one in _convolutions(watched).items()}
    for source in inputs.values():
        watched.add_outputs(source)
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(watched, "CPU", options)
    ranges: dict[str, tuple[float, float]] = {}
    for batch in films:
        answer = compiled(np.ascontiguousarray(batch[:, None]))
        for name, source in inputs.items():
            values = answer[source.get_any_name()]
            least, greatest = ranges.get(name, (0.0, SMALLEST))
            ranges[name] = (min(least, float(values.min())), max(greatest, float(values.max())))
    return ranges


def quantised(model: openvino.Model, ranges: Ranges) -> openvino.Model:
    """A copy whose convolutions OpenVINO computes in int8.

    Args:
        model: in float32.
        ranges: of every convolution that is not kept in float.

    Raises:
        KeyError: a convolution has no range.
    """
    from tbspot.engine.runtime import opset13

    changed = model.clone()
    merge_planes(changed)
    rounded: dict[Any, Any] = {}
    for name, convolution in _convolutions(changed).items():
        source, weights = convolution.input_value(0), convolution.input_value(1)
        # Convolutions of one input share its rounding, or it would be done for each.
        place = (source.get_node().get_friendly_name(), source.get_index())
        if place not in rounded:
            low, high = (np.float32(end) for end in ranges[name])
            rounded[place] = opset13.fake_quantize(source, low, high, low, high, INPUT_LEVELS)
        most = np.abs(_constant(weights).data.astype(np.float32)).max((1, 2, 3), keepdims=True)
        steps = opset13.fake_quantize(weights, -most, most, -most, most, WEIGHT_LEVELS)
        convolution.input(0).replace_source_output(rounded[place].output(0))
        convolution.input(1).replace_source_output(steps.output(0))
    changed.validate_nodes_and_infer_types()
    return changed


def merge_planes(model: openvino.Model) -> None:
    """Ask the first convolution of the film and a plane of ones in the place of three colours.

    The colours are one grey film, less a mean and over a deviation each, so their weights add up:
    w (x - m) / d summed is x times the sum of w / d, less 1 times that of w m / d. Padding is
    nothing in both, so borders stay too. A net without such colours is left as it is.

    Args:
        model: in float32; changed in place, its answers only by rounding (1e-6).
    """
    from tbspot.engine.runtime import opset13

    first = next((one for name, one in _by_weights(model).items() if name.startswith(FIRST)), None)
    if first is None:
        return
    divide = first.input_value(0).get_node()
    if divide.get_type_name() != "Divide":
        return
    subtract = divide.input_value(0).get_node()
    if subtract.get_type_name() != "Subtract":
        return
    mean, deviation = (
        _constant(node.input_value(1)).data.astype(np.float64) for node in (subtract, divide)
    )
    weights = _constant(first.input_value(1))
    scaled = weights.data / deviation
    merged = np.stack([scaled.sum(1), -(scaled * mean).sum(1)], 1)
    film = model.input("films").get_node()
    ones = opset13.broadcast(np.ones((1, 1, 1, 1), np.float32), opset13.shape_of(film))
    planes = opset13.concat([film, ones], 1)
    stored = opset13.constant(merged.astype(np.float32))
    stored.set_friendly_name(weights.get_friendly_name())
    first.input(0).replace_source_output(planes.output(0))
    first.input(1).replace_source_output(stored.output(0))


def _convolutions(model: openvino.Model) -> dict[str, Any]:
    """Those that are quantised, by the name of their weights."""
    found = _by_weights(model)
    return {name: node for name, node in found.items() if not name.startswith(KEPT_IN_FLOAT)}


def _by_weights(model: openvino.Model) -> dict[str, Any]:
    """Every convolution, by the name of its weights, which are torchvision's."""
    return {
        _constant(node.input_value(1)).get_friendly_name().removesuffix(".half"): node
        for node in model.get_ordered_ops()
        if node.get_type_name() == "Convolution"
    }


def _constant(weights: Any) -> Any:
    """The stored weights behind what may turn them to 32 bits."""
    node = weights.get_node()
    while node.get_type_name() != "Constant":
        node = node.input_value(0).get_node()
    return node
