"""Every block of README runs: those before training in a light installation."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

import light
from tbspot.cli import app

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
EXAMPLE = ROOT / "src" / "tbspot" / "released" / "example.png"
# The heading from which PyTorch is needed, and says so.
FULL = "Train, judge, report"
# What a test has no time for: fewer and smaller films, and one epoch.
SMALL = {
    "draw": "--count 24 --size 64",
    "train": "--size 32 --epochs 1",
    "distill": "--size 32 --epochs 1",
}


@dataclass(frozen=True)
class Block:
    """A block of code: under which heading, in which language."""

    heading: str
    language: str
    code: str


def blocks() -> list[Block]:
    found = []
    for section in re.split(r"^## ", README, flags=re.MULTILINE):
        heading = section.partition("\n")[0]
        for language, code in re.findall(
            r"^```(\w*)\n(.*?)^```", section, re.DOTALL | re.MULTILINE
        ):
            found.append(Block(heading, language, code.replace("\\\n", "")))
    return found


BLOCKS = blocks()


def run(command: list[str | Path], folder: Path, *programs: Path) -> str:
    path = os.pathsep.join([*map(str, programs), os.environ["PATH"]])
    bare = {"HOME": str(folder), "PATH": path, "PYTHONNOUSERSITE": "1", "COLUMNS": "200"}
    done = subprocess.run(
        command, cwd=folder, env=bare, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Those of a light installation, and a pip that has nothing left to do."""
    folder = light.make(tmp_path_factory.mktemp("light"))
    (folder / "pip").write_text('#!/bin/sh\n[ "$*" = "install ." ]\n')
    (folder / "pip").chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with films of one's own, as they are called in the blocks."""
    folder = tmp_path_factory.mktemp("clone")
    (folder / "FILMS").mkdir()
    for name in ("FILMS/1.png", "film.dcm", "a.dcm", "b.dcm"):
        shutil.copy(EXAMPLE, folder / name)
    return folder


def test_the_light_installation_has_nothing_of_an_extra(programs: Path, clone: Path) -> None:
    absent = ("torch", "scipy", "sklearn", "onnx", "pytest", "highdicom")
    code = f"import importlib.util as u; print([n for n in {absent!r} if u.find_spec(n)])"
    assert run([programs / "python", "-c", code], clone) == "[]\n"


def test_every_block_before_training_runs_in_a_light_installation(
    programs: Path, clone: Path
) -> None:
    light_ones = BLOCKS[: [block.heading for block in BLOCKS].index(FULL)]
    assert [block.language for block in light_ones] == ["sh", "sh", "python"]
    before = os.times()
    said = run(["sh", "-e", "-c", light_ones[0].code], clone, programs)
    after = os.times()
    # The first command shows something within ten seconds, where nobody else is using the machine.
    assert sum(after[2:4]) - sum(before[2:4]) < 10
    assert "called TB" in said
    assert list((clone / "shown" / "overlays").iterdir())
    said = run(["sh", "-e", "-c", light_ones[1].code], clone, programs)
    assert "ok 1, refused 0, failed 0" in said
    assert "<h1>Worklist</h1>" in said
    said = run([programs / "python", "-c", light_ones[2].code], clone)
    assert said.startswith("a.dcm 0.")


def test_every_block_of_training_runs_where_pytorch_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = [block for block in BLOCKS if block.heading == FULL]
    assert [block.language for block in full] == ["sh"] * 5
    # The demo has a test of its own, and this run is the other.
    makes, activated, *rest = full
    for line in makes.code.splitlines():
        run(["make", "--dry-run", line.split()[1]], ROOT)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "activate").touch()
    run(["sh", "-e", "-c", activated.code], tmp_path)
    monkeypatch.chdir(tmp_path / "work")
    # In this process: most of a call's time goes on loading PyTorch.
    said = [call(line) for line in "".join(block.code for block in rest).split("\n") if line]
    assert "mean IoU" in "".join(said)
    assert "</html>" in Path("report.html").read_text("utf-8")


def call(line: str) -> str:
    """What a call of tbspot prints."""
    program, command, *arguments = shlex.split(line)
    assert program == "tbspot"
    shown = CliRunner().invoke(app, [command, *arguments, *SMALL.get(command, "").split()])
    assert shown.exit_code == 0, shown.output
    return shown.output


def test_no_block_of_readme_is_left_out() -> None:
    tested = [block for block in BLOCKS if block.language in ("sh", "python")]
    assert tested == BLOCKS
    assert len(BLOCKS) == 8
