"""A drawn data set in the exact layout of TBX11K as it is distributed.

Takes a folder, counts and a seed; gives `imgs/{health,sick,tb}`, `annotations/json` in COCO form
and `lists`, for the splits train, val and trainval. Reading it again is left to the samples
folder, which cannot tell it from the real one.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from PIL import Image

from tbspot.drawings.film import CLASSES, DrawnFilm, FilmClass, Style, draw_film
from tbspot.errors import TbspotError
from tbspot.files import replacing, write_json

__all__ = ["SHORTCUTS_FILE", "Shortcut", "draw_dataset"]

ShortcutKind = Literal["marker", "exposure", "source"]
SHORTCUTS_FILE = "shortcuts.csv"
PREFIXES = {"health": "h", "sick": "s", "tb": "tb"}
CATEGORIES = {
    "active": (1, "ActiveTuberculosis"),
    "latent": (2, "ObsoletePulmonaryTuberculosis"),
    "uncertain": (3, "PulmonaryTuberculosis"),
}
# One film in four, as about in TBX11K's own lists.
VAL_EVERY = 4
LEAST_COUNT = 3 * VAL_EVERY
LEAST_SIZE = 64


@dataclass(frozen=True)
class Shortcut:
    """Something beside the disease that goes with the label in training.

    Attributes:
        kind: a `marker` near a corner, a lighter `exposure`, or another `source` (the portable
            style).
        strength: 0 to 1: a TB film has it with probability (1 + strength) / 2, another film with
            (1 - strength) / 2.
        in_val: in `val` it is `absent` (as often on TB films as on others) or `reversed`.
    """

    kind: ShortcutKind
    strength: float
    in_val: Literal["absent", "reversed"] = "absent"


class Entry(NamedTuple):
    """A film's place in the data set, and whether the shortcut is planted on it."""

    name: str
    film_class: FilmClass
    number: int
    split: str
    planted: bool


def draw_dataset(
    folder: Path,
    *,
    count: int,
    size: int = 512,
    seed: int = 0,
    shortcut: Shortcut | None = None,
    style: Style = "plain",
) -> None:
    """Draw `count` films, as many health as sick as TB, a quarter of each in `val`.

    With a shortcut, `shortcuts.csv` says which films it is planted on, and where.

    Raises:
        TbspotError: count, size or strength are out of range, or the folder cannot be written.
    """
    _check(count, size, shortcut)
    entries = _plan(count, seed, shortcut)
    drawn: list[tuple[Entry, DrawnFilm]] = []
    for entry in entries:
        film = _draw(entry, size, seed, shortcut, style)
        with replacing(folder / "imgs" / entry.name) as temporary:
            Image.fromarray(film.pixels).save(temporary, "PNG", compress_level=1)
        drawn.append((entry, film))
    for name, splits in (("train", ("train",)), ("val", ("val",)), ("trainval", ("train", "val"))):
        chosen = [(entry, film) for entry, film in drawn if entry.split in splits]
        _write_list(folder / "lists" / f"TBX11K_{name}.txt", chosen)
        write_json(folder / "annotations" / "json" / f"TBX11K_{name}.json", _coco(chosen, size))
    if shortcut is not None:
        _write_shortcuts(folder / SHORTCUTS_FILE, drawn)


def _check(count: int, size: int, shortcut: Shortcut | None) -> None:
    if count < LEAST_COUNT:
        raise TbspotError(f"cannot draw a data set of {count} films; ask for {LEAST_COUNT} or more")
    if size < LEAST_SIZE:
        raise TbspotError(f"cannot draw films of {size} pixels; ask for {LEAST_SIZE} or more")
    if shortcut is not None and not 0 <= shortcut.strength <= 1:
        raise TbspotError(f"a shortcut's strength is between 0 and 1, not {shortcut.strength}")


def _plan(count: int, seed: int, shortcut: Shortcut | None) -> list[Entry]:
    entries = []
    for position in range(count):
        film_class = CLASSES[position % len(CLASSES)]
        number = position // len(CLASSES) + 1
        split = "val" if number % VAL_EVERY == 0 else "train"
        name = f"{film_class}/{PREFIXES[film_class]}{number:04d}.png"
        chance = _chance(film_class, split, shortcut)
        # A generator of its own: the film is the same with and without the shortcut.
        rng = np.random.default_rng([seed, number, position % len(CLASSES), 1])
        entries.append(Entry(name, film_class, number, split, bool(rng.random() < chance)))
    return sorted(entries)


def _chance(film_class: FilmClass, split: str, shortcut: Shortcut | None) -> float:
    if shortcut is None:
        return 0.0
    strength = shortcut.strength
    if split == "val":
        strength = -strength if shortcut.in_val == "reversed" else 0.0
    return (1 + strength) / 2 if film_class == "tb" else (1 - strength) / 2


def _draw(entry: Entry, size: int, seed: int, shortcut: Shortcut | None, style: Style) -> DrawnFilm:
    kind = shortcut.kind if shortcut is not None else None
    return draw_film(
        entry.film_class,
        size,
        (seed, entry.number),
        style="portable" if kind == "source" and entry.planted else style,
        marker=kind == "marker" and entry.planted,
        lighter=entry.planted if kind == "exposure" else None,
    )


def _write_list(path: Path, chosen: list[tuple[Entry, DrawnFilm]]) -> None:
    with replacing(path) as temporary:
        temporary.write_text("".join(f"{entry.name}\n" for entry, _ in chosen), "utf-8")


def _coco(chosen: list[tuple[Entry, DrawnFilm]], size: int) -> dict[str, Any]:
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, (entry, film) in enumerate(chosen, 1):
        images.append({"id": image_id, "file_name": entry.name, "width": size, "height": size})
        for box in film.boxes:
            width, height = box.x1 - box.x0, box.y1 - box.y0
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": CATEGORIES[box.kind][0],
                    "bbox": [round(side, 3) for side in (box.x0, box.y0, width, height)],
                    "area": round(width * height, 3),
                    "iscrowd": 0,
                }
            )
    categories = [
        {"id": number, "name": name, "supercategory": "Tuberculosis"}
        for number, name in CATEGORIES.values()
    ]
    return {"images": images, "annotations": annotations, "categories": categories}


def _write_shortcuts(path: Path, drawn: list[tuple[Entry, DrawnFilm]]) -> None:
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["name", "planted", "x0", "y0", "x1", "y1"])
        for entry, film in drawn:
            corners = ["", "", "", ""] if film.marker is None else film.marker
            table.writerow([entry.name, int(entry.planted), *corners])
