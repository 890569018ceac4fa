"""Memory of one film's answer, and of `tbspot locate` and `evaluate` at growing numbers of films.

Takes numbers of films; draws that many small ones, asks a net of random weights, and prints the
greatest memory and the time a film. One film is of the size of TBX11K's, and pytorch-grad-cam and
torch-cam are asked for its map too where they are installed (heat_map.py):

    python benchmarks/memory.py --films 100 2000
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from statistics import median

from measuring import Child, machine, random_model, row, run, tbspot, watch
from peers import __file__ as peers
from peers import installed_peers
from PIL import Image

from tbspot.drawings import draw_film

SIZE, WHOLE_SIZE = 64, 512
TURNS = 3


def measure_one() -> None:
    """Print a row for each way to score and heat map of one film, in a process of its own."""
    row(f"process that answers one film of {WHOLE_SIZE} pixels", "peak MiB", "seconds")
    row(*["---"] * 3)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checkpoint, model = random_model(folder, WHOLE_SIZE)
        film = folder / "film.png"
        Image.fromarray(draw_film("tb", WHOLE_SIZE, (0,)).pixels).save(film)
        ways = {side: [sys.executable, peers, side, checkpoint, film] for side in installed_peers()}
        for precision in ("float32", "bfloat16", "int8"):
            ways[f"`tbspot locate --precision {precision}`"] = tbspot(
                *("locate", film, "--model", model, "--precision", precision),
                *("--overwrite", "--out", folder / "found"),
            )
        taken: dict[str, list[Child]] = {way: [] for way in ways}
        for _ in range(TURNS):
            for way, command in ways.items():
                taken[way].append(watch(command))
        for way, children in taken.items():
            seconds, memory = (median(kind) for kind in zip(*children, strict=True))
            row(way, f"{memory:.0f}", f"{seconds:.1f}")


def measure(counts: list[int]) -> None:
    """Print a row for each command and number of films."""
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
    given = parser.parse_args()
    print(machine())
    measure_one()
    print()
    measure(given.films)
