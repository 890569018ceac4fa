"""Memory that runs out is told as that, wherever it does, and costs one film at most."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from engines import bright_engine
from pages import write_model
from tbspot.engine import onnx_model
from tbspot.engine.engine import ModelError, open_engine
from tbspot.errors import OutOfMemoryError, TbspotError
from tbspot.images import decoding, raster, read_pixels, read_with_facts
from tbspot.images.decoding import Decoder
from tbspot.locating import LocateSettings, find_items, locate
from tbspot.records.predictions import read_predictions

pytestmark = pytest.mark.attack

SETTINGS = LocateSettings(films=("x",), split="", model="m", engine="e", method="cam", gate=False)


def _raise_memory(*_: object, **__: object) -> Any:
    raise MemoryError


def test_a_png_for_which_memory_runs_out_is_not_called_broken(
    film_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raster, "_grey", _raise_memory)
    with pytest.raises(OutOfMemoryError, match=r"memory ran out for .*; end other programs"):
        read_pixels(film_path)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds address space")
@pytest.mark.parametrize("end", ["png", "jpg", "tif"])
def test_a_picture_that_needs_more_than_the_limit_is_told_as_that(tmp_path: Path, end: str) -> None:
    path, small = tmp_path / f"large.{end}", tmp_path / f"small.{end}"
    Image.new("L", (7900, 7900), 99).save(path)
    Image.new("L", (64, 64), 99).save(small)
    limited = Decoder(memory=520 << 20)
    with pytest.raises(OutOfMemoryError, match=rf"large\.{end} needs more memory than a film may"):
        limited.read(path, path.name, follow_links=False)
    assert limited.read(small, small.name, follow_links=False).pixels.shape == (64, 64)


def test_a_decoder_that_the_system_kills_is_told_as_memory() -> None:
    killed = "import os, sys; sys.stdin.readline(); os.kill(os.getpid(), 9)"
    with pytest.raises(OutOfMemoryError, match="as where memory runs out"):
        Decoder((sys.executable, "-c", killed)).read(Path("a"), "a.dcm", follow_links=False)


@pytest.mark.parametrize("end", ["png", "jpg", "tif"])
def test_films_of_strangers_are_decoded_apart_whatever_their_format(
    tmp_path: Path, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"film.{end}"
    Image.new("L", (64, 64), 99).save(path)
    monkeypatch.setattr("tbspot.images.reading.read_raster", _raise_memory)
    film = read_with_facts(path)
    assert film.pixels.shape == (64, 64)
    assert np.allclose(film.pixels, 99 / 255, atol=0.01)


def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    folder.mkdir()
    for number in range(3):
        Image.new("L", (64, 64), 40 + number).save(folder / f"{number}.png")
    return folder


@pytest.mark.parametrize("place", ["decoding", "asking", "drawing"])
def test_a_film_for_which_memory_runs_out_costs_that_film_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    failing = {
        "decoding": ("tbspot.locating.model.read_film", OutOfMemoryError("no memory")),
        "asking": ("tbspot.locating.model.predict", MemoryError()),
        "drawing": ("tbspot.locating.finding.overlay", MemoryError()),
    }
    target, error = failing[place]
    usual: Callable[..., Any] = __import__(
        target.rpartition(".")[0], fromlist=[""]
    ).__dict__[target.rpartition(".")[2]]  # fmt: skip
    calls = []

    def second_fails(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise error
        return usual(*arguments, **options)

    monkeypatch.setattr(target, second_fails)
    out = tmp_path / "out"
    counts = locate(find_items([_folder(tmp_path)], out), bright_engine(), SETTINGS, out)
    assert (counts.ok, counts.failed) == (2, 1)
    (failed,) = (one for one in read_predictions(out) if one.status == "failed")
    assert failed.code == "memory"
    assert failed.reason is not None
    assert "memory" in failed.reason


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("std::bad_alloc"), RuntimeError("Cannot allocate")]
)
def test_memory_that_runs_out_for_the_model_is_not_called_the_processor_s_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    opened = open_engine(write_model(tmp_path / "model.onnx", "m", 1))

    def refuse(*_: object, **__: object) -> Any:
        raise error

    monkeypatch.setattr("tbspot.engine.runtime.openvino.Core.compile_model", refuse)
    with pytest.raises(ModelError, match=r"memory ran out for the model .*model\.onnx") as caught:
        opened(np.zeros((1, 64, 64), np.float32))
    assert isinstance(caught.value, OutOfMemoryError)
    monkeypatch.setattr(onnx_model, "_check_ends", refuse)
    with pytest.raises(OutOfMemoryError, match="memory ran out for the model"):
        open_engine(tmp_path / "model.onnx")


def test_memory_that_runs_out_in_the_net_costs_one_film(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_engine(write_model(tmp_path / "model.onnx", "m", 1))
    films: NDArray[np.float32] = np.zeros((1, 64, 64), np.float32)
    opened(films)
    monkeypatch.setattr("tbspot.engine.runtime.openvino.InferRequest.infer", _raise_memory)
    with pytest.raises(OutOfMemoryError, match="memory ran out in the model") as caught:
        opened(films)
    assert not isinstance(caught.value, ModelError)


def test_a_film_that_is_broken_is_still_called_broken(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99))
    with pytest.raises(TbspotError, match="cannot be read as a PNG image") as caught:
        read_with_facts(tmp_path / "a.png")
    assert not isinstance(caught.value, OutOfMemoryError)
    assert decoding.TRY_AGAIN not in str(caught.value)
