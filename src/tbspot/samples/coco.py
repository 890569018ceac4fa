"""COCO annotation files: the boxes of each film.

Takes a JSON file; gives boxes by file name, each with its kind of lesion, and the size of the film
that they were drawn on. Which file belongs to which list is left to the reader of the data set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, FiniteFloat, PositiveInt

from tbspot.errors import TbspotError
from tbspot.parsing import read_json
from tbspot.samples.reading import truth_box
from tbspot.samples.sample import LesionKind, TruthBox

__all__ = ["AnnotatedFilm", "read_coco"]

KINDS: dict[str, LesionKind] = {
    "ActiveTuberculosis": "active",
    "ObsoletePulmonaryTuberculosis": "latent",
    "PulmonaryTuberculosis": "uncertain",
}


class AnnotatedFilm(NamedTuple):
    """A film of a COCO file.

    Attributes:
        boxes: drawn on it, perhaps none.
        size: its width and height, says the file.
        where: it stands, for errors.
    """

    boxes: tuple[TruthBox, ...]
    size: tuple[int, int]
    where: str


class _Category(BaseModel):
    id: int
    name: str


class _Image(BaseModel):
    id: int
    file_name: str
    width: PositiveInt
    height: PositiveInt


class _Annotation(BaseModel):
    image_id: int
    category_id: int
    bbox: tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat]


class _Coco(BaseModel):
    categories: list[_Category]
    images: list[_Image]
    annotations: list[_Annotation]


def read_coco(path: Path) -> dict[str, AnnotatedFilm]:
    """The films of a COCO file by their file names, with boxes or without.

    Raises:
        TbspotError: the file is not COCO, or a box does not lie on its film.
    """
    coco = read_json(path, _Coco, "a COCO annotation file")
    _refuse_doubles(path, "category", [category.id for category in coco.categories])
    _refuse_doubles(path, "image", [image.id for image in coco.images])
    _refuse_doubles(path, "the film", [image.file_name for image in coco.images])
    kinds = {category.id: KINDS.get(category.name, "uncertain") for category in coco.categories}
    images = {image.id: image for image in coco.images}
    boxes: dict[str, list[TruthBox]] = {image.file_name: [] for image in coco.images}
    for annotation in coco.annotations:
        image = images.get(annotation.image_id)
        if image is None or annotation.category_id not in kinds:
            raise TbspotError(
                f"{path} has a box of an image or category that it does not define "
                f"(image {annotation.image_id}, category {annotation.category_id}); correct it"
            )
        x, y, width, height = annotation.bbox
        box = truth_box(
            (x, y, x + width, y + height),
            (image.width, image.height),
            kinds[annotation.category_id],
            f"{path}: {image.file_name}",
        )
        boxes[image.file_name].append(box)
    return {
        one.file_name: AnnotatedFilm(
            tuple(boxes[one.file_name]), (one.width, one.height), f"{path}: {one.file_name}"
        )
        for one in coco.images
    }


def _refuse_doubles(path: Path, what: str, names: Sequence[int | str]) -> None:
    # The last of them would win in silence.
    for name, count in Counter(names).items():
        if count > 1:
            raise TbspotError(f"{path} defines {what} {name} twice; keep one")
