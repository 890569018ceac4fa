"""Shenzhen and Montgomery as distributed: films whose names end in `_1` (TB) or `_0`.

Takes a folder with the films and, for Shenzhen, the lesion polygons of Yang et al. 2022 (VGG Image
Annotator JSON); gives its films, each polygon as its bounding box. The collections come without
splits.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, Field, FiniteFloat, RootModel

from tbspot.errors import TbspotError
from tbspot.images import SUFFIXES
from tbspot.parsing import read_json
from tbspot.samples.names import label_and_source
from tbspot.samples.reading import Reading, film_size, truth_box
from tbspot.samples.sample import Sample, TruthBox

__all__ = ["is_shenzhen", "read_shenzhen"]

FILM_FOLDERS = ("CXR_png", "images", "films", ".")
ANNOTATION_FOLDERS = ("Annotations", "annotations")
SOURCES = ("shenzhen", "montgomery")


class _Known(NamedTuple):
    path: Path
    label: int
    source: str


class _Shape(BaseModel):
    all_points_x: list[FiniteFloat] = Field(min_length=1)
    all_points_y: list[FiniteFloat] = Field(min_length=1)


class _Region(BaseModel):
    shape_attributes: _Shape


class _Film(BaseModel):
    filename: str
    regions: list[_Region]


class _Annotations(RootModel[dict[str, _Film]]):
    pass


def is_shenzhen(folder: Path) -> bool:
    """Whether a folder holds films named as these collections do, or their annotations."""
    return bool(_films(folder)) or _annotation_folder(folder) is not None


def read_shenzhen(folder: Path) -> Reading:
    """Read the films of a folder and the polygons beside them.

    A TB film without polygons counts as one where nobody looked.

    Raises:
        TbspotError: there are no films, an annotation file is not of this form, or a polygon does
            not lie on its film.
    """
    films = _films(folder)
    if not films:
        raise TbspotError(
            f"{folder} holds annotations but no films; put them in {folder / FILM_FOLDERS[0]}"
        )
    shapes = _shapes(folder)
    samples = tuple(_sample(film, shapes.get(film.path.stem)) for film in films)
    without = shapes.keys() - {film.path.stem for film in films}
    notes = (
        (f"{folder}: annotated films that are absent and left out: {len(without):,}",)
        if without
        else ()
    )
    return Reading(samples, notes)


def _films(folder: Path) -> list[_Known]:
    for name in FILM_FOLDERS:
        files = (path for path in (folder / name).glob("*") if path.suffix.lower() in SUFFIXES)
        films = [film for path in sorted(files) if (film := _known(path)) is not None]
        if films:
            return films
    return []


def _known(path: Path) -> _Known | None:
    known = label_and_source(path.stem)
    if known is None or known[1] not in SOURCES:
        return None
    return _Known(path, *known)


def _annotation_folder(folder: Path) -> Path | None:
    found = (
        folder / name for name in ANNOTATION_FOLDERS if any((folder / name).glob("*CXR_*.json"))
    )
    return next(found, None)


def _shapes(folder: Path) -> dict[str, tuple[Path, list[_Shape]]]:
    """The polygons of each film, by the film's name without its suffix, and their file."""
    annotations = _annotation_folder(folder)
    if annotations is None:
        return {}
    shapes: dict[str, tuple[Path, list[_Shape]]] = {}
    for path in sorted(annotations.glob("[!.]*.json")):
        found = read_json(path, _Annotations, "a VGG Image Annotator file of polygons")
        for film in found.root.values():
            regions = [region.shape_attributes for region in film.regions]
            stem = Path(film.filename).stem
            if shapes.setdefault(stem, (path, regions))[1] != regions:
                raise TbspotError(f"{path} has the polygons of {stem} once again; keep one of them")
    return shapes


def _sample(film: _Known, shapes: tuple[Path, list[_Shape]] | None) -> Sample:
    boxes: tuple[TruthBox, ...] | None = None if film.label else ()
    size = None
    if shapes is not None:
        path, polygons = shapes
        size = film_size(film.path)
        where = f"{path}: {film.path.name}"
        boxes = tuple(_box(polygon, size, where) for polygon in polygons)
    return Sample(
        path=film.path.absolute(),
        name=film.path.name,
        label=film.label,
        source=film.source,
        patient=film.path.stem,
        boxes=boxes,
        size=size,
    )


def _box(shape: _Shape, size: tuple[int, int], where: str) -> TruthBox:
    x, y = shape.all_points_x, shape.all_points_y
    return truth_box((min(x), min(y), max(x), max(y)), size, "uncertain", where)
