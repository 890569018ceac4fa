"""The audit from its beginning to its end: which films, what was measured, which figures.

Takes settings; gives an `Audit`. Films are read once, one at a time, and every model is run on
each.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tbspot import __version__
from tbspot.audit.model import Model, open_models
from tbspot.audit.per_film import AuditedFilm, FilmMeasures, measure
from tbspot.audit.shortcuts import shortcuts_of, source_aurocs
from tbspot.audit.summary import evidence_of, field_holds, sensitivity_of
from tbspot.drawings.dataset import SHORTCUTS_FILE
from tbspot.errors import TbspotError
from tbspot.images import read_pixels
from tbspot.records.audit import Audit, ModelRecord
from tbspot.records.figures import Drawing
from tbspot.samples.counting import patient_notes
from tbspot.samples.loading import in_split, load
from tbspot.samples.reading import number_of, read_rows
from tbspot.samples.sample import Sample
from tbspot.samples.sources import locate_source
from tbspot.settings import Resamples, Seed, Settings, Whole

__all__ = ["AuditSettings", "audit"]

Corners = tuple[float, float, float, float]
CORNERS = ("x0", "y0", "x1", "y1")


@dataclass(frozen=True)
class AuditSettings(Settings):
    """What is audited, and on which films.

    Attributes:
        models: files, such as teacher and student.
        data: sources of films, labels and boxes.
        split: name of the split.
        split_file: from `tbspot prepare`, if any.
        films: of each source and label, how many to measure in detail.
        resamples: bootstrap samples, 100 or more.
        seed: of choices of films, folds, places and resamples.
    """

    models: tuple[Path, ...]
    data: tuple[str, ...]
    split: str
    split_file: Path | None = None
    films: Whole = 40
    resamples: Resamples = 10_000
    seed: Seed = 0


def audit(
    settings: AuditSettings, advance: Callable[[int, int], None] = lambda _done, _films: None
) -> Audit:
    """Audit models on the films of a split.

    Args:
        settings: what is audited, and on which films.
        advance: is told how many films were measured, of how many.

    Raises:
        TbspotError: models or data are absent or wrong, or no film can be read.
    """
    loaded = load(settings.data, settings.split_file)
    samples = in_split(loaded.samples, settings.split)
    models = open_models(settings.models)
    markers = _markers(settings.data)
    in_detail = _chosen(samples, settings.films, settings.seed)
    measured, lost = [], []
    for place, sample in enumerate(samples):
        try:
            film = AuditedFilm(sample, read_pixels(sample.path), markers.get(sample.path))
        except TbspotError:
            lost.append(sample.name)
            continue
        # A generator of its own, so that a film's figures do not depend on the others.
        random = np.random.default_rng([settings.seed, place])
        measured.append(measure(film, models, random, in_detail=place in in_detail))
        advance(place + 1, len(samples))
    if not measured:
        raise TbspotError(f"no film of split {settings.split} can be read; check the data")
    drawing = Drawing(settings.resamples, settings.seed)
    unread = [f"a film that cannot be read and is left out: {name}" for name in lost]
    return Audit(
        tbspot=__version__,
        data=settings.data,
        split=settings.split,
        seed=settings.seed,
        resamples=settings.resamples,
        looked=sum(bool(one.by_model) for one in measured),
        field_holds=field_holds(measured, drawing),
        answers=shortcuts_of(measured, settings.seed),
        models=tuple(_record(model, measured, drawing) for model in models),
        notes=(*loaded.notes, *patient_notes([one.sample for one in measured]), *unread),
    )


def _record(model: Model, measured: Sequence[FilmMeasures], drawing: Drawing) -> ModelRecord:
    return ModelRecord(
        name=model.name,
        version=model.version,
        told=source_aurocs(measured, model.name, drawing.seed),
        evidence=evidence_of(measured, model.name, drawing),
        sensitivity=sensitivity_of(measured, model.name, drawing),
    )


def _chosen(samples: Sequence[Sample], each: int, seed: int) -> set[int]:
    """Places of films to measure in detail: up to `each` of every source and label."""
    shuffled = np.random.default_rng(seed).permutation(len(samples)).tolist()
    kinds: dict[tuple[str, int], list[int]] = {}
    for place in shuffled:
        kinds.setdefault((samples[place].source, samples[place].label), []).append(place)
    return {place for places in kinds.values() for place in places[:each]}


def _markers(data: Iterable[str]) -> dict[Path, Corners]:
    """Where markers were planted, for data sets that `tbspot draw` drew."""
    markers: dict[Path, Corners] = {}
    for source in data:
        path = locate_source(source)[0] / SHORTCUTS_FILE
        if not path.is_file():
            continue
        for line, row in read_rows(path, ("name", *CORNERS)):
            if row["x0"]:
                film = (path.parent / "imgs" / row["name"]).absolute()
                markers[film] = _corners(row, f"{path}, line {line},")
    return markers


def _corners(row: dict[str, str], where: str) -> Corners:
    x0, y0, x1, y1 = (number_of(row[corner]) for corner in CORNERS)
    if not all(map(math.isfinite, (x0, y0, x1, y1))):
        raise TbspotError(f"{where} has corners that are no numbers; draw the data anew")
    return x0, y0, x1, y1
