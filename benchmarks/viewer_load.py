"""The page under load: 20 clients for a minute, every answer counted, memory watched.

    python benchmarks/viewer_load.py [--model FILE] [--clients 20] [--seconds 60]

Takes a model file, by default the released one; draws films, locates them and serves the run.
Prints what docs/view.md says under load.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

FILMS = 48
TBSPOT = [sys.executable, "-m", "tbspot"]


class Client(threading.Thread):
    """One person: reads the worklist, opens films, moves the slider, now and then drops a film."""

    def __init__(self, address: str, film: bytes, seed: int, until: float) -> None:
        super().__init__()
        self.answers: Counter[tuple[str, int]] = Counter()
        self.seconds: dict[str, list[float]] = {}
        self._address, self._film, self._until = urlsplit(address), film, until
        self._random = random.Random(seed)

    def run(self) -> None:
        """Ask until the time is up; a connection that fails counts as status 0."""
        while time.monotonic() < self._until:
            film = f"/film/{self._random.randrange(FILMS)}"
            self._ask("worklist", f"/?page={self._random.randrange(3)}")
            self._ask("film page", film)
            for name in ("pixels", "heatmap.png", "thumbnail.png"):
                self._ask(name, f"{film}/{name}")
            for _ in range(10):
                share = self._random.uniform(0.05, 0.95)
                self._ask("boxes at a threshold", f"{film}/boxes?share={share}")
            if self._random.random() < 0.2:
                self._drop()

    def _drop(self) -> None:
        begun = time.monotonic()
        address = json.loads(self._ask("drop", "/drops", "POST", self._film))["address"]
        while not json.loads(self._ask("progress", f"{address}/progress"))["done"]:
            time.sleep(0.3)
        self.seconds.setdefault("drop to result", []).append(time.monotonic() - begun)
        self._ask("forget", address, "DELETE")

    def _ask(self, what: str, path: str, method: str = "GET", body: bytes | None = None) -> bytes:
        begun = time.monotonic()
        connection = http.client.HTTPConnection(
            self._address.hostname or "", self._address.port, timeout=60
        )
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            content, status = answer.read(), answer.status
        except OSError:
            content, status = b'{"done": true, "address": "/"}', 0
        finally:
            connection.close()
        self.answers[what, status] += 1
        self.seconds.setdefault(what, []).append(time.monotonic() - begun)
        return content


def main() -> None:
    """Draw, locate, serve, load, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60)
    given = parser.parse_args()
    model = ["--model", str(given.model)] if given.model else []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(["draw", "films", "--count", str(FILMS), "--size", "512"], folder)
        run(["locate", "films/imgs", "--out", "found", "--no-gate", *model], folder)
        film = (folder / "films" / "imgs" / "tb" / "tb0001.png").read_bytes()
        with serving(["found", "--no-gate", *model], folder) as (address, process):
            load(address, process, film, given.clients, given.seconds)


def run(arguments: list[str], folder: Path) -> None:
    """One command of tbspot, quietly."""
    subprocess.run([*TBSPOT, *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def serving(arguments: list[str], folder: Path) -> Iterator[tuple[str, int]]:
    """The page's address and process."""
    command = [*TBSPOT, "view", *arguments, "--no-browser", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        yield process.stdout.readline().strip(), process.pid
        process.terminate()


def load(address: str, process: int, film: bytes, clients: int, seconds: float) -> None:
    """Let the clients work and print what they and the memory say."""
    begun = time.monotonic()
    crowd = [Client(address, film, seed, begun + seconds) for seed in range(clients)]
    for client in crowd:
        client.start()
    print(f"{clients} clients, {seconds:g} s, {os.cpu_count()} cores")
    while any(client.is_alive() for client in crowd):
        print(f"  {time.monotonic() - begun:5.0f} s: {memory(process) / 1e6:6.0f} MB")
        time.sleep(seconds / 6)
    answers = sum((client.answers for client in crowd), Counter[tuple[str, int]]())
    wrong = {key: count for key, count in answers.items() if key[1] not in (200, 202, 204)}
    print(f"answers: {answers.total():,}, of them wrong: {sum(wrong.values())} {wrong or ''}")
    for what in sorted({name for client in crowd for name in client.seconds}):
        times = sorted(one for client in crowd for one in client.seconds.get(what, []))
        slow = times[int(0.95 * (len(times) - 1))]
        median = statistics.median(times)
        print(
            f"  {what:22} {len(times):7,} median {median * 1e3:6.0f} ms, 95 % {slow * 1e3:6.0f} ms"
        )
    print(f"  {'at the end':8}: {memory(process) / 1e6:6.0f} MB")


def memory(process: int) -> int:
    """Resident bytes of a process and its children (Linux)."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text("utf-8").split()
    pages = sum(int(Path(f"/proc/{one}/statm").read_text("utf-8").split()[1])
                for one in (process, *children))  # fmt: skip
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
