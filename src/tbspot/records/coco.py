"""COCO results: boxes as other programs give and take them.

Takes predictions, or a file of results; gives the other. A result is `{image_id, category_id,
bbox, score}` with bbox `x, y, width, height` in pixels of the film (cocodataset.org, 'Results
Format'). Which film a result belongs to is left to matching.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import BaseModel, BeforeValidator, Field, RootModel

from tbspot.errors import TbspotError
from tbspot.files import write_json
from tbspot.parsing import WholeNumber, as_whole, read_json
from tbspot.records.predictions import PredictedBox, Prediction
from tbspot.samples.names import Names, stem
from tbspot.targets import check_target, refuse_inside

__all__ = [
    "CATEGORY",
    "FARTHEST",
    "CocoBox",
    "CocoImages",
    "check_coco_ids",
    "check_coco_target",
    "read_coco_images",
    "read_coco_results",
    "write_coco_results",
]

# There is one: TB.
CATEGORY = 1
# In pixels; farther out there is no film.
FARTHEST = 1e9


ImageId = Annotated[int | str, BeforeValidator(as_whole)]
Place = Annotated[float, Field(ge=-FARTHEST, le=FARTHEST)]
Length = Annotated[float, Field(gt=0, le=FARTHEST)]


@dataclass(frozen=True)
class CocoBox:
    """A box and the film that it is of, by name."""

    image: str
    box: PredictedBox


class _Result(BaseModel):
    image_id: ImageId
    category_id: WholeNumber
    bbox: tuple[Place, Place, Length, Length]
    score: float = Field(ge=0, le=1)


class _Results(RootModel[list[_Result]]):
    pass


class CocoImages(NamedTuple):
    """What a COCO file says of its films.

    Attributes:
        ids: by file name.
        sizes: width and height by file name, of the films of which it says them.
    """

    ids: dict[str, ImageId]
    sizes: dict[str, tuple[int, int]]


class _Image(BaseModel):
    id: ImageId
    file_name: str
    width: WholeNumber | None = None
    height: WholeNumber | None = None


class _Images(BaseModel):
    images: list[_Image]


def read_coco_images(path: Path) -> CocoImages:
    """A COCO file's list of images.

    Raises:
        TbspotError: the file has no such list, or an id or a name stands in it twice.
    """
    images = read_json(path, _Images, "a COCO file with a list of images").images
    ids = {image.file_name: image.id for image in images}
    if len(ids) < len(images) or len(set(ids.values())) < len(images):
        raise TbspotError(f"{path} has an image's id or name twice; correct its list of images")
    sizes = {one.file_name: (one.width, one.height) for one in images if one.width and one.height}
    return CocoImages(ids, sizes)


def read_coco_results(path: Path, images: Mapping[str, ImageId] | None = None) -> list[CocoBox]:
    """The boxes of a file of results; every category counts as TB.

    Args:
        path: of the file.
        images: ids by file name; without them an `image_id` must be a film's name, with or
            without its ending.

    Raises:
        TbspotError: the file is no list of results, a score is not in [0, 1], or an id is of no
            image that is known.
    """
    results = read_json(path, _Results, "a list of COCO results with scores in [0, 1]").root
    names = None if images is None else {number: name for name, number in images.items()}
    return [CocoBox(_name(path, one.image_id, names), _box(one)) for one in results]


def _name(path: Path, image_id: ImageId, names: Mapping[ImageId, str] | None) -> str:
    if names is None:
        if isinstance(image_id, int):
            raise TbspotError(
                f"{path} names films by numbers (image_id {image_id}); give the COCO file with "
                "their list of images too, by --boxes-images"
            )
        return image_id
    if image_id not in names:
        raise TbspotError(
            f"{path} has a box of image_id {image_id!r}, which the list of images does not have; "
            "give the list that the results were made with"
        )
    return names[image_id]


def _box(result: _Result) -> PredictedBox:
    x, y, width, height = result.bbox
    return PredictedBox(x0=x, y0=y, x1=x + width, y1=y + height, score=result.score)


def check_coco_ids(path: Path, names: Iterable[str]) -> None:
    """See that each film's id in a file of results, its name without the ending, leads back to it.

    Args:
        path: of the file, which need not be there yet.
        names: of the films.

    Raises:
        TbspotError: two films would have one id, or one film's id is another's name.
    """
    films = tuple(names)
    known = Names(films)
    for name in films:
        other = next((one for one in known.closest(stem(name)) if one != name), None)
        if other is not None:
            raise TbspotError(
                f"{name} and {other} would have one image_id ({stem(name)}) in {path}; "
                "locate each folder by itself, or rename one of them"
            )


def check_coco_target(
    path: Path, run: Path, reads: Iterable[Path], *, overwrite: bool = False
) -> None:
    """See that results can be written where a user named them, and what would be lost by it.

    Args:
        path: of the file.
        run: the folder of the run that they are of, which may not be there yet.
        reads: films and other files of the run, which stay.
        overwrite: whether a file that is no results of tbspot may be replaced.

    Raises:
        TbspotError: a folder or another file lies there, or it cannot be written.
    """
    refuse_inside(path, run)
    what = "a file of COCO results by tbspot"
    check_target(path, what, _are_ours, overwrite=overwrite, reads=reads)


def _are_ours(path: Path) -> bool:
    """Whether a file holds results as written here: films by name, one category."""
    try:
        results = read_json(path, _Results, "a list of COCO results").root
    except TbspotError:
        return False
    return all(isinstance(one.image_id, str) and one.category_id == CATEGORY for one in results)


def write_coco_results(path: Path, predictions: Iterable[Prediction]) -> None:
    """Write the boxes of predictions as COCO results, whole or not at all.

    A film's id is its file name without the ending. One without boxes has no result, as COCO has
    it.

    Args:
        path: of the file.
        predictions: one a film.

    Raises:
        TbspotError: two films would have one id, or the file cannot be written.
    """
    results: list[dict[str, object]] = []
    names: list[str] = []
    for one in predictions:
        names.append(one.image)
        results += [
            {
                "image_id": stem(one.image),
                "category_id": CATEGORY,
                "bbox": [box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0],
                "score": box.score,
            }
            for box in one.boxes
        ]
    check_coco_ids(path, names)
    write_json(path, results, named=True)
