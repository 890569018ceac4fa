"""Other people's boxes and maps, so that any model stands in the table under the same protocol.

Takes a file of boxes (COCO results, CSV) or a folder of maps; gives what predictions of tbspot
give once they are matched with films. How figures follow from them is left to the modules beside
this one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from tbspot.errors import TbspotError
from tbspot.files import fingerprint
from tbspot.images import read_with_facts
from tbspot.images.opening import MOST_PIXELS
from tbspot.parsing import first_fault
from tbspot.pathnames import leads_to
from tbspot.records.coco import FARTHEST, CocoBox, read_coco_images, read_coco_results
from tbspot.records.matching import Matched, NamedFilms, Predictions, match
from tbspot.records.predictions import (
    FILE_NAME,
    PredictedBox,
    Prediction,
    TooLargeMapError,
    read_heatmap,
)
from tbspot.samples.names import Names
from tbspot.samples.reading import IN_SHARES, film_size, number_of, read_rows, refuse_other_size
from tbspot.samples.sample import Sample

__all__ = ["matched"]

COLUMNS = ("image", "x0", "y0", "x1", "y1", "score")
FILM_SCORE = "film_score"
PICTURES = (".png", ".tif", ".tiff")
NOT_KNOWN = "not known"
# What images/raster.py says of a picture that was not grey.
COLOURED = "colour became grey"


def matched(
    path: Path,
    samples: Sequence[Sample],
    what: str,
    loaded: Iterable[Sample] = (),
    coco_images: Path | None = None,
) -> Matched:
    """A model's predictions of some films, by what lies at a path.

    Args:
        path: a folder that `tbspot locate` wrote, another folder of maps, or a file of boxes:
            COCO results (`.json`) or a table (`.csv`).
        samples: films.
        what: these films are, for errors.
        loaded: all films of the data, of whatever split.
        coco_images: COCO file whose list of images the results' ids are of, if any.

    Raises:
        TbspotError: there is nothing of that kind, it is wrong, or it is of other films.
    """
    if path.is_file() or (path.suffix.lower() in (".json", ".csv") and not path.is_dir()):
        return _matched_boxes(path, samples, what, loaded, coco_images)
    if (path / FILE_NAME).exists():
        return match(path, samples, what, loaded)
    maps = _maps(path)
    found = _matched_named(maps, samples, what, loaded)
    _refuse_films(path, samples, found)
    return found


def _matched_named(
    given: Predictions, samples: Sequence[Sample], what: str, loaded: Iterable[Sample]
) -> Matched:
    """Matched where others named the films: what is of no film is counted, for names may differ."""
    lines = list(given.lines)
    _refuse_two_of_one_film(given.source, lines, samples, NamedFilms((*samples, *loaded)))
    found = match(given, samples, what, loaded)
    used = {one.image for one in found.predictions if one}
    left = [line.image for line in lines if line.image not in used]
    note = (
        f"predictions in {Path(given.source).name} of no film that is judged, left out: "
        f"{len(left):,} (first: {', '.join(left[:3])})"
    )
    notes = (*found.notes, note) if left else found.notes
    return replace(found, is_foreign=True, notes=notes)


def _refuse_two_of_one_film(
    source: str, lines: Sequence[Prediction], samples: Sequence[Sample], films: NamedFilms
) -> None:
    """Refuse two names of one film, such as `a` and `a.png`: one of them would be lost."""
    named = films.named(line.image for line in lines)
    for sample in samples:
        own = Names(named.get(sample.path, ())).alike(sample.name)
        if len(own) > 1:
            raise TbspotError(
                f"{source} has predictions of {own[0]} and of {own[1]}, which are of one film, "
                f"{sample.name}; name each film in one way"
            )


# Boxes


def _matched_boxes(
    path: Path,
    samples: Sequence[Sample],
    what: str,
    loaded: Iterable[Sample],
    coco_images: Path | None,
) -> Matched:
    images = None
    if path.suffix.lower() == ".csv":
        lines = _table(path)
    else:
        images = read_coco_images(coco_images) if coco_images else None
        lines = _results(path, read_coco_results(path, images.ids if images else None))
    _refuse_shares(path, [box for line in lines for box in line.boxes])
    given = Predictions(str(path), lines, _no_map, "name films as the data set does")
    found = _matched_named(given, samples, what, loaded) if lines else _nothing_on(path, samples)
    sizes = images.sizes if images else {}
    for one, sample in zip(found.predictions, samples, strict=True):
        if one and one.boxes and one.image in sizes:
            refuse_other_size(sample.path, sizes[one.image], f"{coco_images}: {one.image}")
    placed = [
        _placed(one, sample) if one else _nothing(path, sample)
        for one, sample in zip(found.predictions, samples, strict=True)
    ]
    absent = sum(one is None for one in found.predictions)
    note = f"films that {path.name} does not name, taken as films without a box: {absent:,}"
    return replace(
        found,
        predictions=tuple(placed),
        gives_boxes=True,
        notes=(*found.notes, *((note,) if absent else ()), *_beside_notes(path, placed)),
    )


def _beside_notes(path: Path, placed: Sequence[Prediction]) -> tuple[str, ...]:
    """The sentence on boxes that have no place on their film, as those of a larger copy may."""
    films = [one.image for one in placed for box in one.boxes if _is_beside(box, one)]
    if not films:
        return ()
    return (
        f"boxes in {path.name} that lie beside their film: {len(films):,} (the first on "
        f"{films[0]}); if they are of films of another size, scale them",
    )


def _is_beside(box: PredictedBox, film: Prediction) -> bool:
    if film.width is None or film.height is None:
        return False
    return min(box.x1, box.y1) <= 0 or box.x0 >= film.width or box.y0 >= film.height


def _refuse_shares(path: Path, boxes: Sequence[PredictedBox]) -> None:
    """Refuse a file whose boxes all end in the first pixel: one may, but not each of them."""
    if boxes and all(max(box.x1, box.y1) <= 1 for box in boxes):
        raise TbspotError(f"{path} has all its boxes {IN_SHARES}")


def _no_map(prediction: Prediction) -> NDArray[np.float32]:
    raise TbspotError(f"there is no map of {prediction.image}, only boxes")


def _prediction(path: Path, version: str, image: str, boxes: Sequence[PredictedBox],
                score: float | None = None) -> Prediction:  # fmt: skip
    """The film's score, unless there is one, is that of its best box; without a box it is 0."""
    best = max((box.score for box in boxes), default=0.0)
    try:
        return Prediction(
            image=image,
            status="ok",
            score=best if score is None else score,
            boxes=tuple(sorted(boxes, key=lambda box: -box.score)),
            model=path.stem,
            version=version,
        )
    except ValidationError as error:
        raise TbspotError(
            f"{path} has boxes of {image!r} that cannot be taken ({first_fault(error)}); "
            "correct them"
        ) from error


def _nothing_on(path: Path, samples: Sequence[Sample]) -> Matched:
    nothing = (None,) * len(samples)
    return Matched(nothing, path.stem, _version_of(path), _no_map, is_foreign=True)


def _version_of(path: Path) -> str:
    """By which a record tells a file of boxes from another of its name."""
    return fingerprint(path.read_bytes())


def _nothing(path: Path, sample: Sample) -> Prediction:
    return _prediction(path, NOT_KNOWN, sample.name, ())


def _placed(prediction: Prediction, sample: Sample) -> Prediction:
    """With the film's size, on which its boxes are placed."""
    if not prediction.boxes:
        return prediction
    try:
        width, height = sample.size or film_size(sample.path)
    except TbspotError as error:
        return prediction.model_copy(update={"status": "failed", "reason": str(error)})
    return prediction.model_copy(update={"width": width, "height": height})


def _results(path: Path, found: Sequence[CocoBox]) -> list[Prediction]:
    boxes: dict[str, list[PredictedBox]] = {}
    for one in found:
        boxes.setdefault(one.image, []).append(one.box)
    version = _version_of(path)
    return [_prediction(path, version, image, own) for image, own in boxes.items()]


def _table(path: Path) -> list[Prediction]:
    """A row a box; a row whose corners are empty says that its film has none."""
    boxes: dict[str, list[PredictedBox]] = {}
    scores: dict[str, float | None] = {}
    for line, row in read_rows(path, COLUMNS):
        where = f"{path}, line {line},"
        image = row["image"]
        boxes.setdefault(image, [])
        if any(row[corner] for corner in COLUMNS[1:]):
            boxes[image].append(_table_box(row, where))
        score = _number(row[FILM_SCORE], where) if row.get(FILM_SCORE) else None
        before = scores.setdefault(image, score)
        if score is not None:
            scores[image] = score
        # An empty cell contradicts nothing: many give the score in the film's first row alone.
        if None not in (before, score) and before != score:
            raise TbspotError(f"{where} gives {image} another film_score than before; correct it")
    version = _version_of(path)
    return [_prediction(path, version, one, own, scores[one]) for one, own in boxes.items()]


def _table_box(row: dict[str, str], where: str) -> PredictedBox:
    corners = {name: _number(row[name], where, any_size=name != "score") for name in COLUMNS[1:]}
    if not (corners["x0"] < corners["x1"] and corners["y0"] < corners["y1"]):
        raise TbspotError(
            f"{where} has a box of zero size; left, top, right and bottom are wanted: correct or "
            "remove it"
        )
    return PredictedBox(**corners)


def _number(cell: str, where: str, *, any_size: bool = False) -> float:
    number = number_of(cell)
    low, high = (-FARTHEST, FARTHEST) if any_size else (0, 1)
    if not low <= number <= high:
        wanted = "a number of pixels" if any_size else "a score in [0, 1]"
        raise TbspotError(f"{where} has {cell!r} in the place of {wanted}; correct it")
    return number


# Maps


def _maps(folder: Path) -> Predictions:
    """A folder's maps, each named as its film.

    Raises:
        TbspotError: it has none.
    """
    files = [
        path
        for path in sorted(folder.rglob("[!.]*"))
        if path.suffix.lower() in (".npy", *PICTURES) and path.is_file()
    ]
    lines = [
        Prediction(
            image=path.relative_to(folder).as_posix(),
            status="ok",
            model=folder.resolve().name,
            version=NOT_KNOWN,
        )
        for path in files
    ]
    if not lines:
        raise TbspotError(
            f"{folder} holds no {FILE_NAME} and no maps (.npy, .png, .tif); make one with "
            "`tbspot locate`, or name a folder of maps or a file of boxes (.json, .csv)"
        )
    remedy = "name each map as its film"
    return Predictions(str(folder), lines, partial(_read_map, folder), remedy)


def _refuse_films(folder: Path, samples: Sequence[Sample], found: Matched) -> None:
    """Refuse a folder of the films themselves: each would be judged as its own map."""
    for sample, prediction in zip(samples, found.predictions, strict=True):
        if prediction and leads_to(folder / prediction.image, sample.path.stat()):
            raise TbspotError(
                f"{folder / prediction.image} is the film itself and no map of it; name the folder "
                "of the maps"
            )


def _read_map(folder: Path, prediction: Prediction) -> NDArray[np.float32]:
    path = folder / prediction.image
    if path.suffix.lower() == ".npy":
        # A link is followed, as it is to a picture.
        real = path.resolve()
        named = prediction.model_copy(update={"heatmap": real.name})
        try:
            # Others give a place for each pixel of the film.
            return read_heatmap(real.parent, named, MOST_PIXELS)
        except TooLargeMapError:
            raise
        except TbspotError as error:
            raise TbspotError(
                f"{path} is not a finite map [h, w] of floating point numbers; save it again with "
                "numpy.save"
            ) from error
    picture = read_with_facts(path, follow_links=True)
    if COLOURED in picture.facts.corrections:
        raise TbspotError(
            f"{path} is in colour, which says nothing of how much; save the map in grey or as .npy"
        )
    return picture.pixels
