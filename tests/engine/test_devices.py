from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest
import torch

from tbspot.choices import Precision
from tbspot.engine import devices
from tbspot.engine.devices import device_for
from tbspot.engine.engine import open_engine
from tbspot.errors import MissingExtraError, ModelError


def test_auto_takes_the_cpu_where_there_is_no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_has_driver", lambda: False)
    monkeypatch.setattr(devices, "_has_render_node", lambda: False)
    assert device_for("auto") == "cpu"


@pytest.mark.skipif(sys.platform == "win32", reason="there PATH is searched")
def test_no_program_is_started_to_look_for_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("needs a folder for temporary files")

    monkeypatch.setattr(devices, "find_library", refused)
    monkeypatch.setattr(devices, "_has_render_node", lambda: False)
    monkeypatch.setattr(devices, "find_spec", lambda _: None)
    assert device_for("auto") == "cpu"


@pytest.mark.parametrize(("gpus", "device"), [(0, "cpu"), (1, "gpu:0")])
def test_auto_takes_a_gpu_that_openvino_finds(
    monkeypatch: pytest.MonkeyPatch, gpus: int, device: str
) -> None:
    monkeypatch.setattr(devices, "_has_driver", lambda: False)
    monkeypatch.setattr(devices, "_has_render_node", lambda: True)
    monkeypatch.setattr(devices, "_of_openvino", lambda: gpus)
    assert device_for("auto") == device
    assert device_for("auto", exported=False) == "cpu"


def test_a_gpu_of_openvino_s_runs_exported_models_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_of_openvino", lambda: 2)
    assert (device_for("gpu"), device_for("gpu:1")) == ("gpu:0", "gpu:1")
    with pytest.raises(ModelError, match=r"no device gpu:2 here \(2 found\)"):
        device_for("gpu:2")
    with pytest.raises(ModelError, match=r"runs \.onnx files alone"):
        device_for("gpu", exported=False)


@pytest.mark.skipif(devices._has_render_node(), reason="there may be a GPU")
def test_a_machine_without_a_gpu_of_intel_s_says_so() -> None:
    with pytest.raises(ModelError, match=r"no device gpu:0 here \(0 found\)"):
        open_engine(device="gpu")


@pytest.mark.parametrize(
    ("device", "precision"), [("cpu", "float16"), ("cuda", "int8"), ("gpu", "bfloat16")]
)
def test_a_precision_that_a_device_is_not_made_for_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, device: str, precision: Precision
) -> None:
    monkeypatch.setattr(devices, "_of_torch", lambda: 1)
    monkeypatch.setattr(devices, "_of_openvino", lambda: 1)
    with pytest.raises(ModelError, match=f"{device}(:0)? computes in float32.*not in {precision}"):
        open_engine(device=device, precision=precision)


@pytest.mark.parametrize(("gpus", "device"), [(0, "cpu"), (2, "cuda:0")])
def test_auto_takes_the_first_gpu_that_torch_can_use(
    monkeypatch: pytest.MonkeyPatch, gpus: int, device: str
) -> None:
    monkeypatch.setattr(devices, "_has_driver", lambda: True)
    monkeypatch.setattr(devices, "_has_render_node", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    assert device_for("auto") == device


def test_a_gpu_is_taken_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_of_torch", lambda: 2)
    assert (device_for("cuda"), device_for("cuda:1")) == ("cuda:0", "cuda:1")
    with pytest.raises(ModelError, match=r"no device cuda:2 here \(2 found\)"):
        device_for("cuda:2")


@pytest.mark.parametrize("asked", ["cuda:", "gpu:-0", "CUDA", "", "cuda:-1", "cuda:9999", "npu"])
def test_a_device_of_no_known_name_is_one_sentence(asked: str) -> None:
    with pytest.raises(
        ModelError, match="the device must be auto, cpu, cuda, cuda:N, gpu or gpu:N, not"
    ):
        device_for(asked)


def test_a_gpu_without_torch_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match="install it with"):
        device_for("cuda")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.skipif(importlib.util.find_spec("onnx") is None, reason="needs onnx")
def test_the_released_model_answers_on_a_gpu_as_on_the_cpu() -> None:
    films = np.random.default_rng(0).random((2, 384, 384), np.float32)
    logits, maps = open_engine(precision="float32")(films)
    on_gpu, maps_on_gpu = open_engine(precision="float32", device="cuda")(films)
    np.testing.assert_allclose(on_gpu, logits, atol=1e-2)
    np.testing.assert_allclose(maps_on_gpu, maps, atol=1e-2)
