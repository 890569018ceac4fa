"""Films that every test may use: drawn ones only, drawn once a session.

Gives paths; nothing here is written to by a test.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

# Fixtures that several folders of tests share.
from dicoms import twelve_bits, write_dicom, write_jpeg_dicom  # noqa: F401
from tbspot.drawings import draw_dataset

# The same examples on every run, however busy the machine.
settings.register_profile("tbspot", deadline=None, derandomize=True)
settings.load_profile("tbspot")


def pytest_configure() -> None:
    # Whoever runs the tests in the background may ignore Ctrl+C, and what they start would too.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # As users have it: without, what Python holds back until the end is never tried.
    os.environ.pop("PYTHONUNBUFFERED", None)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn data set in TBX11K's layout: 48 films of 128 pixels, 16 of each class, 12 in val."""
    folder = tmp_path_factory.mktemp("drawn")
    draw_dataset(folder, count=48, size=128, seed=7)
    return folder


@pytest.fixture(scope="session")
def film_path(drawn: Path) -> Path:
    """One drawn TB film, a grey PNG of 128 x 128 pixels."""
    return drawn / "imgs" / "tb" / "tb0001.png"


@pytest.fixture
def small_disk() -> Iterator[None]:
    """A disk that has no room for a file of more than a mebibyte."""
    resource = pytest.importorskip("resource", reason="limits of files are POSIX's")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that has signed itself, with its key."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-subj", "/CN=localhost", "-days", "60", "-keyout", folder / "key.pem",
         "-out", folder / "certificate.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of training for films of 64 pixels, with random weights."""
    return _random_model(tmp_path_factory.mktemp("model"), pooling="lse")


@pytest.fixture(scope="session")
def averaging(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with mean pooling, a temperature, and no last stage: half of the features."""
    return _random_model(
        tmp_path_factory.mktemp("averaging"),
        pooling="mean",
        temperature=2,
        stages=3,
        output_stride=16,
    )


def _random_model(folder: Path, **described: Any) -> Path:
    import torch

    from tbspot.description import Description
    from tbspot.nets.classifier import Classifier
    from tbspot.nets.weights import save_classifier

    torch.manual_seed(0)
    description = Description(name="random", size=64, **described)
    classifier = Classifier(description)
    torch.nn.init.normal_(classifier.head.weight, std=0.05)
    torch.nn.init.constant_(classifier.bias, 0.25)
    path = folder / "model.safetensors"
    save_classifier(path, classifier, description)
    return path


@pytest.fixture(scope="session")
def translated_once() -> Iterator[None]:
    """torch translates a net to ONNX once, which takes seconds; the same net again is a copy."""
    from onnx import ModelProto

    from tbspot.export import onnx_file
    from tbspot.nets.classifier import Classifier

    translate = onnx_file._to_onnx
    known: dict[tuple[object, ...], bytes] = {}

    def look_up(net: Classifier, size: int) -> ModelProto:
        weights = sha256()  # the weights themselves are some 100 megabytes a net
        for value in net.state_dict().values():
            weights.update(value.numpy().tobytes())
        form = (str(net), net.pooling, net.refinement, net.score_sharpness, size)
        key = (*form, weights.digest())
        if key not in known:
            known[key] = translate(net, size).SerializeToString()
        return ModelProto.FromString(known[key])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_file, "_to_onnx", look_up)
        yield


@pytest.fixture(scope="session")
def exported(checkpoint: Path, translated_once: None) -> Path:  # noqa: ARG001 (for what it does)
    """The same model as ONNX, with its reference beside it. Takes half a minute once."""
    from tbspot.drawings import draw_film
    from tbspot.export.onnx_file import export

    path = checkpoint.with_name("model.onnx")
    films = [draw_film("tb", 128, (seed,)).pixels for seed in range(3)]
    export(checkpoint, path, [film.astype(np.float32) / np.float32(255) for film in films])
    return path
