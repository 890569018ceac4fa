"""Films without TB, each with lesions drawn into it and as it is: pairs that no source can tell.

Takes sources of films; gives a folder of films and a table of them with boxes, which `locate` and
`evaluate` read. How lesions look is said in tbspot.drawings.into_films.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tbspot.drawings.into_films import WithLesions, draw_lesions
from tbspot.errors import TbspotError
from tbspot.files import open_run
from tbspot.images import read_pixels
from tbspot.images.frame import within
from tbspot.lock import holding
from tbspot.maps.lungs import lung_field
from tbspot.samples.loading import films_of, in_split, load
from tbspot.samples.sample import Sample
from tbspot.settings import Seed, Settings, Whole
from tbspot.storage import replacing
from tbspot.tables import Cell, write_table

__all__ = ["TABLE_FILE", "draw_pairs"]

TABLE_FILE = "pairs.csv"
SPLIT = "pairs"
HEADER = ("path", "label", "patient", "split", "source", "boxes", "film")
# Larger films are reduced to this: more than a net sees, and quick to draw into.
GREATEST_SIDE = 1024
# A film is drawn into anew, so often, where nothing that is seen was drawn.
TRIES = 5


@dataclass(frozen=True)
class PairSettings(Settings):
    """What such a data set depends on; `run.json` keeps it."""

    into: tuple[str, ...]
    split: str
    count: Whole
    seed: Seed


def draw_pairs(
    folder: Path,
    into: Sequence[str],
    *,
    split: str = "train",
    count: int = 300,
    seed: int = 0,
    overwrite: bool = False,
) -> int:
    """Write films without TB twice, with lesions drawn into them and without.

    Both are written alike, as PNG of 8 bits, so neither file nor source tells which has lesions.
    `pairs.csv` lists them as the split `pairs`, with the rectangles around what was drawn.

    Args:
        folder: to write.
        into: sources of films, as `samples.loading.load` takes them; films with TB are left out.
        split: of those films.
        count: at most so many are drawn into, chosen by the seed.
        seed: what is drawn, and into which films.
        overwrite: replace another drawn data set.

    Returns:
        How many films were drawn into.

    Raises:
        TbspotError: count or seed are out of range, the sources hold no film without TB, one that
            cannot be read or blank ones alone, or the folder holds other files or cannot be
            written.
    """
    settings = PairSettings(tuple(into), split, count, seed)
    films = [one for one in in_split(load(into).samples, split) if not one.label]
    if not films:
        raise TbspotError(
            f"no film in {', '.join(into)} in split '{split}' is labelled 'not TB'; "
            "name films without TB to draw lesions into"
        )
    order = sorted(np.random.default_rng(seed).permutation(len(films))[:count].tolist())
    for number in order:
        # A film that cannot be read must not cost an earlier data set.
        read_pixels(films[number].path)
    # Nor must films into which nothing can be drawn.
    if not any(_drawn(films[number], (seed, number)) for number in order):
        raise TbspotError(
            f"nothing that is seen can be drawn into the films of {', '.join(into)}; "
            "they are blank or too small, name others"
        )
    with holding(folder) as hold:
        open_run(folder, "draw", settings, overwrite=overwrite, reads=films_of(into))
        hold.check()
        rows: list[tuple[Cell, ...]] = []
        for number in order:
            rows += _pair(folder, films[number], (seed, number))
            hold.check()
        write_table(folder / TABLE_FILE, HEADER, rows)
    return len(rows) // 2


def _drawn(sample: Sample, seed: tuple[int, ...]) -> tuple[WithLesions, ...]:
    """The film as it is and with lesions; none of both where nothing can be drawn."""
    film = within(read_pixels(sample.path), GREATEST_SIDE)
    field = lung_field(film)
    for attempt in range(TRIES):
        made = draw_lesions(film, field, np.random.default_rng((*seed, attempt)))
        if made.boxes:
            return WithLesions(film, ()), made
    return ()


def _pair(folder: Path, sample: Sample, seed: tuple[int, ...]) -> list[tuple[Cell, ...]]:
    """Both films of a pair as rows of the table; none where nothing can be drawn."""
    rows: list[tuple[Cell, ...]] = []
    for one in _drawn(sample, seed):
        # Not by the film's own name, which may be a person's.
        name = f"films/{seed[-1]:06d}-{'lesions' if one.boxes else 'none'}.png"
        with replacing(folder / name) as temporary:
            picture = Image.fromarray(np.rint(one.film * 255).astype(np.uint8))
            picture.save(temporary, "PNG", compress_level=1)
        corners = [[box.left, box.top, box.right, box.bottom] for box in one.boxes]
        label, boxes = int(bool(corners)), json.dumps(corners)
        rows.append((name, label, sample.patient, SPLIT, sample.source, boxes, sample.name))
    return rows
