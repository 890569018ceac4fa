"""A model that names another file for its weights is refused before that file is opened."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, SparseTensorProto, TensorProto, helper, numpy_helper

from pages import write_model
from tbspot.engine.engine import open_engine
from tbspot.errors import TbspotError
from tbspot.external_data import refuse_external_data
from tbspot.nets.weights import load_classifier

opened: list[str] = []
sys.addaudithook(lambda event, given: opened.append(str(given[0])) if event == "open" else None)


def _elsewhere(place: str = "secret.bin") -> TensorProto:
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), "body.x")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=place)
    return tensor


def _sparse() -> SparseTensorProto:
    places = numpy_helper.from_array(np.arange(4))
    return SparseTensorProto(values=_elsewhere(), indices=places, dims=[9])


def _node(**given: object) -> onnx.NodeProto:
    return helper.make_node("Constant", [], ["x"], **given)


def _inner() -> onnx.GraphProto:
    return helper.make_graph([_node(value=_elsewhere())], "inner", [], [])


PLACES: dict[str, Callable[[ModelProto], object]] = {
    "initializer": lambda model: model.graph.initializer.append(_elsewhere()),
    "sparse": lambda model: model.graph.sparse_initializer.append(_sparse()),
    "attribute": lambda model: model.graph.node.append(_node(value=_elsewhere())),
    "attributes": lambda model: model.graph.node.append(_node(values=[_elsewhere()])),
    "sparse attribute": lambda model: model.graph.node.append(_node(sparse_value=_sparse())),
    "subgraph": lambda model: model.graph.node.append(_node(then_branch=_inner())),
    "subgraphs": lambda model: model.graph.node.append(_node(branches=[_inner()])),
    "function": lambda model: model.functions.append(
        helper.make_function("d", "f", [], ["x"], [_node(value=_elsewhere())], [])
    ),
    "training": lambda model: model.training_info.add().initialization.CopyFrom(_inner()),
}


@pytest.mark.parametrize("read", [open_engine, load_classifier])
@pytest.mark.parametrize("place", PLACES)
def test_a_model_that_names_another_file_is_refused_and_that_file_left_alone(
    place: str,
    read: Callable[[Path], object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    away = tmp_path / "away"
    away.mkdir()
    for folder in (tmp_path, away):
        (folder / "secret.bin").write_bytes(b"PATIENT-SECRET!!")
    monkeypatch.chdir(tmp_path)
    model = onnx.load(write_model(away / "a.onnx", "a", 1))
    PLACES[place](model)
    (away / "a.onnx").write_bytes(model.SerializeToString())
    opened.clear()
    with pytest.raises(TbspotError, match=r"a\.onnx keeps weights in another file, .* not open"):
        read(away / "a.onnx")
    assert not [name for name in opened if "secret" in name]


def _look(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with path.open("rb") as file:
        refuse_external_data(file, str(path))


@pytest.mark.parametrize(
    "content", [b"\x08" + b"\x80" * 11, b"\x3a\x7f", b"\x0b", b"\x08\xff", b"\x0d\0"]
)
def test_what_is_no_message_is_told_from_one_that_names_no_file(
    content: bytes, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"a field|a number"):
        _look(tmp_path / "a", content)


def test_fields_without_end_are_not_followed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="without end"):
        _look(tmp_path / "a", b"\x08\1" * 1_000_001)
