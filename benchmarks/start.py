"""From a cold start: how long `tbspot --help` and one film take.

Takes nothing, or a model with --model; prints seconds of new processes, in turns. Files lie in
the system's cache, as on the second call of a day:

    python benchmarks/start.py
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path

from measuring import interleaved, machine, row, run, tbspot
from PIL import Image

from tbspot.drawings import draw_film
from tbspot.engine.engine import released_model


def measure(model: Path, rounds: int) -> None:
    """Print a table of medians."""
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        film, out = Path(folder, "film.png"), Path(folder, "found")
        Image.fromarray(draw_film("tb", 512, (0,)).pixels).save(film)
        locate = tbspot("locate", film, "--model", model, "--out", out)

        def locate_anew() -> None:
            # The same command would find the film done and not ask the net.
            shutil.rmtree(out, ignore_errors=True)
            run(locate)

        calls = {
            "python -c pass": partial(run, [sys.executable, "-c", "pass"]),
            "python -c 'import torch'": partial(run, [sys.executable, "-c", "import torch"]),
            "tbspot --help": partial(run, tbspot("--help")),
            f"tbspot locate film.png ({model.name})": locate_anew,
        }
        taken = interleaved(calls, rounds)
        row("new process", "median seconds", "CPU seconds")
        row("---", "---", "---")
        for name, each in taken.items():
            row(f"`{name}`", f"{each.clock:.2f}", f"{each.processor:.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    measure(given.model or released_model(), given.rounds)
