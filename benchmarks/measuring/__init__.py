"""What the benchmarks share: the machine in words, interleaved timing, a child's time and memory.

Takes callables and commands; gives seconds, mebibytes and lines of a Markdown table.
"""

from __future__ import annotations

import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from tbspot.description import Description
from tbspot.drawings import draw_film
from tbspot.export.onnx_file import export
from tbspot.nets.weights import build_classifier, save_classifier

__all__ = [
    "Child",
    "Taken",
    "interleaved",
    "machine",
    "random_model",
    "row",
    "run",
    "tbspot",
    "watch",
]


# A small process of its own starts the command: Linux counts the memory of a process that starts
# another as the other's.
WATCHER = """
import resource, subprocess, sys, time
start = time.perf_counter()
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


class Taken(NamedTuple):
    """Seconds on the clock, and of all cores together; the latter bear a busy machine better."""

    clock: float
    processor: float


class Child(NamedTuple):
    """What a process took: seconds on the clock, and its greatest resident memory in MiB."""

    seconds: float
    memory: int


def machine() -> str:
    """Processor, cores, releases, and how busy the machine was before."""
    processor = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text("utf-8"))
        processor = found[1] if found else processor
    busy = os.getloadavg()[0]
    return (
        f"{processor}, {os.cpu_count()} threads, Python {platform.python_version()}, "
        f"torch {torch.__version__}; load before: {busy:.1f}; {time.strftime('%d %B %Y %H:%M')}"
    )


def interleaved(sides: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Taken]:
    """Medians of each side, called in turns, after one call of each that does not count."""
    taken: dict[str, list[Taken]] = {name: [] for name in sides}
    for turn in range(rounds + 1):
        for name, side in sides.items():
            start = _now()
            side()
            if turn:
                end = _now()
                taken[name].append(Taken(end.clock - start.clock, end.processor - start.processor))
    return {name: _median(each) for name, each in taken.items()}


def _median(taken: list[Taken]) -> Taken:
    return Taken(*(statistics.median(kind) for kind in zip(*taken, strict=True)))


def _now() -> Taken:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return Taken(time.perf_counter(), sum(each.ru_utime + each.ru_stime for each in used))


def row(*cells: object) -> None:
    """Print a row of a Markdown table."""
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def run(command: Sequence[str | Path]) -> None:
    """Run a command to its end, silently unless it fails."""
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def watch(command: Sequence[str | Path]) -> Child:
    """Run a command to its end and tell what it took."""
    watcher = [sys.executable, "-c", WATCHER, *command]
    said = subprocess.run(watcher, stdout=subprocess.PIPE, text=True, check=True).stdout
    seconds, memory = said.split()
    return Child(float(seconds), int(memory) // 1024)


def tbspot(*arguments: str | Path) -> list[str | Path]:
    """The command line of this environment."""
    return [Path(sys.executable).with_name("tbspot"), *arguments]


def random_model(folder: Path, size: int) -> tuple[Path, Path]:
    """A checkpoint and its export with random weights: time does not depend on them."""
    torch.manual_seed(0)
    description = Description(name="random", size=size)
    classifier = build_classifier(description)
    weight = nn.init.normal_(classifier.head.weight.data, std=0.05)
    # Without its part along the mean feature, so that the map has evidence of both signs.
    film = torch.from_numpy(draw_film("tb", size, (0,)).pixels / 255).float()
    with torch.no_grad():
        mean = classifier.eval().body(film[None, None]).mean((2, 3), keepdim=True)
    weight -= (weight * mean).sum() / (mean**2).sum() * mean
    checkpoint, exported = folder / "random.safetensors", folder / "random.onnx"
    save_classifier(checkpoint, classifier, description)
    films = [draw_film("tb", size, (seed,)).pixels / 255 for seed in range(2)]
    export(checkpoint, exported, [film.astype("float32") for film in films], overwrite=True)
    return checkpoint, exported
