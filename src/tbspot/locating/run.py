"""The run: asks a model for films, several at once, and keeps what it says in order.

Takes settings and films; gives counts. Its memory does not grow with the number of films, and the
same settings go on after an interruption. What is said of a film is left to model.py.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from io import BytesIO
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tbspot.console import print_notes
from tbspot.engine.engine import Engine
from tbspot.errors import ModelError, TbspotError
from tbspot.files import open_run
from tbspot.gate.verdict import Verdict
from tbspot.images.film import Seen
from tbspot.interruption import Interrupted
from tbspot.locating.finding import Finding
from tbspot.locating.folder import Keeper, picture_stem
from tbspot.locating.inputs import Item, names_of
from tbspot.locating.model import Model
from tbspot.locating.resumption import Earlier, Stamps, said_of, see
from tbspot.locating.settings import LocateSettings
from tbspot.locating.stream import stream
from tbspot.locating.table import forget_predictions_table, write_predictions_table
from tbspot.lock import Hold, holding
from tbspot.maps.overlays import PICTURE_SIDE
from tbspot.records.predictions import Prediction

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["Answers", "Counts", "Kept", "Work", "here", "locate"]


# Threads that write files of films that others answer: they wait for the disk, not for a core.
WRITERS = 8


@dataclass(frozen=True)
class Counts:
    """How many films the folder holds now, by status, and how many of them are this call's."""

    ok: int
    refused: int
    failed: int
    new: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Kept:
    """What is to be kept of a film; the line alone if it has no answer.

    Attributes:
        prediction: its line.
        evidence: its heat map `[h, w]`.
        picture: its overlay as JPEG.
        stem: what both their files are called.
        objects: results as DICOM, as the bytes of their files.
        seen: of which bytes of the film all this is.
    """

    prediction: Prediction
    evidence: NDArray[np.float32] | None = None
    picture: bytes | None = None
    stem: str | None = None
    objects: Mapping[str, bytes] = field(default_factory=dict)
    seen: Seen | None = None

    @property
    def files(
        self,
    ) -> tuple[
        Prediction, NDArray[np.float32] | None, bytes | None, str | None, Mapping[str, bytes]
    ]:
        """What the keeper of the folder takes, in its order."""
        return self.prediction, self.evidence, self.picture, self.stem, self.objects


def locate(
    items: Sequence[Item],
    engine: Engine,
    settings: LocateSettings,
    out: Path,
    console: Console | None = None,
    *,
    overwrite: bool = False,
    packed: bool = False,
    answers: Answers | None = None,
    hold: Hold | None = None,
    reads: Iterable[Path] = (),
) -> Counts:
    """Write a prediction for each film that has none yet, or whose file is not what it was of.

    A film that cannot be read gets a line that says why, and the run goes on; the next call tries
    it again. In the end the lines are those of the films that there are, in their order.

    Args:
        items: films.
        engine: that runs the model.
        settings: of the run.
        out: its folder.
        console: to say how far it is.
        overwrite: replace another run in the folder.
        packed: in the end, put the heat maps of each folder into one `.npz` in its place.
        answers: where films are answered; `None` = `here`.
        hold: of the folder, by a caller that goes on in it afterwards; `None` = of this call.
        reads: files besides the films that the run in the folder must not hold if it is replaced,
            such as the model's.

    Raises:
        TbspotError: the folder holds another run or is held by one, the settings do not fit the
            model, the model cannot be run on this processor, the disk is full, or the folder was
            removed meanwhile.
    """
    work = Work(Model(engine, settings), settings)
    with nullcontext(hold) if hold else holding(out) as hold:
        films = (item.path for item in items)
        open_run(out, "locate", settings, overwrite=overwrite, reads=chain(reads, films))
        hold.check()
        stamps = Stamps(out, follow_links=settings.follow_links)
        earlier, names = Earlier(items, stamps, engine.description), names_of(items)
        with (
            Keeper(out, earlier.holds, names, packed=packed) as keeper,
            _progress(console) as progress,
        ):
            if console is not None:
                print_notes(console, earlier.notes())
            task = progress.add_task("locating", total=len(items), completed=0)
            done = keeper.done
            new = sum(name not in done for name in names)
            if new or not earlier.all_hold:
                forget_predictions_table(out)
            progress.update(task, completed=len(items) - new)
            waiting = (item for item in items if item.name not in done)
            for _ in _locate_waiting(waiting, work, answers, keeper, stamps, hold):
                progress.advance(task)
            keeper.finish()
        stamps.forget_others(names)
        write_predictions_table(out)
        hold.check()
    counts = keeper.counts
    return Counts(counts["ok"], counts["refused"], counts["failed"], new)


def _locate_waiting(
    waiting: Iterable[Item],
    work: Work,
    answers: Answers | None,
    keeper: Keeper,
    stamps: Stamps,
    hold: Hold,
) -> Iterator[Kept]:
    """Locate films and keep what is found, and of which bytes it is; gives each once it is kept."""
    keep = _keep_by_threads if answers else _keep_in_order
    for kept in keep((answers or here)(waiting, work), keeper, hold):
        if kept.seen:
            stamps.keep(kept.prediction.image, kept.seen)
        yield kept


def _keep_in_order(found: Iterable[Kept], keeper: Keeper, hold: Hold) -> Iterator[Kept]:
    """Keep films in order, one after another."""
    for kept in found:
        hold.check()
        keeper.keep(*kept.files)
        yield kept


def _keep_by_threads(found: Iterable[Kept], keeper: Keeper, hold: Hold) -> Iterator[Kept]:
    """The same with files written by several threads, where others answer many at a time."""
    waiting: deque[tuple[Kept, Future[Prediction]]] = deque()

    def answered() -> Iterator[Kept]:
        try:
            yield from found
        except (Exception, KeyboardInterrupt, Interrupted):
            while waiting:  # what came before is kept
                keeper.add(waiting.popleft()[1].result())
            raise

    with ThreadPoolExecutor(WRITERS) as pool:
        for one in chain(answered(), repeat(None, WRITERS)):
            if one is not None:
                hold.check()
                waiting.append((one, pool.submit(keeper.write, *one.files)))
            if waiting and (one is None or len(waiting) >= WRITERS):
                kept, line = waiting.popleft()
                keeper.add(line.result())
                yield kept


def here(items: Iterable[Item], work: Work) -> Iterator[Kept]:
    """What is to be kept of films, in order, each answered in this process."""
    return stream(items, work.read, work.answer, work.model.at_once)


@dataclass(frozen=True)
class Work:
    """What is done with each film: read ahead, then answered."""

    model: Model
    settings: LocateSettings

    def read(self, item: Item) -> tuple[Seen | None, Callable[[], Verdict]]:
        """The film's bytes and the film, or what is wrong with it, to be raised when asked for."""
        try:
            verdict = self.model.read_item(item)
        except TbspotError as error:
            seen = None if item.fault else see(item.path, follow_links=self.settings.follow_links)
            return seen, partial(_raise, error)
        return verdict.film.seen, lambda: verdict

    def answer(
        self, item: Item, material: Callable[[], tuple[Seen | None, Callable[[], Verdict]]]
    ) -> Kept:
        """What is to be kept of a film, its line saying of which bytes it is."""
        seen, film = material()
        try:
            finding = self.model.answer(film, item.name)
            # Of one that failed too, whose bytes the command alone has looked at.
            finding = replace(finding, prediction=said_of(finding.prediction, seen))
            kept = self._to_keep(item, finding)
        except ModelError:
            raise
        except Exception as error:  # memory that ran out while the picture was drawn, say
            kept = Kept(said_of(self.model.failed(item.name, error).prediction, seen))
        return replace(kept, seen=seen)

    def _to_keep(self, item: Item, finding: Finding) -> Kept:
        line = finding.prediction
        objects, why_not = self._objects(item, finding)
        if why_not:
            reason = "; ".join(filter(None, (line.reason, why_not)))
            line = line.model_copy(update={"reason": reason})
        if finding.evidence is None:
            return Kept(line, objects=objects)
        picture = _as_jpeg(finding.overlay()) if self.settings.overlays else None
        stem = picture_stem(item.name, finding.read(None), self.settings.names)
        return Kept(line, finding.evidence, picture, stem, objects)

    def _objects(self, item: Item, finding: Finding) -> tuple[Mapping[str, bytes], str]:
        """Results as DICOM where they are asked for, or a sentence on why there are none."""
        settings = self.settings
        if not settings.dicom or finding.status == "failed":
            return {}, ""
        film = finding.read(None)
        if film.facts.kind != "DICOM":
            return {}, ""
        from tbspot.hospital import files_of

        try:
            if film.reduced_from is not None:
                film = self.model.read_again(item, film.seen, PICTURE_SIDE)
            objects = files_of(
                settings.dicom,
                item.path,
                finding.prediction,
                film.pixels,
                finding.evidence,
                follow_links=settings.follow_links,
            )
        except TbspotError as error:
            return {}, f"no results as DICOM: {error}"
        return {name: _as_file(made) for name, made in objects.items()}, ""


# Where films are answered: takes those that wait and what is done with each, gives what is to be
# kept of each in order.
Answers = Callable[[Iterable[Item], Work], Iterator[Kept]]


def _as_jpeg(picture: Image.Image) -> bytes:
    file = BytesIO()
    # Colours unthinned, or the boxes' thin lines would blur.
    picture.save(file, "JPEG", quality=90, subsampling=0)
    return file.getvalue()


def _as_file(made: Dataset) -> bytes:
    file = BytesIO()
    made.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _raise(error: TbspotError) -> Verdict:
    raise error


def _progress(console: Console | None) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=console is None,
    )
