"""A drawn data set in the exact layout of TBX11K as it is distributed.

Takes a folder, a count and a seed; gives `imgs/{health,sick,tb}`, `annotations/json` in COCO form
and `lists`, for the splits train, val and trainval. Reading it again is left to samples/, which
cannot tell it from the real one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from PIL import Image

from tbspot.drawings.exposure import Style
from tbspot.drawings.film import CLASSES, Corners, DrawnFilm, FilmClass, draw_film
from tbspot.errors import TbspotError
from tbspot.files import open_run, write_json
from tbspot.lock import holding
from tbspot.samples.sample import TruthBox
from tbspot.settings import Chance, Count, Seed, Settings
from tbspot.storage import replacing
from tbspot.tables import write_table

__all__ = ["SHORTCUTS_FILE", "Shortcut", "draw_dataset"]

SHORTCUTS_FILE = "shortcuts.csv"
PREFIXES = {"health": "h", "sick": "s", "tb": "tb"}
CATEGORIES = {
    "active": (1, "ActiveTuberculosis"),
    "latent": (2, "ObsoletePulmonaryTuberculosis"),
    "uncertain": (3, "PulmonaryTuberculosis"),
}
SPLITS = {"train": ("train",), "val": ("val",), "trainval": ("train", "val")}
VAL_EVERY = 4  # One film in four, as about in TBX11K's own lists.
LEAST_COUNT = VAL_EVERY * len(CLASSES)
LEAST_SIZE = 64


@dataclass(frozen=True)
class Shortcut(Settings):
    """Something beside the disease that goes with the label in training.

    Attributes:
        kind: a `marker` near a corner, a lighter `exposure`, or another `source` (films of the
            other style).
        strength: 0 to 1: a TB film has it with probability (1 + strength) / 2, another film with
            (1 - strength) / 2.
        in_val: in `val` it is `absent` (as often on TB films as on others) or `reversed`.
    """

    kind: Literal["marker", "exposure", "source"]
    strength: Chance = 0.9
    in_val: Literal["absent", "reversed"] = "absent"


@dataclass(frozen=True)
class DrawSettings(Settings):
    """What a drawn data set depends on; `run.json` keeps it."""

    count: Count
    size: Count
    seed: Seed
    style: Style
    shortcut: Shortcut | None


class Entry(NamedTuple):
    """A film's place in the data set, and whether the shortcut is planted on it."""

    name: str
    film_class: FilmClass
    number: int
    split: str
    planted: bool


class Record(NamedTuple):
    """What is kept of a film once its pixels are written."""

    entry: Entry
    boxes: tuple[TruthBox, ...]
    marker: Corners | None


def draw_dataset(
    folder: Path,
    *,
    count: int,
    size: int = 512,
    seed: int = 0,
    style: Style = "plain",
    shortcut: Shortcut | None = None,
    overwrite: bool = False,
) -> None:
    """Draw `count` films, as many health as sick as TB, one in four of each in `val`.

    A greater count only adds films. A shortcut changes nothing else of a film; `shortcuts.csv`
    says which films it is planted on, and where.

    Raises:
        TbspotError: count, size, seed or strength are out of range, or the folder holds other
            files or cannot be written.
    """
    settings = DrawSettings(count, size, seed, style, shortcut)
    _check(settings)
    with holding(folder) as hold:
        open_run(folder, "draw", settings, overwrite=overwrite)
        hold.check()
        records = []
        for entry in _plan(settings):
            records.append(_draw(folder, entry, settings))
            hold.check()
        for name, splits in SPLITS.items():
            chosen = [record for record in records if record.entry.split in splits]
            _write_list(folder / "lists" / f"TBX11K_{name}.txt", chosen)
            write_json(folder / "annotations" / "json" / f"TBX11K_{name}.json", _coco(chosen, size))
        if shortcut is not None:
            _write_shortcuts(folder / SHORTCUTS_FILE, records)


def _check(settings: DrawSettings) -> None:
    if settings.count < LEAST_COUNT:
        raise TbspotError(
            f"a data set of {settings.count} films has too few of each class; "
            f"draw {LEAST_COUNT} or more"
        )
    if settings.size < LEAST_SIZE:
        raise TbspotError(
            f"a film of {settings.size} pixels shows no lesion; draw {LEAST_SIZE} pixels or more"
        )


def _plan(settings: DrawSettings) -> list[Entry]:
    entries = []
    for position in range(settings.count):
        class_number = position % len(CLASSES)
        film_class, number = CLASSES[class_number], position // len(CLASSES) + 1
        split = "val" if number % VAL_EVERY == 0 else "train"
        name = f"{film_class}/{PREFIXES[film_class]}{number:04d}.png"
        # A generator of its own, so that the shortcut changes nothing else of a film.
        draw = np.random.default_rng([settings.seed, number, class_number, 1]).random()
        planted = draw < _chance(settings.shortcut, film_class, split)
        entries.append(Entry(name, film_class, number, split, planted))
    return sorted(entries)


def _chance(shortcut: Shortcut | None, film_class: FilmClass, split: str) -> float:
    if shortcut is None:
        return 0.0
    strength = shortcut.strength
    if split == "val":
        strength = -strength if shortcut.in_val == "reversed" else 0.0
    return (1 + strength) / 2 if film_class == "tb" else (1 - strength) / 2


def _draw(folder: Path, entry: Entry, settings: DrawSettings) -> Record:
    film = _film(entry, settings)
    with replacing(folder / "imgs" / entry.name) as temporary:
        Image.fromarray(film.pixels).save(temporary, "PNG", compress_level=1)
    return Record(entry, film.boxes, film.marker)


def _film(entry: Entry, settings: DrawSettings) -> DrawnFilm:
    kind = settings.shortcut.kind if settings.shortcut is not None else None
    other: Style = "portable" if settings.style == "plain" else "plain"
    return draw_film(
        entry.film_class,
        settings.size,
        (settings.seed, entry.number),
        style=other if kind == "source" and entry.planted else settings.style,
        marker=kind == "marker" and entry.planted,
        lighter=entry.planted if kind == "exposure" else None,
    )


def _write_list(path: Path, records: list[Record]) -> None:
    with replacing(path) as temporary:
        temporary.write_text("".join(f"{record.entry.name}\n" for record in records), "utf-8")


def _coco(records: list[Record], size: int) -> dict[str, Any]:
    annotations: list[dict[str, Any]] = []
    for image_id, record in enumerate(records, 1):
        for box in record.boxes:
            width, height = box.x1 - box.x0, box.y1 - box.y0
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": CATEGORIES[box.kind][0],
                    "bbox": [round(length, 3) for length in (box.x0, box.y0, width, height)],
                    "area": round(width * height, 3),
                    "iscrowd": 0,
                }
            )
    return {
        "categories": [
            {"id": number, "name": name, "supercategory": "Tuberculosis"}
            for number, name in CATEGORIES.values()
        ],
        "images": [
            {"id": image_id, "file_name": record.entry.name, "width": size, "height": size}
            for image_id, record in enumerate(records, 1)
        ],
        "annotations": annotations,
    }


def _write_shortcuts(path: Path, records: list[Record]) -> None:
    rows = (
        (one.entry.name, int(one.entry.planted), *(one.marker or [None] * 4)) for one in records
    )
    write_table(path, ("name", "planted", "x0", "y0", "x1", "y1"), rows)
