from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import safetensors.torch
import torch
from click.testing import Result
from torch import Tensor
from typer.testing import CliRunner

from tbspot.cli import app
from tbspot.cli._sentences import as_options
from tbspot.errors import TbspotError
from tbspot.files import open_run
from tbspot.training import loop
from tbspot.training.settings import TrainingSettings

# Without the last stage, which holds two thirds of the weights.
TINY = shlex.split(
    "--init random --size 32 --stages 3 --output-stride 16 --epochs 2 --batch-size 18 "
    "--precision 32-true"
)

# Dies at its third step, after one epoch of two steps and its checkpoint.
KILLED = """
import os, signal
from tbspot.__main__ import main
from tbspot.training.progress import Reporter

def step(self, done, loss, films):
    if done == 3:
        os.kill(os.getpid(), signal.SIGKILL)

Reporter.step = step
main()
"""


def _invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def _train(drawn: Path, out: Path, *options: str, command: str = "train") -> None:
    result = _invoke(command, "--data", str(drawn), "--out", str(out), *TINY, *options)
    assert result.exit_code == 0, result.output
    assert str(out / "model.safetensors") in result.output.replace("\n", "")


def _weights(out: Path) -> dict[str, Tensor]:
    return safetensors.torch.load_file(out / "model.safetensors")


def _no_network(*_: object, **__: object) -> None:
    raise URLError("no network")


def _distance(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    squares = [(one[name].double() - other[name].double()).square().sum() for name in one]
    return float(torch.stack(squares).sum().sqrt())


@pytest.fixture
def settings_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Runs a command without the training itself and gives the settings it would train with."""
    seen: list[TrainingSettings] = []

    def record(settings: TrainingSettings, out: Path, *_: object, **__: object) -> Path:
        seen.append(settings)
        return out / "model.safetensors"

    monkeypatch.setattr(loop, "train", record)

    def run(line: str) -> TrainingSettings:
        result = _invoke(
            *shlex.split(line), "--data", "films", "--out", str(tmp_path / f"{len(seen)}")
        )
        if result.exception is not None:
            raise result.exception
        return seen[-1]

    return run


def test_options_reach_the_settings(settings_of: Any) -> None:
    settings = settings_of(
        "train --init random --size 96 --through 64 --output-stride 16 --pooling pcam "
        "--epochs 3 --label-sources paired --erase 0.25 --seed 5 --data more"
    )
    assert settings.data == ("more", "films")
    assert (settings.size, settings.through, settings.output_stride) == (96, 64, 16)
    assert (settings.pooling, settings.epochs, settings.seed) == ("pcam", 3, 5)
    assert settings.label_sources == "paired"
    assert settings.views.erase == 0.25
    assert settings.teachers == ()


@pytest.mark.parametrize("command", ["train", "distill --teacher a"])
def test_lesions_are_drawn_and_views_handled_only_when_asked(
    settings_of: Any, command: str
) -> None:
    settings = settings_of(command)
    assert (settings.draw_lesions, settings.views.handling) == (0, 0)
    settings = settings_of(f"{command} --draw-lesions 0.5 --drawn-weight 3 --handling 0.2")
    assert (settings.draw_lesions, settings.drawn_weight) == (0.5, 3)
    assert settings.views.handling == 0.2


def test_a_net_from_random_weights_is_trained_whole(settings_of: Any) -> None:
    settings = settings_of("train --init random")
    assert (settings.batch_norm, settings.frozen_stages) == ("train", 0)


def test_a_net_from_imagenet_keeps_its_normalisation_and_first_stage(settings_of: Any) -> None:
    settings = settings_of("train")
    assert settings.init == "imagenet"
    assert (settings.batch_norm, settings.frozen_stages) == ("frozen", 1)
    assert settings_of("train --frozen-stages 3").frozen_stages == 3


def test_a_student_learns_from_scores_alone_unless_told_otherwise(settings_of: Any) -> None:
    settings = settings_of("distill --teacher a --teacher b")
    assert settings.teachers == (Path("a"), Path("b"))
    assert (settings.score_weight, settings.map_weight, settings.label_weight) == (1, 0, 0)
    assert settings.name == "student"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--output-stride 12", "--output-stride must be one of 8, 16, 32, not 12"),
        ("--stages 5", "--stages must be one of 3, 4, not 5"),
        ("--body-rate -0.001", "--body-rate must be greater than or equal to 0, not -0.001"),
        ("--average 1", "--average must be less than 1, not 1.0"),
        ("--erase -1", "--erase must be greater than or equal to 0, not -1.0"),
        ("--precision 12-bit", "precision 12-bit on devices auto is not possible here"),
        ("--devices 99999999999999999999", "is not possible here"),
        ("--devices many", "on devices many is not possible here"),
        ("--init absent.safetensors", "absent.safetensors does not exist"),
    ],
)
def test_an_option_s_wrong_value_is_one_clear_sentence(
    settings_of: Any, options: str, sentence: str
) -> None:
    with pytest.raises(TbspotError) as refused:
        settings_of(f"train --init random {options}")
    assert sentence in as_options(str(refused.value))


@pytest.mark.parametrize(
    ("options", "known"),
    [
        (["train", "--pooling", "max"], "'mean', 'lse', 'pcam'"),
        (["train", "--batch-norm", "off"], "'frozen', 'train'"),
        (["train", "--label-sources", "some"], "'all', 'paired'"),
        (["distill", "--teacher-view", "other"], "'same', 'clean'"),
        (["distill", "--teacher-map", "none"], "'cam', 'fused', 'refined'"),
    ],
)
def test_a_word_that_is_no_choice_is_told_with_those_that_are(
    options: list[str], known: str
) -> None:
    result = _invoke(*options)
    assert result.exit_code == 2
    # In a frame, which breaks lines.
    assert known in re.sub(r"[│\s]+", " ", result.output)


@pytest.mark.parametrize("range_", [("0.5", "0.5"), ("0.8", "0.2")])
def test_a_teacher_s_map_needs_a_range(settings_of: Any, range_: tuple[str, str]) -> None:
    with pytest.raises(TbspotError) as refused:
        settings_of("distill --teacher a --map-low {} --map-high {}".format(*range_))
    assert as_options(str(refused.value)) == "--map-low must be less than --map-high"


def test_the_folder_of_another_run_is_left_alone(drawn: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "model.safetensors"
    earlier.write_bytes(b"hours of work")
    result = _invoke("train", "--data", str(drawn), "--out", str(tmp_path), *TINY)
    assert isinstance(result.exception, TbspotError)
    assert "holds another run" in str(result.exception)
    assert earlier.read_bytes() == b"hours of work"


@pytest.mark.parametrize(
    "wrong",
    [
        ["train", "--data", "absent"],
        ["train", "--split", "elsewhere"],
        ["train", "--init", "imagenet"],
        ["distill", "--teacher", "absent.safetensors"],
    ],
)
def test_overwriting_with_a_wrong_path_leaves_the_earlier_run_as_it_is(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: list[str]
) -> None:
    monkeypatch.setattr(torch.hub, "download_url_to_file", _no_network)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    out = tmp_path / "run"
    open_run(out, "train", TrainingSettings(("earlier",)))
    (out / "model.safetensors").write_bytes(b"hours of work")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    data = [] if "--data" in wrong else ["--data", str(drawn)]
    result = _invoke(wrong[0], *data, "--out", str(out), "--overwrite", *TINY, *wrong[1:])
    assert isinstance(result.exception, TbspotError)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_overwriting_replaces_another_run_s_model(drawn: Path, tmp_path: Path) -> None:
    open_run(tmp_path / "run", "train", TrainingSettings(("earlier",)))
    (tmp_path / "run" / "model.safetensors").write_bytes(b"hours of work")
    _train(drawn, tmp_path / "run", "--epochs", "1", "--overwrite")
    assert len(_weights(tmp_path / "run")) > 100


def test_imagenet_weights_without_a_network_are_one_clear_sentence(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "download_url_to_file", _no_network)
    out = tmp_path / "run"
    options = ["--init", "imagenet", "--size", "32", "--precision", "32-true"]
    result = _invoke("train", "--data", str(drawn), "--out", str(out), *options)
    assert isinstance(result.exception, TbspotError)
    assert "cannot be downloaded" in str(result.exception)
    assert not (out / "model.safetensors").exists()


def test_an_error_is_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    arguments = ["train", "--data", "absent", "--out", str(tmp_path / "run"), *TINY]
    result = subprocess.run(
        [sys.executable, "-m", "tbspot", *arguments], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert result.stderr == "error: absent does not exist; check the path of the data\n"


@pytest.mark.slow
def test_a_killed_run_comes_to_the_same_weights_by_the_same_command(
    drawn: Path, tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    arguments = ["train", "--data", str(drawn), "--out", str(out), *TINY]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments], capture_output=True, check=False
    )
    assert killed.returncode == -9, killed.stderr
    assert (out / "checkpoint.pt").exists()
    assert not (out / "model.safetensors").exists()
    _train(drawn, out)
    _train(drawn, tmp_path / "whole")
    assert _distance(_weights(out), _weights(tmp_path / "whole")) == 0
    assert not (out / "checkpoint.pt").exists()
    epochs = [json.loads(line)["epoch"] for line in (out / "log.jsonl").read_text().splitlines()]
    assert epochs == [1, 2]


FROZEN = ("--batch-norm", "frozen")  # its statistics would be those of each process's share


@pytest.fixture(scope="module")
def hardly_trained(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tensor]:
    """The weights that a training begins with, but for the head."""
    out = tmp_path_factory.mktemp("start") / "run"
    _train(drawn, out, *FROZEN, "--epochs", "1", "--body-rate", "1e-12")
    return _weights(out)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["train", "distill"])
def test_two_processes_come_to_the_weights_of_one(
    drawn: Path,
    checkpoint: Path,
    tmp_path: Path,
    command: str,
    hardly_trained: dict[str, Tensor],
) -> None:
    options = list(FROZEN)
    if command == "distill":  # an epoch, as that the rest is the same is tried with train
        options += ["--teacher", str(checkpoint), "--teacher-view", "clean", "--epochs", "1"]
        options += ["--map-weight", "1"]
    _train(drawn, tmp_path / "one", *options, command=command)
    out = tmp_path / "two"
    subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"),
            *("-m", "tbspot", command, "--data", str(drawn), "--out", str(out), *TINY, *options),
        ],
        check=True,
        capture_output=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    one = _weights(tmp_path / "one")
    moved = _distance(hardly_trained, one)
    assert moved > 0
    assert _distance(_weights(out), one) < 0.01 * moved


@pytest.mark.slow
def test_a_batch_that_cannot_be_shared_is_one_clear_sentence(drawn: Path, tmp_path: Path) -> None:
    arguments = ["train", "--data", str(drawn), "--out", str(tmp_path / "run"), *TINY]
    result = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"),
            *("-m", "tbspot", *arguments, "--batch-size", "9"),
        ],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert result.returncode == 1
    assert "a batch of 9 films cannot be shared by 2 processes" in result.stderr
    assert not (tmp_path / "run" / "model.safetensors").exists()
