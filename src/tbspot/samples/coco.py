"""COCO annotation files: the boxes of each film.

Takes a JSON file; gives boxes by file name, each with its kind of lesion, and the size of the film
that they were drawn on. Which file belongs to which list is left to the reader of the data set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import BaseModel, Field, FiniteFloat

from tbspot.errors import TbspotError
from tbspot.parsing import WholeNumber, read_json
from tbspot.samples.reading import told, truth_box
from tbspot.samples.sample import LesionKind, TruthBox

__all__ = ["AnnotatedFilm", "read_coco"]

KINDS: dict[str, LesionKind] = {
    "ActiveTuberculosis": "active",
    "ObsoletePulmonaryTuberculosis": "latent",
    "PulmonaryTuberculosis": "uncertain",
}

Side = Annotated[WholeNumber, Field(gt=0)]


class AnnotatedFilm(NamedTuple):
    """A film of a COCO file.

    Attributes:
        boxes: drawn on it, perhaps none.
        size: its width and height, says the file.
        where: it stands, for errors.
        others: the category of each box that is of none of TBX11K's.
    """

    boxes: tuple[TruthBox, ...]
    size: tuple[int, int]
    where: str
    others: tuple[str, ...] = ()


class _Category(BaseModel):
    id: WholeNumber
    name: str


class _Image(BaseModel):
    id: WholeNumber
    file_name: str
    width: Side
    height: Side


class _Annotation(BaseModel):
    image_id: WholeNumber
    category_id: WholeNumber
    bbox: tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat]


class _Coco(BaseModel):
    categories: list[_Category]
    images: list[_Image]
    annotations: list[_Annotation]


def read_coco(path: Path) -> dict[str, AnnotatedFilm]:
    """The films of a COCO file by their file names, with boxes or without.

    Raises:
        TbspotError: the file is not COCO, a box does not lie on its film, or some boxes are of
            TBX11K's categories and some of others.
    """
    coco = read_json(path, _Coco, "a COCO annotation file")
    _refuse_doubles(path, "category", [category.id for category in coco.categories])
    _refuse_doubles(path, "image", [image.id for image in coco.images])
    _refuse_doubles(path, "the film", [image.file_name for image in coco.images])
    categories = {category.id: category.name for category in coco.categories}
    images = {image.id: image for image in coco.images}
    named: dict[str, list[str]] = {image.file_name: [] for image in coco.images}
    boxes: dict[str, list[TruthBox]] = {image.file_name: [] for image in coco.images}
    for annotation in coco.annotations:
        image = images.get(annotation.image_id)
        if image is None or annotation.category_id not in categories:
            raise TbspotError(
                f"{path} has a box of an image or category that it does not define "
                f"(image {annotation.image_id}, category {annotation.category_id}); correct it"
            )
        x, y, width, height = annotation.bbox
        box = truth_box(
            (x, y, x + width, y + height),
            (image.width, image.height),
            KINDS.get(categories[annotation.category_id], "uncertain"),
            f"{path}: {image.file_name}",
        )
        boxes[image.file_name].append(box)
        named[image.file_name].append(categories[annotation.category_id])
    _refuse_mixed(path, [one for names in named.values() for one in names])
    return {
        one.file_name: AnnotatedFilm(
            tuple(boxes[one.file_name]),
            (one.width, one.height),
            f"{path}: {one.file_name}",
            tuple(name for name in named[one.file_name] if name not in KINDS),
        )
        for one in coco.images
    }


def _refuse_mixed(path: Path, names: Sequence[str]) -> None:
    # Every box is TB: one of a lung or a pacemaker beside them would be too.
    others = [name for name in names if name not in KINDS]
    if 0 < len(others) < len(names):
        raise TbspotError(
            f"{path} has boxes of TB and {len(others):,} of other categories "
            f"({told(list(dict.fromkeys(others)))}); remove those that are not TB, and name the "
            f"others as TBX11K does ({', '.join(KINDS)})"
        )


def _refuse_doubles(path: Path, what: str, names: Sequence[int | str]) -> None:
    # The last of them would win in silence.
    for name, count in Counter(names).items():
        if count > 1:
            raise TbspotError(f"{path} defines {what} {name} twice; keep one")
