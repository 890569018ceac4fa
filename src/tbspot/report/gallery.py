"""The films worth a look: best, median, worst, missed, false alarm.

Takes an evaluation, its predictions and films; gives pictures as data URIs with boxes beside them.
Which boxes and figures is taken from the evaluation as it stands.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tbspot.errors import TbspotError
from tbspot.images import read_with_facts
from tbspot.images.frame import within
from tbspot.images.opening import check_same
from tbspot.maps.boxes import normalise
from tbspot.maps.overlays import colours
from tbspot.pathnames import as_path
from tbspot.records.evaluation import Evaluation, FilmResult
from tbspot.records.predictions import Prediction, read_heatmap, read_predictions
from tbspot.samples.sample import Sample

__all__ = ["GalleryFilm", "gallery_of", "legend", "picked"]

EACH = 2
FILM_SIDE = 512
MAP_SIDE = 128
JPEG_QUALITY = 85
KINDS = {
    "best": "Best: highest IoU",
    "median": "Median IoU",
    "worst": "Worst: lowest IoU",
    "missed": "Missed: TB, not called",
    "false alarm": "False alarm: not TB, called",
}


@dataclass(frozen=True)
class GalleryFilm:
    """A film of the gallery.

    Attributes:
        kind: why it is shown.
        film: its figures and boxes.
        picture: data URI of the film, empty where it is not at hand.
        heatmap: data URI of the map, empty where there is none.
        shape: CSS aspect ratio, width / height.
    """

    kind: str
    film: FilmResult
    picture: str
    heatmap: str
    shape: str


def picked(films: Sequence[FilmResult]) -> list[tuple[str, FilmResult]]:
    """Up to two films of each kind, no film twice."""
    boxed = sorted(
        (film for film in films if film.iou is not None and film.status == "ok"),
        key=lambda film: (-(film.iou or 0), film.image),
    )
    middle = max(0, len(boxed) // 2 - EACH // 2)
    missed = [film for film in films if film.label == 1 and film.called is False]
    alarms = [film for film in films if film.label == 0 and film.called]
    candidates = {
        "best": boxed,
        "worst": boxed[::-1],
        "median": boxed[middle:],
        "missed": sorted(missed, key=lambda film: film.score or 0),
        "false alarm": sorted(alarms, key=lambda film: -(film.score or 0)),
    }
    shown: set[tuple[str, str]] = set()
    chosen: dict[str, list[FilmResult]] = {}
    for kind, ranked in candidates.items():
        fresh = [film for film in ranked if (film.source, film.image) not in shown][:EACH]
        shown |= {(film.source, film.image) for film in fresh}
        chosen[kind] = fresh
    return [(KINDS[kind], film) for kind in KINDS for film in chosen[kind]]


def gallery_of(
    folder: Path, evaluation: Evaluation, samples: Sequence[Sample]
) -> Iterator[GalleryFilm]:
    """The gallery's films, one at a time.

    Args:
        folder: of evaluation.json.
        evaluation: what stands in it.
        samples: films of the data, may be none: then maps and boxes are shown without films.

    Raises:
        TbspotError: a film or a map cannot be read.
    """
    chosen = picked(evaluation.films)
    predictions = as_path(str(folder / evaluation.provenance.predictions))
    line_of = _finder([film for _, film in chosen if film.heatmap], predictions)
    paths = {(sample.source, sample.name): sample.path for sample in samples}
    version = evaluation.contenders[0].version
    for kind, film in chosen:
        path = paths.get((film.source, film.image))
        line = line_of(film)
        # Of a film that another has replaced neither picture nor map: its boxes are the old one's.
        same = line is None or film.is_of(line)
        sha256 = film.sha256 or (line.sha256 if line else None)
        yield GalleryFilm(
            kind=kind,
            film=film,
            picture=_film(path, sha256) if path and same else "",
            # Nor a map of another model, by which the folder has been located since.
            heatmap=_heatmap(predictions, line)
            if line and same and line.version == version
            else "",
            shape=f"{film.width or 1} / {film.height or 1}",
        )


def _finder(
    films: Iterable[FilmResult], predictions: Path
) -> Callable[[FilmResult], Prediction | None]:
    """Finds the line of a film: by what its prediction calls it, in earlier versions by its map.

    Two films may share a map; its folder is not told, as a run that grew may have numbered it.
    """

    def key(name: str | None, heatmap: str | None) -> tuple[bool, str]:
        return (True, name) if name is not None else (False, Path(heatmap or "").name)

    wanted = {key(film.prediction, film.heatmap) for film in films}
    found = {
        one: line
        for line in (read_predictions(predictions) if wanted else ())
        for one in (key(line.image, None), key(None, line.heatmap))
        if one in wanted
    }
    return lambda film: found.get(key(film.prediction, film.heatmap))


def _film(path: Path, sha256: str | None) -> str:
    try:
        film = read_with_facts(path, follow_links=True)
        # No other film is shown under this one's answer, by which its file was replaced.
        check_same(str(path), film.seen, sha256)
    except TbspotError:
        # A film that cannot be read is among those missed: its card says so by being empty.
        return ""
    grey = Image.fromarray((within(film.pixels, FILM_SIDE) * 255).round().astype(np.uint8))
    return _uri(grey, "JPEG", quality=JPEG_QUALITY)


def _heatmap(folder: Path, prediction: Prediction) -> str:
    return _uri(_coloured(normalise(read_heatmap(folder, prediction), MAP_SIDE)), "PNG")


def _coloured(normalised: NDArray[np.float32]) -> Image.Image:
    """In colour, and as opaque as the values are high, so that the film shows through."""
    pixels = np.dstack([colours(normalised), normalised * 255])
    return Image.fromarray(pixels.round().astype(np.uint8))


def legend() -> str:
    """The map's colours from 0 to its maximum, left to right, as a data URI."""
    ramp = np.linspace(0, 1, 64, dtype=np.float32)[None]
    return _uri(Image.fromarray(colours(ramp).round().astype(np.uint8)), "PNG")


def _uri(picture: Image.Image, kind: str, **options: int) -> str:
    file = BytesIO()
    picture.save(file, kind, **options)
    coded = base64.b64encode(file.getvalue()).decode("ascii")
    return f"data:image/{kind.lower()};base64,{coded}"
