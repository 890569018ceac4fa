"""The worklist of a run of very many films: how long its pages take.

    python benchmarks/viewer_worklist.py [--films 20000] [--requests 20]

Takes nothing; writes a run without pictures and serves it. Prints what docs/view.md says of it.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

from viewer_load import serving

from tbspot.records.predictions import FILE_NAME, Prediction

PAGES = {
    "first page": "/",
    "last page": "/?page=1000000",
    "search": "/?search=film19&sort=boxes",
    "film": "/film/77?show=above",
}


def main() -> None:
    """Write, serve, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=20_000)
    parser.add_argument("--requests", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        write_run(Path(name), given.films)
        with serving(["."], Path(name)) as (address, _):
            print(f"{given.films:,} films, {given.requests} requests each")
            for what, path in PAGES.items():
                times = [seconds(address + path.lstrip("/")) for _ in range(given.requests)]
                middle = statistics.median(times)
                print(f"  {what:10} median {middle * 1e3:4.0f} ms, most {max(times) * 1e3:4.0f} ms")


def write_run(folder: Path, films: int) -> None:
    """Predictions with scores in no order, written at once: `locate` syncs each line."""
    with (folder / FILE_NAME).open("w", encoding="utf-8") as lines:
        for number in range(films):
            score = number * 7919 % films / films
            said = {"status": "ok", "score": score, "threshold": 0.5, "model": "m", "version": "v"}
            line = Prediction.model_validate({"image": f"film{number}.png", **said})
            lines.write(f"{line.model_dump_json()}\n")


def seconds(address: str) -> float:
    """How long an answer takes, to its last byte."""
    begun = time.perf_counter()
    with urlopen(address) as answer:  # noqa: S310 - an address of our own
        answer.read()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
