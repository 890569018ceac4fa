"""Nothing that tbspot depends on reports to anybody, or leaves files in the user's home folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.attack

# The command line, which tells what it asks of the network. OpenVINO's reports are sent by a fork,
# in which the hook stays.
WATCHED = """
import os, sys
def watch(event, _):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "os.fork"):
        os.write(2, f"reported: {event}\\n".encode())
sys.addaudithook(watch)
from tbspot.__main__ import main
main()
"""


def test_a_locate_sends_nothing_and_leaves_nothing_in_the_home_folder(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    out = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, "locate", "--example", "--out", out, "--quiet"],
        env=os.environ | {"HOME": str(home), "USERPROFILE": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (out / "predictions.jsonl").exists()
    assert list(home.iterdir()) == []
