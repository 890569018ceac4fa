"""Memory and time of `locate` over very many films, all files written as always.

Takes numbers of films; draws 48, links them that many times, and locates them: small ones with a
function of their brightness in the place of a net, or with `--net` larger ones with the released
model:

    python benchmarks/batch.py --films 1000 10000 [--net [--no-mirror]]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from measuring import machine, row, watch
from numpy.typing import NDArray

from tbspot.description import Description
from tbspot.drawings import draw_dataset
from tbspot.engine.engine import Answer, Engine, open_engine
from tbspot.locating import LocateSettings, films_at_once, find_items, locate

SIZE, PLACE = 64, 8
NET_SIZE = 512


def measure(counts: list[int], *, net: bool, mirror: bool | None) -> None:
    """Print a row for each number of films."""
    options = ["--net"] * net + ["--no-mirror"] * (mirror is False)
    print(machine())
    row("films", "peak MiB", "seconds", "ms a film")
    row(*["---"] * 4)
    with tempfile.TemporaryDirectory() as name:
        drawn = Path(name, "drawn")
        draw_dataset(drawn, count=48, size=NET_SIZE if net else SIZE)
        films = sorted((drawn / "imgs").rglob("*.png"))
        for count in counts:
            folder, found = Path(name, f"films-{count}"), Path(name, f"found-{count}")
            folder.mkdir()
            for number in range(count):
                os.link(films[number % len(films)], folder / f"{number:06}.png")
            child = watch([sys.executable, __file__, *options, "--locate", folder, found])
            each = f"{child.seconds / count * 1e3:.1f}"
            row(f"{count:,}", child.memory, f"{child.seconds:.1f}", each)


def locate_folder(folder: Path, out: Path, *, net: bool, mirror: bool | None) -> None:
    """What `tbspot locate` does, without `--net` with a net that is none."""
    bright = Description(name="bright", version="1", size=SIZE)
    items = find_items([folder], out)
    at_once = films_at_once(len(items))
    engine = open_engine(at_once=at_once) if net else Engine(bright, "numpy", _bright)
    model = f"{engine.description.name} {engine.description.version}"
    settings = LocateSettings((str(folder),), "", model, engine.name, "cam", mirror, gate=False)
    locate(items, engine, settings, out)


def _bright(films: NDArray[np.float32]) -> Answer:
    """Mean brightness of blocks of 8 x 8 pixels as map, its mean as logit."""
    side = SIZE // PLACE
    maps = films.reshape(len(films), side, PLACE, side, PLACE).mean((2, 4))
    return maps.mean((1, 2)), maps


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--net", action="store_true", help="the released model")
    parser.add_argument("--no-mirror", dest="mirror", action="store_false", default=None)
    parser.add_argument("--locate", type=Path, nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.locate:
        locate_folder(*given.locate, net=given.net, mirror=given.mirror)
    else:
        measure(given.films, net=given.net, mirror=given.mirror)
