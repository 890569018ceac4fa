"""The audit from its beginning to its end: which films, what each showed, which figures.

Takes settings; gives an `Audit`. Films are read once, one at a time, and shown to every model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tbspot import __version__
from tbspot.audit.answering import answers_of, told_of
from tbspot.audit.looking import Model, open_models
from tbspot.audit.measuring import Film, Seen, see
from tbspot.audit.records import Audit, ModelRecord
from tbspot.audit.summary import evidence_of, field_holds, sensitivity_of
from tbspot.drawings.dataset import SHORTCUTS_FILE
from tbspot.errors import TbspotError
from tbspot.evaluation.summary import Drawing
from tbspot.images import read_film
from tbspot.samples.loading import in_split, load
from tbspot.samples.reading import read_rows
from tbspot.samples.sample import Sample

__all__ = ["Settings", "audit"]

Corners = tuple[float, float, float, float]
CORNERS = ("x0", "y0", "x1", "y1")


@dataclass(frozen=True)
class Settings:
    """What is audited, and on which films.

    Attributes:
        models: files, such as teacher and student.
        data: sources of films, labels and boxes.
        split: name of the split.
        split_file: from `tbspot prepare`, if any.
        films: of each source and label, how many to look at closely.
        resamples: bootstrap samples.
        seed: of choices of films, folds, places and resamples.
    """

    models: tuple[Path, ...]
    data: tuple[str, ...]
    split: str
    split_file: Path | None = None
    films: int = 40
    resamples: int = 10_000
    seed: int = 0


def audit(
    settings: Settings, advance: Callable[[int, int], None] = lambda _done, _films: None
) -> Audit:
    """Audit models on the films of a split.

    Args:
        settings: what is audited, and on which films.
        advance: is told how many films were seen, of how many.

    Raises:
        TbspotError: models or data are absent or wrong, or no film can be read.
    """
    loaded = load(settings.data, settings.split_file)
    samples = in_split(loaded.samples, settings.split)
    models = open_models(settings.models)
    markers = _markers(settings.data)
    closely = _chosen(samples, settings.films, settings.seed)
    seen, lost = [], []
    for place, sample in enumerate(samples):
        try:
            film = Film(sample, read_film(sample.path), markers.get(sample.path))
        except TbspotError:
            lost.append(sample.name)
            continue
        # A generator of its own, so that a film's figures do not depend on the others.
        random = np.random.default_rng([settings.seed, place])
        seen.append(see(film, models, random, closely=place in closely))
        advance(place + 1, len(samples))
    if not seen:
        raise TbspotError(f"no film of split {settings.split} can be read; check the data")
    drawing = Drawing(settings.resamples, settings.seed)
    unread = [f"a film that cannot be read and is left out: {name}" for name in lost]
    return Audit(
        tbspot=__version__,
        data=settings.data,
        split=settings.split,
        seed=settings.seed,
        resamples=settings.resamples,
        looked=sum(bool(one.deep) for one in seen),
        field_holds=field_holds(seen, drawing),
        answers=answers_of(seen, settings.seed),
        models=tuple(_record(model, seen, drawing) for model in models),
        notes=(*loaded.notes, *unread),
    )


def _record(model: Model, seen: Sequence[Seen], drawing: Drawing) -> ModelRecord:
    return ModelRecord(
        name=model.name,
        version=model.version,
        told=told_of(seen, model.name, drawing.seed),
        evidence=evidence_of(seen, model.name, drawing),
        sensitivity=sensitivity_of(seen, model.name, drawing),
    )


def _chosen(samples: Sequence[Sample], each: int, seed: int) -> set[int]:
    """Places of films to look at closely: up to `each` of every source and label."""
    shuffled = np.random.default_rng(seed).permutation(len(samples)).tolist()
    kinds: dict[tuple[str, int], list[int]] = {}
    for place in shuffled:
        kinds.setdefault((samples[place].source, samples[place].label), []).append(place)
    return {place for places in kinds.values() for place in places[:each]}


def _markers(data: Iterable[str]) -> dict[Path, Corners]:
    """Where markers were planted, for data sets that `tbspot draw` drew."""
    markers: dict[Path, Corners] = {}
    for source in data:
        path = Path(source) / SHORTCUTS_FILE
        if not path.is_file():
            continue
        for line, row in read_rows(path, ("name", *CORNERS)):
            if row["x0"]:
                film = (path.parent / "imgs" / row["name"]).absolute()
                markers[film] = _corners(row, f"{path}, line {line},")
    return markers


def _corners(row: dict[str, str], where: str) -> Corners:
    try:
        x0, y0, x1, y1 = (float(row[corner]) for corner in CORNERS)
    except ValueError as error:
        raise TbspotError(f"{where} has corners that are no numbers; draw the data anew") from error
    if not all(map(math.isfinite, (x0, y0, x1, y1))):
        raise TbspotError(f"{where} has corners that are no numbers; draw the data anew")
    return x0, y0, x1, y1
