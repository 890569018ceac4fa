"""The viewer as a test sees it: a model of one layer, a run by it, the page in its own process.

Gives what writes them and what asks the page. For the tests of the viewer and of its command.
"""

from __future__ import annotations

import http.client
import io
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from tbspot.description import METADATA_KEY, Description
from tbspot.engine.engine import open_engine
from tbspot.locating import LocateSettings, find_items, locate

SIDE = 64
STRIDE = 8
PLANTED = "PLANTED"


def write_model(path: Path, name: str, gain: float) -> Path:
    """A model whose map is brightness in cells of 8 pixels, its logit 20 times the mean."""
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
        helper.make_node("Mul", ["mean", "twenty"], ["logit"]),
    ]
    constants = [
        helper.make_tensor("middle", TensorProto.FLOAT, [], [0.5]),
        helper.make_tensor("gain", TensorProto.FLOAT, [], [gain]),
        helper.make_tensor("twenty", TensorProto.FLOAT, [], [20.0]),
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
    settings = LocateSettings(
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
class Server:
    """A page that is being served somewhere."""

    address: str

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


@dataclass(frozen=True)
class Page(Server):
    """A page that `tbspot view` serves."""

    process: subprocess.Popen[str]

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


def dicom_of(values: NDArray[np.uint16]) -> bytes:
    """A DX film with names planted in its header, as a file."""
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    dataset.SOPInstanceUID = "1.2.826.0.1.3680043.8.498.1"
    dataset.Modality = "DX"
    dataset.PatientName = f"{PLANTED}^NAME"
    dataset.PatientID = f"{PLANTED}-ID"
    dataset.Rows, dataset.Columns = values.shape
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.WindowCenter, dataset.WindowWidth = 2048, 4096
    dataset.PixelData = values.tobytes()
    dataset["PixelData"].VR = "OW"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()
