"""kill -9 at any moment costs no work that was finished, and changes no result.

`TBSPOT_KILLS=100 pytest tests/attacks/test_kills.py` kills each command a hundred times.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.attack,
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked"),
]

KILLS = int(os.environ.get("TBSPOT_KILLS", "1"))
KILLING = Path(__file__).with_name("killing.py")
# Two epochs of two steps, on one thread: so the same steps give the same bits. Without the last
# stage, which holds two thirds of the weights and of what is written.
TINY = ("--size", "32", "--epochs", "2", "--batch-size", "18", "--precision", "32-true",
        "--stages", "3", "--output-stride", "16", "--tuning-split", "val",
        "--devices", "1")  # fmt: skip


class Commands:
    """Runs commands in forks of one process."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self.log = place / "log"
        self._process = subprocess.Popen(
            [sys.executable, KILLING],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"},
        )

    def __call__(self, watched: Path, *arguments: str | Path, **when: float) -> dict[str, Any]:
        """Run a command, killed at an `event` or after `seconds`; give how it ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        count = self._place / "count"
        count.write_text("")
        request = {"arguments": [*map(str, arguments)], "watched": str(watched), **when}
        request |= {"count": str(count), "log": str(self.log)}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return dict(json.loads(self._process.stdout.readline()))

    def end(self) -> None:
        """End the process that forks."""
        self._process.communicate()


@pytest.fixture(scope="module")
def tbspot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    commands = Commands(tmp_path_factory.mktemp("commands"))
    yield commands
    commands.end()


@pytest.fixture(scope="module")
def films(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight films, one of them broken."""
    folder = tmp_path_factory.mktemp("films")
    for path in sorted((drawn / "imgs" / "tb").iterdir())[:8]:
        shutil.copy(path, folder)
    (folder / "tb0003.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    return folder


def _results(folder: Path) -> dict[str, bytes]:
    """Every file's bytes by its name; of the log, what is not time."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            if path.name == "log.jsonl":
                lines = [json.loads(line) for line in content.splitlines()]
                content = repr([{**one, "images_per_second": 0} for one in lines]).encode()
            found[str(path.relative_to(folder))] = content
    return found


def _attack(tbspot: Commands, place: Path, name: str, code: int, *arguments: str | Path) -> None:
    """Kill a command at random moments, in ever new folders, and let each go on to its end."""
    runs = place / "runs"

    def run(**when: float) -> dict[str, Any]:
        return tbspot(runs, *arguments, "--out", runs / name, **when)

    whole = run()
    assert whole["status"] == code, tbspot.log.read_text()
    expected = _results(runs)
    moments = random.Random(name)
    killed = 0
    while killed < KILLS:
        shutil.rmtree(runs)
        for _ in range(moments.choice((1, 1, 2, 3))):
            if moments.random() < 0.75:
                ended = run(event=moments.randint(1, whole["events"]))
            else:
                ended = run(seconds=moments.uniform(0, whole["seconds"]))
            killed += ended["status"] == -9
            assert ended["status"] in (-9, code), tbspot.log.read_text()
        assert run()["status"] == code, tbspot.log.read_text()
        found = _results(runs)
        assert list(found) == list(expected)
        assert [file for file in found if found[file] != expected[file]] == []


BY_HAND = pytest.mark.skipif("TBSPOT_KILLS" not in os.environ, reason="by hand, see above")


@pytest.mark.parametrize("name", ["found", pytest.param("packed", marks=BY_HAND)])
def test_locate_killed_at_any_moment_comes_to_the_same_files(
    tbspot: Commands, films: Path, tmp_path: Path, name: str
) -> None:
    pack = ["--pack"] * (name == "packed")
    _attack(tbspot, tmp_path, name, 1, "locate", films, "--no-gate", *pack)


def test_train_killed_at_any_moment_comes_to_the_same_files(
    tbspot: Commands, drawn: Path, tmp_path: Path
) -> None:
    _attack(
        tbspot, tmp_path, "teacher", 0, "train", "--data", drawn, "--init", "random", *TINY,
        "--average", "0.5",
    )  # fmt: skip


def test_distill_killed_at_any_moment_comes_to_the_same_files(
    tbspot: Commands, drawn: Path, checkpoint: Path, tmp_path: Path
) -> None:
    _attack(
        tbspot, tmp_path, "student", 0, "distill", "--teacher", checkpoint, "--data", drawn,
        "--init", "random", "--teacher-view", "clean", "--map-weight", "1", *TINY,
    )  # fmt: skip
