"""Boxes from a heat map: our own connected components, and scipy's.

Takes nothing; asks the released model for maps of drawn films, checks that both sides give the
same boxes to the bit, and prints the time of a map, called in turns:

    python benchmarks/boxes.py
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import numpy as np
from measuring import interleaved, machine, row
from numpy.typing import NDArray
from scipy import ndimage

from tbspot.drawings import draw_film
from tbspot.engine.engine import open_engine
from tbspot.maps.boxes import SMALLEST_SHARE, find_boxes, mask_of, normalise, threshold_of
from tbspot.maps.evidence import observe

Map = NDArray[np.float32]


def by_scipy(normalised: Map, threshold: float) -> NDArray[np.float64]:
    """What `find_boxes` gives, by scipy on the part of the map that holds anything."""
    mask = mask_of(normalised, threshold)
    (top, bottom), (left, right) = extent(mask.any(axis=1)), extent(mask.any(axis=0))
    part = normalised[top:bottom, left:right]
    labels, _ = ndimage.label(mask[top:bottom, left:right], np.ones((3, 3), bool))
    areas = np.bincount(labels.ravel())
    found = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
        if areas[number] >= SMALLEST_SHARE * normalised.size:
            peak = part[rows, columns][labels[rows, columns] == number].max()
            box = (left + columns.start, top + rows.start, left + columns.stop, top + rows.stop)
            found.append((*box, peak))
    boxes = np.array(found, np.float64).reshape(-1, 5)
    return boxes[np.argsort(-boxes[:, 4], kind="stable")]


def extent(any_: NDArray[np.bool_]) -> tuple[int, int]:
    """First and last + 1 of what holds anything."""
    places = np.flatnonzero(any_)
    return (int(places[0]), int(places[-1]) + 1) if len(places) else (0, 1)


def maps_of_drawn_films(films: int) -> list[Map]:
    """What the released model makes of drawn films, on the grid that boxes are cut on."""
    engine = open_engine()
    drawn = [draw_film("tb", 512, (seed,)).pixels.astype(np.float32) / 255 for seed in range(films)]
    return [normalise(observe(film, engine.description, engine)[1]) for film in drawn]


def measure(films: int, rounds: int) -> None:
    """Print a row for each kind of map."""
    print(machine())
    noise = np.random.default_rng(0).normal(size=(128, 128)).astype(np.float32)
    maps = maps_of_drawn_films(films)
    row("maps", "boxes a map", "scipy, ms", "ours, ms", "scipy / ours")
    row(*["---"] * 5)
    for name, rule, value, chosen in (
        ("of drawn films, share 0.35", "tuned", 0.35, maps),
        ("of drawn films, Otsu", "otsu", None, maps),
        ("of drawn films, share 0.02", "tuned", 0.02, maps),
        ("noise of 128 x 128, share 0.4", "tuned", 0.4, [normalise(noise)]),
    ):
        cuts = [(one, threshold_of(one, rule, value)) for one in chosen]
        for cut in cuts:
            np.testing.assert_array_equal(find_boxes(*cut), by_scipy(*cut))
        count = np.mean([len(find_boxes(*cut)) for cut in cuts])
        sides = {side: partial(every, side, cuts) for side in (by_scipy, find_boxes)}
        taken = interleaved({side.__name__: call for side, call in sides.items()}, rounds)
        theirs, ours = (each.clock / len(cuts) * 1e3 for each in taken.values())
        row(name, f"{count:.1f}", f"{theirs:.2f}", f"{ours:.2f}", f"{theirs / ours:.1f}")


def every(side: Callable[[Map, float], object], cuts: list[tuple[Map, float]]) -> None:
    """One side on all maps."""
    for cut in cuts:
        side(*cut)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    measure(given.films, given.rounds)
