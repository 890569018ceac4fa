"""The run: reads films ahead, asks the model, keeps what it says, film by film.

Takes settings and films; gives counts. Its memory does not grow with the number of films, and the
same settings go on after an interruption.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tbspot.boxes import MapRule
from tbspot.engine import Engine
from tbspot.errors import TbspotError
from tbspot.files import open_run
from tbspot.gate import Verdict, examine
from tbspot.images import read_with_facts
from tbspot.locating.cutting import Cut, cut_of
from tbspot.locating.keeping import Keeper, Naming, picture_stem
from tbspot.locating.listing import Item
from tbspot.locating.predicting import engine_for, predict
from tbspot.locating.tabling import write_predictions_table
from tbspot.overlays import overlay
from tbspot.predictions import Prediction

if TYPE_CHECKING:
    from tbspot.attribution import Method

__all__ = ["Counts", "Settings", "locate"]

# Films read before they are needed. More would hide no more of the reading, and a film of 64
# megapixels takes a quarter of a gigabyte.
AHEAD = 2


@dataclass(frozen=True)
class Settings:
    """What a run is made with; another run of the same goes on with it.

    Attributes:
        films: paths or sources as given.
        split: of the data set, empty without one.
        model: name and version of the model.
        engine: that it runs in.
        method: that makes the maps.
        mirror: whether the mirrored film is averaged in though the model does not ask for it.
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
    mirror: bool = False
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
        TbspotError: the folder holds another run, the settings do not fit the model, or the disk
            is full.
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
        for item, film in _read_ahead(waiting, settings):
            _locate_one(item, film, asked, cut, settings, keeper)
            progress.advance(task)
        counts = Counts(keeper.counts["ok"], keeper.counts["refused"], keeper.counts["failed"])
    write_predictions_table(out)
    return counts


def _locate_one(
    item: Item,
    film: Future[Verdict],
    engine: Engine,
    cut: Cut,
    settings: Settings,
    keeper: Keeper,
) -> None:
    try:
        verdict = film.result()
        pixels = verdict.film.pixels
        answer = None
        if verdict.status != "refused":
            answer = predict(pixels, item.name, engine, cut, settings.scales)
    except TbspotError as error:
        keeper.keep(_without_answer(item, engine, "failed", "unreadable", str(error)))
        return
    if answer is None:
        keeper.keep(_without_answer(item, engine, "refused", verdict.code, verdict.reason))
        return
    prediction, evidence = answer
    update: dict[str, object] = {"code": verdict.code, "reason": verdict.reason}
    if settings.threshold is not None:
        update |= {"threshold": settings.threshold, "calibration": settings.calibration}
    prediction = prediction.model_copy(update=update)
    picture = overlay(pixels, evidence, prediction.boxes) if settings.overlays else None
    stem = picture_stem(item.name, verdict.film, settings.names)
    keeper.keep(prediction, evidence, picture, stem)


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


def _read_ahead(
    items: Sequence[Item], settings: Settings
) -> Iterator[tuple[Item, Future[Verdict]]]:
    """Each film in order, while those after it are being read."""
    with ThreadPoolExecutor(AHEAD) as pool:
        reading: deque[tuple[Item, Future[Verdict]]] = deque()
        try:
            for item in items:
                reading.append((item, pool.submit(_read, item.path, settings)))
                if len(reading) > AHEAD:
                    yield reading.popleft()
            while reading:
                yield reading.popleft()
        finally:
            for _, film in reading:
                film.cancel()


def _read(path: Path, settings: Settings) -> Verdict:
    film = read_with_facts(path, follow_links=settings.follow_links)
    return examine(film) if settings.gate else Verdict(film, ())


def _progress(console: Console | None) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=console is None,
    )
