"""Memory of `evaluate` over very many films: what it holds of each, and the figures' own.

Takes a number of films; makes samples and a predictions.jsonl of that many, of which one in ten
(`--one-in`) is TB with a box, and evaluates them. The time of cutting maps is left out: every film
has the same map, cut once. Prints the memory after each step:

    python benchmarks/evaluation_memory.py --films 100000 --resamples 100
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from measuring import machine, row

from tbspot.evaluation import contenders, protocol
from tbspot.evaluation.outcomes import Choice, Outcomes, model_outcomes
from tbspot.evaluation.protocol import evaluate_matched
from tbspot.evaluation.settings import JUDGED
from tbspot.locating.folder import file_stem
from tbspot.maps.boxes import SIDE
from tbspot.records.evaluation import write_evaluation
from tbspot.records.figures import Drawing
from tbspot.records.matching import Matched, match
from tbspot.records.predictions import FILE_NAME, PredictedBox, Prediction
from tbspot.samples.sample import Sample, TruthBox

MAP = np.zeros((16, 16), np.float32)
MAP[4:8, 4:8] = 1
BOXES = tuple(PredictedBox(x0=1, y0=2, x1=300, y1=400, score=0.5) for _ in range(2))


def main() -> None:
    """Make films, evaluate them, print what each step left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=10_000)
    parser.add_argument("--resamples", type=int, default=100)
    parser.add_argument("--one-in", type=int, default=10, help="is TB with a box")
    given = parser.parse_args()
    print(machine())
    row("after", "MiB", "KiB a film", "seconds")
    row(*["---"] * 4)
    with tempfile.TemporaryDirectory() as name:
        evaluate(Path(name), given.films, given.resamples, given.one_in)


def evaluate(folder: Path, films: int, resamples: int, one_in: int) -> None:
    """Evaluate films that are there in their records alone."""
    begun, base = time.monotonic(), _memory()

    def tell(what: str, memory: float | None = None) -> None:
        held = _memory() if memory is None else memory
        each = f"{(held - base) / films * 1024:.2f}"
        row(what, f"{held:.0f}", each, f"{time.monotonic() - begun:.0f}")

    tell("start")
    with (folder / FILE_NAME).open("w", encoding="utf-8") as lines:
        for number in range(films):
            lines.write(f"{_prediction(number).model_dump_json()}\n")
    tell("lines written")
    samples = [_sample(number, tb=number % one_in == 0) for number in range(films)]
    tell("samples")
    matched = match(folder, samples, "a film")
    tell("predictions matched")
    contenders.model_outcomes = _cut_once
    protocol._curves_shown = lambda *_: []
    shown = Matched(matched.predictions, matched.model, matched.version, lambda _: MAP)
    del matched
    drawing = Drawing(resamples, 0)
    result = evaluate_matched({JUDGED: shown}, samples, drawing=drawing)
    tell("figures")
    write_evaluation(folder, result)
    tell("evaluation.json")
    tell("greatest", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _cut_once(films: Matched, choices: Sequence[Choice]) -> Outcomes:
    whole = model_outcomes(films, choices)
    first = whole(0)
    return lambda _: first


def _name(number: int) -> str:
    return f"ward-{number % 100:03}/film-{number:07}.png"


def _prediction(number: int) -> Prediction:
    name = _name(number)
    return Prediction(
        image=name, status="ok", score=number * 7919 % 1000 / 1000, threshold=0.5, boxes=BOXES,
        map_rule="tuned", map_threshold=0.4, heatmap=f"heatmaps/0/{file_stem(name)}.npy",
        width=SIDE, height=SIDE, model="m", version="v", bytes=1, sha256="a" * 64,
    )  # fmt: skip


def _sample(number: int, *, tb: bool) -> Sample:
    name = _name(number)
    boxes = (TruthBox(10, 20, 110, 120),) if tb else None
    path = Path("/data/films", name)
    return Sample(path, name, int(tb), "source", f"patient {number}", "val", boxes)


def _memory() -> float:
    pages = int(Path("/proc/self/statm").read_text("utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main()
