"""What bfloat16 and int8 change: the released model's scores and masks, against float32.

Takes a data set and a split, or nothing for drawn films; prints the differences. What they mean
for mean IoU is left to `tbspot locate --precision` and `tbspot evaluate`:

    python benchmarks/precision.py --data TBX11K --split tune
"""

from __future__ import annotations

import argparse

import numpy as np
from measuring import machine
from numpy.typing import NDArray

from tbspot.choices import Precision
from tbspot.drawings import draw_film
from tbspot.engine.engine import open_engine
from tbspot.export.agreement import compare, observations
from tbspot.images import read_pixels
from tbspot.samples.loading import in_split, load


def films_of(data: str | None, split: str) -> list[NDArray[np.float32]]:
    """The films of a split, or drawn ones."""
    if data is None:
        drawn = (draw_film("tb", 512, (seed,)).pixels for seed in range(20))
        return [film.astype(np.float32) / 255 for film in drawn]
    return [read_pixels(sample.path) for sample in in_split(load((data,), None).samples, split)]


def measure(films: list[NDArray[np.float32]]) -> None:
    """Print one sentence a precision."""
    print(machine())
    whole = open_engine(None, "float32")
    description = whole.description
    reference = observations(whole, description, films)
    reduced: list[Precision] = ["bfloat16", "int8"] if description.ranges else ["bfloat16"]
    for precision in reduced:
        found = observations(open_engine(None, precision), description, films)
        print(f"{precision} to float32: {compare(reference, found, description).words()}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data")
    parser.add_argument("--split", default="tune")
    given = parser.parse_args()
    measure(films_of(given.data, given.split))
