"""Films of one half and its mirror image: does a score tell TB from none, or source from source?

    python runs/halves.py OUT DATA SPLIT HEALTHY [SPLIT OF HEALTHY]
    tbspot locate --data OUT/within.csv --split test --no-overlays --out OUT/within
    tbspot evaluate OUT/within --data OUT/within.csv --split test --out OUT/within-evaluation

Takes films with boxes, and films without TB of another source. Of each film whose boxes lie on one
side of the midline, within.csv has both halves: labelled TB and not, of one source. across.csv has
the halves beside TB labelled 1 and halves of healthy films labelled 0: neither has TB, so an AUROC
above 0.5 is what the score owes to the source.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from tbspot.errors import TbspotError
from tbspot.evaluation.truth import Truth, truths_of
from tbspot.images import read_pixels
from tbspot.maps.boxes import SIDE
from tbspot.metrics import one_sided
from tbspot.samples.loading import in_split, load
from tbspot.samples.sample import Sample
from tbspot.tables import write_table
from tbspot.training.halves import halved

HALVES = (-1, 1)


class Half(NamedTuple):
    """A half of a film: the film, -1 for the picture's left half and 1 for its right, the label."""

    sample: Sample
    side: int
    label: int


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path)
    for name in ("data", "split", "healthy"):
        parser.add_argument(name)
    parser.add_argument("healthy_split", nargs="?", default="train")
    try:
        halve(**vars(parser.parse_args()))
    except (TbspotError, FileExistsError) as error:
        raise SystemExit(f"error: {error}") from error


def halve(out: Path, data: str, split: str, healthy: str, healthy_split: str) -> None:
    """Read, halve, write both tables."""
    boxed = [one for one in in_split(load([data]).samples, split) if one.boxes]
    others = in_split(load([healthy]).samples, healthy_split)
    pairs = [half for truth in truths_of(boxed, [None] * len(boxed)) for half in halves_of(truth)]
    clean = [half._replace(label=1) for half in pairs if not half.label]
    without = [
        Half(one, HALVES[k % 2], 0) for k, one in enumerate(o for o in others if not o.label)
    ]
    for name, halves in (("within", pairs), ("across", [*clean, *without])):
        write(out, name, halves)
        print(f"{name}: {sum(h.label for h in halves)} labelled 1, {len(halves)} in all")


def halves_of(truth: Truth) -> list[Half]:
    """Both halves of a film whose boxes lie on one side; of another one none."""
    if not one_sided(truth.boxes, SIDE):
        return []
    ill = -1 if truth.boxes[0, 2] <= SIDE / 2 else 1
    return [Half(truth.sample, side, int(side == ill)) for side in HALVES]


def write(out: Path, name: str, halves: Iterable[Half]) -> None:
    """OUT/NAME.csv, and the films that it names."""
    folder = out / f"{name}-films"
    folder.mkdir(parents=True)
    rows = []
    for number, (sample, side, label) in enumerate(halves):
        film = torch.from_numpy(read_pixels(sample.path).copy())[None, None]
        made = halved(film, np.array([side], np.int8))[0, 0].numpy()
        path = folder / f"{number:05}.png"
        Image.fromarray(np.rint(made * 255).astype(np.uint8)).save(path)
        film_name = f"{sample.source} {sample.name}"
        rows.append([str(path.relative_to(out)), label, film_name, name, "test"])
    write_table(out / f"{name}.csv", ["path", "label", "patient", "source", "split"], rows)


if __name__ == "__main__":
    main()
