"""Records, maps, models and caches that a stranger wrote: one sentence, no hang, no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image
from pydantic import ValidationError
from typer.testing import CliRunner

from pages import write_model
from tbspot.cli import app
from tbspot.description import METADATA_KEY, Description
from tbspot.engine.engine import open_engine
from tbspot.errors import ModelError, TbspotError
from tbspot.export.selftest import reference_path, selftest
from tbspot.records.evaluation import Curve, read_evaluation
from tbspot.records.predictions import FILE_NAME, Prediction, read_heatmap, read_predictions
from tbspot.records.threshold import read_threshold
from tbspot.samples.loading import load
from tbspot.samples.sample import Sample
from tbspot.training.cache import cache_films
from tbspot.viewer.operating import read_operating

pytestmark = pytest.mark.attack

GOOD = {
    "image": "a.png", "status": "ok", "score": 0.5, "threshold": 0.5, "map_rule": "otsu",
    "heatmap": "map.npy", "width": 9, "height": 9, "model": "m", "version": "1",
}  # fmt: skip
DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    "line",
    [
        DEEP,
        '{"image": ' * 100_000,
        json.dumps(GOOD)[:-1] + f', "boxes": {DEEP}}}',
        json.dumps(GOOD | {"width": int("9" * 400)}),
        json.dumps(GOOD).replace('"width": 9', f'"width": {"9" * 5000}'),
        json.dumps(GOOD).replace("0.5", "1e999"),
        json.dumps(GOOD).replace("0.5", "NaN"),
        json.dumps(GOOD | {"image": "\ud800.png"}),
        json.dumps(GOOD | {"reason": "\udfff"}),
        json.dumps(GOOD | {"width": 10_000, "height": 10_000}),
        json.dumps(GOOD | {"width": 0}),
        json.dumps(GOOD | {"width": -1}),
        json.dumps(GOOD | {"image": ""}),
        json.dumps(GOOD | {"threshold": 1e9}),
        json.dumps(GOOD | {"map_rule": "tuned"}),
        json.dumps(GOOD | {"map_rule": "tuned", "map_threshold": 1.0}),
        json.dumps(GOOD | {"boxes": [{"x0": 5, "y0": 0, "x1": 1, "y1": 2, "score": 0.5}]}),
        json.dumps(GOOD | {"boxes": [{"x0": 0, "y0": 0, "x1": 1e31, "y1": 2, "score": 0.5}]}),
        json.dumps(GOOD)[:-1] + ', "score": 0.1}',
        json.dumps(GOOD | {"reason": "x" * 5_000_000}),
    ],
    ids=lambda line: line[:40],
)
def test_a_hostile_line_of_predictions_is_one_sentence(tmp_path: Path, line: str) -> None:
    (tmp_path / FILE_NAME).write_text(f"{json.dumps(GOOD)}\n{line}\n", "utf-8")
    with pytest.raises(TbspotError, match=r"predictions\.jsonl, line 2, is not a prediction"):
        list(read_predictions(tmp_path))


READERS: dict[str, Callable[[Path], Any]] = {
    "predictions.jsonl": lambda path: next(read_predictions(path.parent)),
    "evaluation.json": lambda path: read_evaluation(path.parent),
    "threshold.json": read_threshold,
    "map.npy": lambda path: read_heatmap(path.parent, Prediction.model_validate(GOOD)),
    "labels.csv": lambda path: load([str(path)]),
    "model.onnx": open_engine,
    "model.safetensors": open_engine,
    "model.selftest.npz": lambda path: selftest(write_model(path.parent / "model.onnx", "m", 1)),
    "thresholds.csv": lambda path: read_operating(_with_threshold(path.parent)),
}


def _with_threshold(folder: Path) -> Path:
    content = {"threshold": 0.5, "rule": "r", "model": None, "version": None, "calibration": "c"}
    (folder / "threshold.json").write_text(json.dumps(content))
    return folder


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name here")
@pytest.mark.parametrize("name", READERS)
def test_a_pipe_in_the_place_of_a_file_is_one_sentence_at_once(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    start = time.monotonic()
    with pytest.raises(TbspotError):
        READERS[name](tmp_path / name)
    assert time.monotonic() - start < 30


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    "content",
    [b"", b"\0", b"\xff" * 100, DEEP.encode(), b"PK\x05\x06" + bytes(18), b'{"a":' * 9999,
     b'"', b"\x93NUMPY", b"{}", b"[]", b"null", b"a,b\n1,2\n", b"path,label\n\0,1\n",
     b'path,label\n"' + b"x" * 200_000 + b'",1\n'],
    ids=lambda content: repr(content[:12]),
)  # fmt: skip
def test_any_content_is_one_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    if (name, content) == ("predictions.jsonl", b""):
        return  # a run that has not judged a film yet
    with pytest.raises(TbspotError) as caught:
        READERS[name](tmp_path / name)
    assert len(str(caught.value)) < 2000


def _map(folder: Path, array: Any) -> Path:
    np.save(folder / "map.npy", array)
    return folder / "map.npy"


def _header(shape: str, dtype: str = "<f4") -> bytes:
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    "content",
    [
        _header("(1000000, 1000000)"),
        _header("(1000000000000, 1)"),
        _header("(4097, 1)") + bytes(4 * 4097),
        _header("(0, 5)"),
        _header("(-1, 5)") + bytes(100),
        _header("(2, 2)", "<f4") + bytes(15),
        _header("(2, 2)", "<f4") + bytes(17),
        _header("(2, 2)", "|O") + bytes(32),
        _header("(2, 2)", "<i8") + bytes(32),
        _header("(2, 2)", "<c8") + bytes(32),
        _header("(True, 2)", "<f4") + bytes(8),
        _header("(" * 100),
        _header("(2.0, 2)") + bytes(16),
    ],
)
def test_a_map_whose_header_says_what_it_is_not_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "map.npy").write_bytes(content)
    with pytest.raises(TbspotError, match="is not a heat map of tbspot"):
        read_heatmap(tmp_path, Prediction.model_validate(GOOD))


@pytest.mark.parametrize("value", [1e300, -1e300, 1e38, np.nan, np.inf])
def test_a_map_beyond_float32_is_refused(tmp_path: Path, value: float) -> None:
    _map(tmp_path, np.array([[0.0, value]]))
    with pytest.raises(TbspotError, match="is not a heat map of tbspot"):
        read_heatmap(tmp_path, Prediction.model_validate(GOOD))


def test_a_map_that_is_a_zip_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "map.npy", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("evidence.npy", bytes(1 << 24))
    with pytest.raises(TbspotError, match="is not a heat map of tbspot"):
        read_heatmap(tmp_path, Prediction.model_validate(GOOD))


@pytest.mark.parametrize("dtype", ["<f2", ">f4", "<f8", ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_map_of_any_float_is_read(tmp_path: Path, dtype: str, order: Any) -> None:
    wanted = np.arange(6).reshape(2, 3)
    _map(tmp_path, np.array(wanted, dtype, order=order))
    found = read_heatmap(tmp_path, Prediction.model_validate(GOOD))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, wanted)


def test_a_reference_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model.onnx", "m", 1)
    packed = zipfile.ZipFile(reference_path(model), "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with packed as archive, archive.open("film.npy", "w") as file:
        for _ in range(9):
            file.write(bytes(1 << 26))
    with pytest.raises(TbspotError, match="is not a reference of tbspot"):
        selftest(model)


def test_a_curve_has_as_many_figures_as_thresholds() -> None:
    with pytest.raises(ValidationError, match="a figure for each threshold"):
        Curve(films="f", thresholds=(0.1, 0.2), miou=(0.1,), raw_miou=(0.1, 0.2))


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 10**9}, {"size": 4097}, {"through": 10**9}, {"temperature": float("inf")},
        {"temperature": 1e300}, {"temperature": 1e-300}, {"temperature": 0}, {"temperature": -1},
        {"bias": float("nan")}, {"bias": 1e38}, {"score_threshold": 2}, {"map_rule": "tuned"},
        {"ranges": {"a": (1.0, 0.0)}}, {"ranges": {"a": (0.0, float("inf"))}},
        {"ranges": {str(number): (0.0, 1.0) for number in range(2000)}},
        {"name": ""}, {"name": "n" * 10_000}, {"other": 1},
    ],
    ids=lambda wrong: str(wrong)[:30],
)  # fmt: skip
def test_a_model_that_says_absurd_things_of_itself_is_one_sentence(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    path = write_model(tmp_path / "model.onnx", "m", 1)
    model = onnx.load(path)
    content = json.loads(Description(name="m", size=64).model_dump_json()) | wrong
    helper.set_model_props(model, {METADATA_KEY: json.dumps(content)})
    onnx.save(model, path)
    with pytest.raises(TbspotError, match=r"model\.onnx is not a model (of tbspot|as this)"):
        open_engine(path)


def _net(path: Path, outputs: dict[str, tuple[int, int, list[Any]]], rank: int = 4) -> Path:
    """A net with our description whose outputs are constants of any kind and form."""
    shape: list[Any] = ["n", 1, "h", "w", 1][:rank]
    films = helper.make_tensor_value_info("film", TensorProto.FLOAT, shape)
    ends, nodes = [], []
    for name, (kind, length, form) in outputs.items():
        ends.append(helper.make_tensor_value_info(name, kind, form))
        sides = [length] * len(form)
        value = helper.make_tensor("v", kind, sides, np.zeros(sides).ravel().tolist())
        nodes.append(helper.make_node("Constant", [], [name], value=value))
    graph = helper.make_graph(nodes, "other", [films], ends)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    text = Description(name="m", size=64).model_dump_json()
    helper.set_model_props(model, {METADATA_KEY: text})
    onnx.save(model, path)
    return path


FLOAT, WHOLE = TensorProto.FLOAT, TensorProto.INT64


@pytest.mark.parametrize(
    ("outputs", "rank"),
    [
        ({"logit": (FLOAT, 1, [1])}, 4),
        ({"other": (FLOAT, 1, [1]), "map": (FLOAT, 1, [1, 1, 1])}, 4),
        ({"logit": (WHOLE, 1, [1]), "map": (FLOAT, 1, [1, 1, 1])}, 4),
        ({"logit": (FLOAT, 1, [1, 1]), "map": (FLOAT, 1, [1, 1, 1])}, 4),
        ({"logit": (FLOAT, 1, [1]), "map": (FLOAT, 1, [1, 1])}, 4),
        ({"logit": (FLOAT, 1, [1]), "map": (FLOAT, 1, [1, 1, 1, 1])}, 4),
        ({"logit": (FLOAT, 1, [1]), "map": (FLOAT, 1, [1, 1, 1])}, 3),
        ({"logit": (FLOAT, 7, [7]), "map": (FLOAT, 7, [7, 7, 7])}, 4),
    ],
)
def test_a_net_with_our_description_and_other_ends_is_one_sentence(
    tmp_path: Path, outputs: dict[str, tuple[int, int, list[Any]]], rank: int
) -> None:
    path = _net(tmp_path / "model.onnx", outputs, rank)
    with pytest.raises(TbspotError, match=r"model\.onnx"):
        open_engine(path)(np.zeros((1, 64, 64), np.float32))


@pytest.mark.parametrize("refinement", ["none", "affinity"])
def test_a_small_net_that_asks_for_all_memory_is_refused_before_it_is_run(
    tmp_path: Path, refinement: str
) -> None:
    path = write_model(tmp_path / "model.onnx", "m", 1)
    model = onnx.load(path)
    (said,) = model.metadata_props
    said.value = json.dumps(json.loads(said.value) | {"refinement": refinement})
    # Gigabytes of zeros, added to what the net would say.
    shape = helper.make_tensor("shape", WHOLE, [2], [1_000_000, 5_000])
    model.graph.initializer.append(shape)
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["large"]),
        helper.make_node("ReduceMean", ["large"], ["nothing"], keepdims=0),
        helper.make_node("Add", ["answer", "nothing"], ["logit"]),
    ]
    model.graph.node[-1].output[0] = "answer"
    model.graph.node.extend(nodes)
    onnx.save(model, path)
    with pytest.raises(ModelError, match=r"array of \[1000000,5000\] .* more than the 268,435,456"):
        open_engine(path)(np.zeros((1, 64, 64), np.float32))


def test_a_net_with_a_loop_which_may_never_end_is_refused(tmp_path: Path) -> None:
    path = write_model(tmp_path / "model.onnx", "m", 1)
    model = onnx.load(path)
    ends = [helper.make_tensor_value_info(name, TensorProto.BOOL, []) for name in ("on", "still")]
    count = helper.make_tensor_value_info("count", WHOLE, [])
    values = [helper.make_tensor_value_info(name, FLOAT, None) for name in ("value", "same")]
    pairs = (("on", "still"), ("value", "same"))
    again = [helper.make_node("Identity", [one], [other]) for one, other in pairs]
    body = helper.make_graph(
        again, "body", [count, ends[0], values[0]], [ends[1], values[1]]
    )  # fmt: skip
    times = helper.make_tensor("times", WHOLE, [], [2**62])
    model.graph.initializer.extend([times, helper.make_tensor("yes", TensorProto.BOOL, [], [True])])
    model.graph.node[-1].output[0] = "answer"
    model.graph.node.append(
        helper.make_node("Loop", ["times", "yes", "answer"], ["logit"], body=body)
    )
    onnx.save(model, path)
    with pytest.raises(ModelError, match=r"model\.onnx has a part of kind Loop"):
        open_engine(path)(np.zeros((1, 64, 64), np.float32))


@pytest.fixture
def cached(tmp_path: Path) -> tuple[list[Sample], Path, np.ndarray]:
    """Three films and their cache."""
    samples = []
    for number in range(3):
        path = tmp_path / f"{number}.png"
        Image.fromarray(np.full((16, 16), 50 + number, np.uint8)).save(path)
        samples.append(Sample(path, path.name, number % 2, "s", str(number)))
    films = np.array(cache_films(samples, 16, None, tmp_path / "cache").pixels)
    (path,) = (tmp_path / "cache").iterdir()
    return samples, path, films


@pytest.mark.parametrize(
    "harm",
    [
        lambda _: b"",
        lambda content: content[:100],
        lambda content: content[:-1],
        lambda content: content + b"\0",
        lambda content: bytes(len(content)),
        lambda content: content[:128] + bytes(len(content) - 128),
        lambda content: content[:300] + b"\x01" + content[301:],
        lambda content: content[:-32] + bytes(32),
        lambda content: _header("(3, 16, 16)", "|O") + content[128:],
    ],
)
def test_a_cache_that_was_cut_off_or_altered_is_made_anew(
    cached: tuple[list[Sample], Path, np.ndarray], harm: Callable[[bytes], bytes]
) -> None:
    samples, path, films = cached
    whole = path.read_bytes()
    path.write_bytes(harm(whole))
    again = cache_films(samples, 16, None, path.parent).pixels
    np.testing.assert_array_equal(again, films)
    assert path.read_bytes() == whole


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name here")
def test_a_cache_that_is_a_pipe_is_made_anew(
    cached: tuple[list[Sample], Path, np.ndarray],
) -> None:
    samples, path, films = cached
    path.unlink()
    os.mkfifo(path)
    np.testing.assert_array_equal(cache_films(samples, 16, None, path.parent).pixels, films)


SHORT = ("--init", "random", "--size", "32", "--stages", "3", "--output-stride", "16",
         "--epochs", "1", "--precision", "32-true")  # fmt: skip


@pytest.fixture(scope="module")
def trained(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The run.json of a training of drawn films."""
    run = tmp_path_factory.mktemp("trained") / "run"
    train = ["train", "--data", str(drawn), *SHORT, "--out", str(run)]
    assert CliRunner().invoke(app, train).exit_code == 0
    return (run / "run.json").read_bytes()


@pytest.mark.parametrize("name", ["run.json", "checkpoint.pt", "log.jsonl"])
def test_a_pipe_in_the_place_of_a_run_s_own_file_is_told_and_never_waited_for(
    drawn: Path, trained: bytes, tmp_path: Path, name: str
) -> None:
    os.mkfifo(tmp_path / name)
    if name != "run.json":
        (tmp_path / "run.json").write_bytes(trained)
    train = ["train", "--data", str(drawn), *SHORT, "--out", str(tmp_path)]
    ended = subprocess.run(
        [sys.executable, "-m", "tbspot", *train], capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: ")
