"""The run: reads films ahead, asks the model for several at once, keeps what it says in order.

Takes settings and films; gives counts. Its memory does not grow with the number of films, and the
same settings go on after an interruption.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tbspot.boxes import MapRule
from tbspot.engine import Engine, ModelError
from tbspot.errors import TbspotError
from tbspot.files import open_run
from tbspot.gate import Verdict
from tbspot.locating.cutting import Cut, cut_of
from tbspot.locating.keeping import Keeper, Naming, picture_stem
from tbspot.locating.listing import Item
from tbspot.locating.predicting import engine_for, predict
from tbspot.locating.seeing import enough_for, see
from tbspot.locating.tabling import write_predictions_table
from tbspot.overlays import overlay
from tbspot.predictions import Prediction

if TYPE_CHECKING:
    from tbspot.attribution import Method

__all__ = ["Counts", "Settings", "films_at_once", "locate"]

# Films read at the same time, each decoded in a process of its own: at least so many, which hide
# what reading takes, and one a core, up to as many as may each hold 64 megapixels.
AHEAD, MOST_READERS = 2, 8
# More would hold more films and more of the net's memory, and leave each a smaller part of it.
MOST_AT_ONCE = 4


@dataclass(frozen=True)
class Settings:
    """What a run is made with; another run of the same goes on with it.

    Attributes:
        films: paths or sources as given.
        split: of the data set, empty without one.
        model: name and version of the model.
        engine: that it runs in.
        method: that makes the maps.
        mirror: whether the mirrored film is averaged in; `None` = as the model says.
        scales: sizes to average over, relative to the model's.
        map_rule: how boxes are cut; `None` = as the model says.
        map_threshold: the rule's share; `None` = as the model says.
        threshold: score from which a film counts as TB; `None` = as the model says.
        calibration: fingerprint of the calibration that chose it, if one did.
        gate: whether films that are not to be judged are refused.
        follow_links: whether a symbolic link stands for the film that it leads to.
        overlays: whether pictures are made.
        names: of heat maps and pictures, see `keeping.picture_stem`.
    """

    films: tuple[str, ...]
    split: str
    model: str
    engine: str
    method: Method
    mirror: bool | None = None
    scales: tuple[float, ...] = (1.0,)
    map_rule: MapRule | None = None
    map_threshold: float | None = None
    threshold: float | None = None
    calibration: str | None = None
    gate: bool = True
    follow_links: bool = False
    overlays: bool = True
    names: Naming = "auto"


@dataclass(frozen=True)
class Counts:
    """How many films the folder holds now, by status."""

    ok: int
    refused: int
    failed: int


@dataclass(frozen=True)
class _Answered:
    """What is to be kept of a film; the line alone if it has no answer."""

    prediction: Prediction
    evidence: NDArray[np.float32] | None = None
    picture: Image.Image | None = None
    stem: str | None = None


def films_at_once(count: int) -> int:
    """How many of `count` films to ask an exported model for at the same time.

    With a core for each, one film's reading and pictures fill the time in which another is in the
    net. A single film gets all cores.
    """
    return max(1, min(count, _cores(), MOST_AT_ONCE))


def _cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def locate(
    items: Sequence[Item],
    engine: Engine,
    settings: Settings,
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
    asked = engine_for(engine, settings.method, mirror=settings.mirror)
    rule = settings.map_rule
    if settings.method != "cam" and rule is None:
        rule = "otsu"  # the model's threshold was chosen for maps of the closed form
    cut = cut_of(engine.description, rule, settings.map_threshold)
    open_run(out, "locate", settings, overwrite=overwrite)
    with Keeper(out) as keeper, _progress(console) as progress:
        task = progress.add_task("locating", total=len(items), completed=0)
        waiting = [item for item in items if item.name not in keeper.done]
        progress.update(task, completed=len(items) - len(waiting))
        for found in _answers(waiting, asked, cut, settings):
            keeper.keep(found.prediction, found.evidence, found.picture, found.stem)
            progress.advance(task)
        counts = Counts(keeper.counts["ok"], keeper.counts["refused"], keeper.counts["failed"])
    write_predictions_table(out)
    return counts


def _answers(
    items: Sequence[Item], engine: Engine, cut: Cut, settings: Settings
) -> Iterator[_Answered]:
    """Of each film in order, while those after it are being read and answered."""
    waiting: deque[Future[_Answered]] = deque()
    ahead = min(max(AHEAD, _cores()), MOST_READERS)
    read = partial(
        see,
        enough=enough_for(engine.description, settings.scales),
        follow_links=settings.follow_links,
        gate=settings.gate,
    )
    with ThreadPoolExecutor(ahead) as readers, ThreadPoolExecutor(engine.at_once) as workers:
        try:
            for item in items:
                film = readers.submit(read, item.path)
                waiting.append(workers.submit(_answer, item, film, engine, cut, settings))
                if len(waiting) > max(ahead, engine.at_once):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            # The readers last: a film that is being answered waits for its reading.
            workers.shutdown(cancel_futures=True)


def _answer(
    item: Item, film: Future[Verdict], engine: Engine, cut: Cut, settings: Settings
) -> _Answered:
    try:
        verdict = film.result()
        pixels = verdict.film.pixels
        answer = None
        if verdict.status != "refused":
            answer = predict(
                pixels, item.name, engine, cut, settings.scales, verdict.area, verdict.film.shape
            )
    except ModelError:
        raise
    except TbspotError as error:
        return _Answered(_without_answer(item, engine, "failed", "unreadable", str(error)))
    if answer is None:
        return _Answered(_without_answer(item, engine, "refused", verdict.code, verdict.reason))
    prediction, evidence = answer
    update: dict[str, object] = {"code": verdict.code, "reason": verdict.reason}
    if settings.threshold is not None:
        update |= {"threshold": settings.threshold, "calibration": settings.calibration}
    prediction = prediction.model_copy(update=update)
    picture = None
    if settings.overlays:
        picture = overlay(pixels, evidence, prediction.boxes, verdict.film.shape)
    stem = picture_stem(item.name, verdict.film, settings.names)
    return _Answered(prediction, evidence, picture, stem)


def _without_answer(
    item: Item,
    engine: Engine,
    status: Literal["refused", "failed"],
    code: str | None,
    reason: str | None,
) -> Prediction:
    description = engine.description
    return Prediction(
        image=item.name,
        status=status,
        code=code,
        reason=reason,
        model=description.name,
        version=description.version,
    )


def _progress(console: Console | None) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=console is None,
    )
