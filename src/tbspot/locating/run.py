"""The run: asks a model for films, several at once, and keeps what it says in order.

Takes settings and films; gives counts. Its memory does not grow with the number of films, and the
same settings go on after an interruption. What is said of a film is left to model.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tbspot.engine.engine import Engine
from tbspot.files import open_run
from tbspot.gate.verdict import Verdict
from tbspot.locating.folder import Keeper, picture_stem
from tbspot.locating.inputs import Item
from tbspot.locating.model import Model
from tbspot.locating.settings import LocateSettings
from tbspot.locating.stream import stream
from tbspot.locating.table import write_predictions_table
from tbspot.records.predictions import Prediction

__all__ = ["Counts", "locate"]


@dataclass(frozen=True)
class Counts:
    """How many films the folder holds now, by status."""

    ok: int
    refused: int
    failed: int


@dataclass(frozen=True)
class _Kept:
    """What is to be kept of a film; the line alone if it has no answer."""

    prediction: Prediction
    evidence: NDArray[np.float32] | None = None
    picture: Image.Image | None = None
    stem: str | None = None


def locate(
    items: Sequence[Item],
    engine: Engine,
    settings: LocateSettings,
    out: Path,
    console: Console | None = None,
    *,
    overwrite: bool = False,
) -> Counts:
    """Write a prediction for each film that has none yet.

    A film that cannot be read gets a line that says why, and the run goes on.

    Raises:
        TbspotError: the folder holds another run, the settings do not fit the model, the model
            cannot be run on this processor, or the disk is full.
    """
    model = Model(engine, settings)

    def read(item: Item) -> Verdict:
        return model.read(item.path)

    def answer(item: Item, film: Callable[[], Verdict]) -> _Kept:
        return _kept(model, item, film, settings)

    open_run(out, "locate", settings, overwrite=overwrite)
    with Keeper(out) as keeper, _progress(console) as progress:
        task = progress.add_task("locating", total=len(items), completed=0)
        waiting = [item for item in items if item.name not in keeper.done]
        progress.update(task, completed=len(items) - len(waiting))
        for found in stream(waiting, read, answer, model.at_once):
            keeper.keep(found.prediction, found.evidence, found.picture, found.stem)
            progress.advance(task)
        counts = Counts(keeper.counts["ok"], keeper.counts["refused"], keeper.counts["failed"])
    write_predictions_table(out)
    return counts


def _kept(model: Model, item: Item, film: Callable[[], Verdict], settings: LocateSettings) -> _Kept:
    finding = model.answer(film, item.name)
    if finding.evidence is None:
        return _Kept(finding.prediction)
    picture = finding.overlay() if settings.overlays else None
    stem = picture_stem(item.name, finding.read(), settings.names)
    return _Kept(finding.prediction, finding.evidence, picture, stem)


def _progress(console: Console | None) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=console is None,
    )
