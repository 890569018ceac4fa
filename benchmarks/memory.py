"""Memory and time of `tbspot locate` and `tbspot evaluate` at growing numbers of films.

Takes numbers of films; draws that many small ones, asks a
net of random weights, and prints the greatest memory and the time a film:

    python benchmarks/memory.py --films 100 2000
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from measuring import Child, machine, random_model, row, run, tbspot, watch

SIZE = 64


def measure(counts: list[int]) -> None:
    """Print a row for each command and number of films."""
    print(machine())
    row("command", "films", "peak MiB", "seconds", "ms a film")
    row(*["---"] * 5)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _, model = random_model(folder, SIZE)
        for count in counts:
            films, found = folder / f"films-{count}", folder / f"found-{count}"
            # One film in four is in the split val.
            run(tbspot("draw", films, "--count", str(count * 4 // 3), "--size", str(SIZE)))
            chosen = ["--data", films, "--split", "train"]
            show(
                "locate", found, watch(tbspot("locate", *chosen, "--model", model, "--out", found))
            )
            show("evaluate", found, watch(tbspot("evaluate", found, *chosen)))


def show(command: str, found: Path, child: Child) -> None:
    """Print a row, with the number of films that there are."""
    films = len((found / "predictions.jsonl").read_text("utf-8").splitlines())
    each = f"{child.seconds / films * 1e3:.1f}"
    row(f"`tbspot {command}`", f"{films:,}", child.memory, f"{child.seconds:.1f}", each)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, nargs="+", default=[100, 2000])
    measure(parser.parse_args().films)
