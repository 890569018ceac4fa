"""Films that a caller of the library read by itself, held to what our own readers promise.

Takes a `Reading` as it was given; gives it with paths, labels, patients and boxes as every module
expects them, or one sentence. Reading files is left to the modules beside this one.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import replace
from numbers import Integral
from pathlib import Path
from typing import get_args

from tbspot.errors import TbspotError
from tbspot.samples.names import without_ending
from tbspot.samples.reading import Reading, film_size, refuse_other_size, truth_box
from tbspot.samples.sample import LesionKind, Sample, TruthBox

__all__ = ["checked"]


def checked(reading: Reading) -> Reading:
    """A reading with its films as those of our own readers; boxes are cut to their films.

    Raises:
        TbspotError: a label is not 1 or 0, a name, source, split or patient is no text, or a box
            does not lie on its film.
        TypeError: what is given as a film is none.
    """
    return replace(reading, samples=tuple(_checked(one) for one in reading.samples))


def _checked(one: object) -> Sample:
    if not isinstance(one, Sample):
        raise TypeError(f"{one!r} is no film with its truth; give each as a tbspot.Sample")
    where = f"the film {one.name!r}"
    if not isinstance(one.path, (str, os.PathLike)):
        raise TbspotError(f"{where} has the path {one.path!r}; give the path of its file")
    if one.label not in (0, 1):
        raise TbspotError(f"{where} has the label {one.label!r}, not 1 (TB) or 0; correct it")
    for what, text in (("name", one.name), ("source", one.source), ("split", one.split or "none")):
        if not isinstance(text, str) or not text:
            raise TbspotError(f"{where} has the {what} {text!r}; give a text")
    film = replace(
        one,
        path=Path(one.path).absolute(),
        label=int(one.label),
        patient=_patient(one, where),
        split=one.split or "",
        size=_declared(one, where),
    )
    return film if one.boxes is None else _boxed(film, where)


def _declared(one: Sample, where: str) -> tuple[int, int] | None:
    """The size that the film is said to have."""
    if one.size is None:
        return None
    sides = tuple(one.size)
    if len(sides) != 2 or not all(isinstance(side, Integral) and side > 0 for side in sides):
        raise TbspotError(f"{where} has the size {one.size!r}; give its width and height in pixels")
    return int(sides[0]), int(sides[1])


def _patient(one: Sample, where: str) -> str:
    """Who the film is of; of a film whose patient nobody named one of its own."""
    if one.patient is None or one.patient == "":
        return without_ending(one.name)
    # What a table has in the place of a missing name, NaN, would be one patient of many films.
    if not isinstance(one.patient, (str, Integral)):
        raise TbspotError(f"{where} has the patient {one.patient!r}; give a text, or none")
    return str(one.patient)


def _boxed(film: Sample, where: str) -> Sample:
    """The film with its boxes checked, as far as its size is known."""
    boxes = film.boxes
    # What can be gone through once alone would be empty afterwards.
    if not isinstance(boxes, Collection) or not all(isinstance(box, TruthBox) for box in boxes):
        raise TbspotError(
            f"{where} has the boxes {boxes!r}; give each as a tbspot.TruthBox, in a tuple"
        )
    if not boxes:
        return replace(film, boxes=())
    size = _size(film, where)
    if size is None:
        return replace(film, boxes=tuple(boxes))
    return replace(film, boxes=tuple(_box(box, size, where) for box in boxes), size=size)


def _size(film: Sample, where: str) -> tuple[int, int] | None:
    """Width and height of the film; `None` where it cannot be read, as whoever reads it says."""
    if film.size is not None:
        return refuse_other_size(film.path, film.size, where)
    try:
        return film_size(film.path)
    except TbspotError:
        return None


def _box(box: TruthBox, size: tuple[int, int], where: str) -> TruthBox:
    try:
        x0, y0, x1, y1 = (float(corner) for corner in (box.x0, box.y0, box.x1, box.y1))
    except (TypeError, ValueError) as error:
        raise TbspotError(f"{where} has {box!r}, whose corners are no numbers") from error
    if box.kind not in get_args(LesionKind):
        kinds = ", ".join(get_args(LesionKind))
        raise TbspotError(f"{where} has a box of the kind {box.kind!r}; use one of {kinds}")
    return truth_box((x0, y0, x1, y1), size, box.kind, where)
