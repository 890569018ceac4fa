"""What a node of `tbspot serve` does: films an hour, seconds to the stored result, memory.

Takes a number of films, their side, and a model; starts a node as a process of its own, sends it
that many drawn films in one association, and takes its results as an archive does. With `--fake`
the net is one layer, so that the rest is measured:

    python benchmarks/node.py --films 1000 --side 64 --fake
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from measuring import machine, row, tbspot

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from pydicom import dcmread

from pages import write_model
from tbspot.hospital.connections import Entity
from tbspot.node.objects import CLASSES
from units import archive, study_film


class Node:
    """A node in a process of its own, and what it tells."""

    def __init__(self, folder: Path, *options: str | Path) -> None:
        command = [str(one) for one in tbspot("serve", folder, "--port", "0", *options)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.lines = (json.loads(line) for line in self._process.stdout or ())
        self.port = int(next(self.lines)["port"])

    def memory(self) -> int:
        """MiB that it holds now."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        (line,) = (one for one in status.splitlines() if one.startswith("VmRSS"))
        return int(line.split()[1]) // 1024

    def end(self) -> None:
        self._process.terminate()
        self._process.communicate()


def films(folder: Path, count: int, side: int) -> Iterator[Any]:
    """Films of so many studies; pixels are those of ten."""
    drawn = [dcmread(study_film(folder, number, side)) for number in range(10)]
    for number in range(count):
        film = drawn[number % len(drawn)]
        for level in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
            setattr(film, level, f"{getattr(film, level)[:35]}.{level.count('S')}.{number + 1000}")
        yield film


def send(port: int, given: Iterator[Any], ready: threading.Semaphore | None) -> None:
    """Send films in one association, as fast as they are acknowledged or the node is ready."""
    entity = Entity("BENCH", 600)
    entity.add_requested_context(CLASSES[1])
    entity.add_requested_context(CLASSES[2])
    association = entity.associate("127.0.0.1", port, ae_title="TBSPOT")
    for film in given:
        if ready is not None:
            ready.acquire()
        status = association.send_c_store(film).Status
        if status != 0:
            raise SystemExit(f"the node answers with status 0x{status:04X}")
    association.release()


def measure(count: int, side: int, kinds: str, *, fake: bool, apart: bool) -> None:
    """Print what one node does with so many films."""
    with tempfile.TemporaryDirectory() as name, archive() as peer:
        folder = Path(name)
        options: list[str | Path] = ["--to", peer.address, "--kinds", kinds, "--no-gate"]
        if fake:
            options += ["--model", write_model(folder / "bright.onnx", "bright", 1)]
        node = Node(folder / "node", *options)
        began, seconds, memory = time.monotonic(), [], {}
        ready = threading.Semaphore() if apart else None
        unit = threading.Thread(target=send, args=(node.port, films(folder, count, side), ready))
        unit.start()
        for line in node.lines:
            if line["event"] == "film delivered":
                seconds.append(line["seconds"])
                peer.objects.clear()
                if ready is not None:
                    ready.release()
                if len(seconds) * 10 % count == 0:
                    memory[len(seconds)] = node.memory()
            if len(seconds) == count:
                break
        taken = time.monotonic() - began
        unit.join()
        node.end()
    row("films", "results", "films an hour", "s to stored", "memory in MiB after films")
    row(*["---"] * 5)
    kept = ", ".join(f"{films}: {held}" for films, held in memory.items())
    row(
        f"{count:,} of {side} pixels",
        kinds,
        f"{count / taken * 3600:,.0f}",
        _said(seconds, apart=apart),
        kept,
    )


def _said(seconds: list[float], *, apart: bool) -> str:
    if not apart:
        return f"the last {seconds[-1]:.1f} (all were sent at once)"
    return f"median {median(seconds):.1f}, 95 % {quantiles(seconds, n=20)[-1]:.1f} (one by one)"


def main() -> None:
    """Print the machine, and a row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=100)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--kinds", default="sc,seg,sr")
    parser.add_argument("--fake", action="store_true", help="a net of one layer")
    parser.add_argument("--apart", action="store_true", help="each once the one before is stored")
    given = parser.parse_args()
    print(machine(), end="\n\n")
    measure(given.films, given.side, given.kinds, fake=given.fake, apart=given.apart)


if __name__ == "__main__":
    main()
