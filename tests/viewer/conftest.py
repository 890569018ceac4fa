"""A run of drawn films, a model of one layer, and the page in a process of its own."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import onnx
import pytest
from onnx import TensorProto, helper

from tbspot.description import METADATA_KEY, Description
from tbspot.engine import open_engine
from tbspot.evaluation import Settings as Judging
from tbspot.evaluation import evaluate
from tbspot.locating import Settings, find_items, locate
from tbspot.locating.keeping import Keeper
from tbspot.predictions import Prediction
from tbspot.results import write_evaluation
from tbspot.samples.loading import in_split, load

SIDE = 64
STRIDE = 8


def write_model(path: Path, name: str, gain: float) -> Path:
    """A model whose map is brightness in cells of 8 pixels, and whose logit is its maximum."""
    films = helper.make_tensor_value_info("film", TensorProto.FLOAT, ["n", 1, "h", "w"])
    outputs = [
        helper.make_tensor_value_info("logit", TensorProto.FLOAT, ["n"]),
        helper.make_tensor_value_info("map", TensorProto.FLOAT, ["n", "a", "b"]),
    ]
    cells = [STRIDE, STRIDE]
    nodes = [
        helper.make_node("AveragePool", ["film"], ["cells"], kernel_shape=cells, strides=cells),
        helper.make_node("Sub", ["cells", "middle"], ["bright"]),
        helper.make_node("Mul", ["bright", "gain"], ["deep"]),
        helper.make_node("Squeeze", ["deep", "channel"], ["map"]),
        helper.make_node("ReduceMean", ["map", "sides"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "ten"], ["logit"]),
    ]
    constants = [
        helper.make_tensor("middle", TensorProto.FLOAT, [], [0.5]),
        helper.make_tensor("gain", TensorProto.FLOAT, [], [gain]),
        helper.make_tensor("ten", TensorProto.FLOAT, [], [20.0]),
        helper.make_tensor("channel", TensorProto.INT64, [1], [1]),
        helper.make_tensor("sides", TensorProto.INT64, [2], [1, 2]),
    ]
    graph = helper.make_graph(nodes, "brightness", [films], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    description = Description(name=name, version=f"{name}-1", size=SIDE, output_stride=STRIDE)
    helper.set_model_props(model, {METADATA_KEY: description.model_dump_json()})
    onnx.save(model, path)
    return path


def write_run(out: Path, model: Path, films: Path) -> None:
    """What `tbspot locate FILMS --model MODEL --no-gate` writes."""
    engine = open_engine(model, threads=1)
    settings = Settings(
        films=(str(films),),
        split="",
        model=engine.description.name,
        engine=engine.name,
        method="cam",
        gate=False,
    )
    locate(find_items([films], out), engine, settings, out)


@dataclass(frozen=True)
class Places:
    """Where the fixtures lie: two models, their runs of the same films, and these."""

    model: Path
    run: Path
    other_run: Path
    films: Path


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory, drawn: Path) -> Places:
    """Films of split val, an empty file and a refused film, located by two models and judged."""
    base = tmp_path_factory.mktemp("viewer")
    films, run, other = base / "films", base / "student", base / "teacher"
    for sample in in_split(load([str(drawn)]).samples, "val"):
        (films / sample.name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(sample.path, films / sample.name)
    (films / "broken.png").touch()
    model = write_model(base / "student.onnx", "student", 1)
    write_run(run, model, films)
    write_run(other, write_model(base / "teacher.onnx", "teacher", 2), films)
    with Keeper(run) as keeper:
        keeper.keep(
            Prediction(
                image="side <b>view</b>.png",
                status="refused",
                reason="tagged as a lateral view",
                model="student",
                version="student-1",
            )
        )
    judging = Judging(predictions=run, out=run, data=(str(drawn),), split="val", resamples=100)
    write_evaluation(run, evaluate(judging))
    return Places(model, run, other, films)


@dataclass(frozen=True)
class Answer:
    """What the page answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Page:
    """A page that is being served."""

    address: str
    process: subprocess.Popen[str]

    def ask(
        self,
        path: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request as it is written, without following redirects."""
        parts = urlsplit(self.address)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return Answer(
                answer.status,
                {name.lower(): value for name, value in answer.getheaders()},
                answer.read(),
            )
        finally:
            connection.close()

    def drop(self, content: bytes) -> str:
        """Drop a film; gives its address."""
        answer = self.ask("/drops", "POST", content)
        assert answer.status == 202, answer.text
        address: str = answer.json()["address"]
        return address

    def wait(self, address: str) -> dict[str, Any]:
        """Wait for a dropped film; gives its last progress."""
        for _ in range(600):
            answer = self.ask(f"{address}/progress")
            assert answer.status == 200, answer.text
            progress: dict[str, Any] = answer.json()
            if progress["done"]:
                return progress
            time.sleep(0.05)
        raise AssertionError(f"{address} is never done")


@contextmanager
def serving(*arguments: str | Path) -> Iterator[Page]:
    """`tbspot view` with arguments, in a process of its own, until the test ends."""
    command = [sys.executable, "-m", "tbspot", "view", *map(str, arguments), "--no-browser"]
    with subprocess.Popen(
        [*command, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            _, complaint = process.communicate()
            raise AssertionError(complaint)
        try:
            yield Page(line.strip(), process)
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def page(places: Places) -> Iterator[Page]:
    """The run, with its films, the other model's run and a model for dropped films."""
    with serving(
        places.run, "--beside", places.other_run, "--model", places.model, "--no-gate"
    ) as served:
        yield served
