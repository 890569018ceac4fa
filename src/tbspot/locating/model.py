"""A model, ready to locate: any film to a finding, one at a time or streamed.

Takes what a caller gives as a film; gives findings that are those of `tbspot locate` to the bit.
Keeping them in a folder is left to run.py, which asks here too, as the page does.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from numbers import Real
from pathlib import Path
from typing import NoReturn, get_args

from tbspot.choices import MapRule, Method, Precision, yes_or_no
from tbspot.description import Description
from tbspot.engine.engine import Engine, open_engine
from tbspot.errors import (
    ModelError,
    OutOfMemoryError,
    TbspotError,
    UnreadableFilmError,
    is_out_of_memory,
)
from tbspot.gate.verdict import Verdict
from tbspot.images import Film
from tbspot.images.decoding import TRY_AGAIN
from tbspot.images.film import Seen
from tbspot.images.given import FilmSource, content_of, name_of, pixels_in, read_film
from tbspot.images.opening import check_same, shown
from tbspot.locating.detail import ReadFilm, enough_for, examine_film
from tbspot.locating.finding import Finding
from tbspot.locating.inputs import Item
from tbspot.locating.predict import engine_for, predict
from tbspot.locating.resumption import said_of
from tbspot.locating.settings import LocateSettings
from tbspot.locating.stream import stream
from tbspot.machine import free_memory, whole_cores
from tbspot.maps.cutting import cut_of
from tbspot.pathnames import as_given_path
from tbspot.records.predictions import Prediction, Status
from tbspot.records.threshold import threshold_for_model

__all__ = ["Model", "films_at_once", "load_model"]

# More would hold more films and more of the net's memory, and leave each a smaller part of it.
MOST_AT_ONCE = 4
# The program and its net; and a film of 3,000 pixels with what reads it ahead, drawn over.
BYTES_OF_NET, BYTES_OF_FILM = 500 << 20, 400 << 20


def _check(settings: LocateSettings) -> None:
    """Refuse what no model can be asked."""
    if settings.method not in get_args(Method):
        raise TbspotError(
            f"there is no method {settings.method!r}; use one of {', '.join(get_args(Method))}"
        )
    if settings.mirror not in (None, True, False):
        raise TbspotError(f"`mirror` must be True, False or None, not {settings.mirror!r}")
    yes_or_no("gate", settings.gate)
    yes_or_no("follow_links", settings.follow_links)
    scales = settings.scales
    if not scales or not all(isinstance(one, Real) and 0.25 <= one <= 4 for one in scales):
        raise TbspotError(
            f"`scales` must be numbers from 0.25 to 4, such as 1.0, 1.25, not {scales}"
        )


def films_at_once(count: int) -> int:
    """How many of `count` films to ask an exported model for at the same time.

    With a core for each, one film's reading and pictures fill the time in which another is in the
    net. A single film gets all cores. Quotas of a container count, and its memory.
    """
    memory = free_memory()
    bearable = MOST_AT_ONCE if memory is None else (memory - BYTES_OF_NET) // BYTES_OF_FILM
    return max(1, min(count, whole_cores(), MOST_AT_ONCE, bearable))


def load_model(
    path: str | os.PathLike[str] | None = None,
    *,
    device: str = "auto",
    precision: Precision = "auto",
    method: Method = "cam",
    mirror: bool | None = None,
    scales: Sequence[float] = (1.0,),
    map_rule: MapRule | None = None,
    map_threshold: float | None = None,
    threshold_file: str | os.PathLike[str] | None = None,
    gate: bool = True,
    follow_links: bool = False,
) -> Model:
    """Open a model, with the options of `tbspot locate`.

    Args:
        path: a file of `tbspot export`, or of `tbspot train` or `distill`, which needs torch;
            `None` = the released student.
        device: `cpu`; `cuda` or `cuda:N`, which need torch; `gpu` or `gpu:N`, one of Intel's;
            `auto` takes the first GPU that there is, else the CPU.
        precision: `auto`, `float32`, `bfloat16`, `float16` or `int8`.
        method: of the heat map; all but `cam` need torch.
        mirror: whether the mirrored film is averaged in; `None` = as the model says.
        scales: sizes to average over, relative to the model's.
        map_rule: how boxes are cut; `None` = as the model says.
        map_threshold: the rule's share in (0, 1); `None` = as the model says.
        threshold_file: threshold.json of `tbspot calibrate` for this model.
        gate: whether films that are no frontal chest film are refused.
        follow_links: whether a symbolic link stands for the film that it leads to.

    Raises:
        ModelError: the file is absent, broken, no model of tbspot or not for this precision.
        MissingExtraError: it needs torch, which is not installed.
        TbspotError: an option does not fit the model, or a path is empty.
    """
    file = None if path is None else as_given_path(path, "path")
    chooses = None if threshold_file is None else as_given_path(threshold_file, "threshold_file")
    engine = open_engine(file, precision, device=device)
    settings = LocateSettings(
        model=engine.description.title,
        engine=engine.name,
        method=method,
        mirror=mirror,
        scales=tuple(scales) if isinstance(scales, Iterable) else (scales,),
        map_rule=map_rule,
        map_threshold=map_threshold,
        gate=gate,
        follow_links=follow_links,
    )
    if chooses is not None:
        chosen = threshold_for_model(chooses, engine.description)
        settings = replace(settings, threshold=chosen.threshold, calibration=chosen.calibration)
    return Model(engine, settings)


class Model:
    """A model, ready to locate; `load_model` opens one.

    Args:
        engine: that runs it.
        settings: how films are read and answered.

    Raises:
        TbspotError: the settings do not fit the model.
    """

    def __init__(self, engine: Engine, settings: LocateSettings | None = None) -> None:
        self._given = engine
        self._settings = settings = settings or LocateSettings()
        _check(settings)
        self._engine = engine_for(engine, settings.method, mirror=settings.mirror)
        rule = settings.map_rule
        if settings.method != "cam" and rule is None:
            rule = "otsu"  # the model's threshold was chosen for maps of the closed form
        self._enough = enough_for(engine.description, settings.scales)
        self._cut = cut_of(engine.description, rule, settings.map_threshold)

    @property
    def description(self) -> Description:
        """What the model says of itself: name, version, frame, thresholds, terms."""
        return self._engine.description

    @property
    def at_once(self) -> int:
        """Films that are best answered at the same time."""
        return self._engine.at_once

    def __repr__(self) -> str:
        return f"<tbspot model {self.description.title}, {self._engine.name}>"

    def __copy__(self) -> Model:
        """Itself: nothing of a model changes."""
        return self

    def __deepcopy__(self, _: object) -> Model:
        return self

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: what runs a net cannot leave its process."""
        raise TypeError(
            "a model cannot be sent to another process; open it there, with tbspot.load_model"
        )

    def locate(
        self,
        film: FilmSource,
        *,
        name: str | None = None,
        value_range: tuple[float, float] | None = None,
    ) -> Finding:
        """What the model says of one film; a film that cannot be read is a finding too.

        Args:
            film: a path, an open binary file, the bytes of a file, an array or tensor
                `[height, width]`, or a Pillow picture.
            name: what the film is called; `None` = its path, or `film`.
            value_range: of an array: the values that mean black and white, such as `(0, 4095)`;
                `None` = (0, 255) of uint8 and (0, 1) of floating point numbers.

        Raises:
            ModelError: the model cannot be run on this processor, so no other film fares better.
            ValueError: the array is no film: not two-dimensional, masked, or without a range; or
                the path or the name is empty.
            TypeError: the film is none of these, or the name no text.
        """
        name = name_of(film, name)
        path, source = None, film
        if isinstance(film, (str, os.PathLike)):
            path = Path(film)
        elif (pixels := pixels_in(film)) is not None:
            source = pixels
        else:
            source = content_of(film)  # a stream is taken once, and a film may be read twice
        follow_links = self._settings.follow_links
        read = partial(read_film, source, value_range, name=name, follow_links=follow_links)
        finding = self.answer(lambda: self._examine(read, self._enough), name)
        if path is None:
            return finding
        return replace(finding, read=partial(self._closer, finding, path), path=path)

    def locate_many(self, films: Iterable[str | os.PathLike[str]]) -> Iterator[Finding]:
        """What the model says of each film, in order, while those after it are being read.

        Memory does not grow with the films: a finding holds its numbers and its map on the net's
        grid, and reads the film anew where a picture is asked of it.

        Raises:
            ModelError: the model cannot be run on this processor.
            ValueError: a path is empty.
            TypeError: it is one film or folder, or holds what is no path; `locate` takes one film,
                in memory too.
        """
        if isinstance(films, (str, bytes, os.PathLike)):
            raise TypeError(
                f"{films!r} is one film or folder; give a list of paths, such as "
                'sorted(Path("films").rglob("*.png")), or use locate'
            )
        return self._for_many.locate_items(map(_item, films))

    def locate_items(self, items: Iterable[Item]) -> Iterator[Finding]:
        """The same of films that have names of their own, as many at once as the engine is for."""
        return stream(items, self.read_item, self._answer_lightly, self.at_once)

    def read(self, path: Path, *, enough: int | None = None, name: str | None = None) -> Verdict:
        """Read a film no finer than it is needed, and say whether it is to be judged.

        Args:
            path: of the film.
            enough: pixels that are enough for either side; `None` = for the net.
            name: what sentences call the film; `None` = its path.

        Raises:
            TbspotError: it cannot be read.
        """
        read = partial(read_film, path, name=name, follow_links=self._settings.follow_links)
        return self._examine(read, enough or self._enough)

    def read_item(self, item: Item, *, enough: int | None = None) -> Verdict:
        """The same of one of many films, of which it may be known that it cannot be read."""
        if item.fault:
            raise UnreadableFilmError(item.fault)
        return self.read(item.path, enough=enough, name=item.told)

    def answer(self, read: Callable[[], Verdict], name: str) -> Finding:
        """What is to be said of a film: the one way for command, page and library.

        Args:
            read: gives the examined film, or raises what is wrong with it.
            name: of the film.

        Raises:
            ModelError: the model cannot be run on this processor.
        """
        try:
            verdict = read()
            if verdict.status == "refused":
                return self._without_score(verdict, name)
            prediction, evidence = predict(
                verdict.film.pixels,
                name,
                engine=self._engine,
                cut=self._cut,
                scales=self._settings.scales,
                area=verdict.area,
                shape=verdict.film.shape,
            )
        except ModelError:
            raise
        except Exception as error:
            return self.failed(name, error)
        update: dict[str, object] = {"code": verdict.code, "reason": verdict.reason}
        if self._settings.threshold is not None:
            update["threshold"] = self._settings.threshold
            update["calibration"] = self._settings.calibration
        line = said_of(prediction.model_copy(update=update), verdict.film.seen)
        return Finding(line, evidence, partial(_held_film, verdict))

    @cached_property
    def _for_many(self) -> Model:
        """The same with the cores shared out among films; gradient methods take one at a time."""
        if self._settings.method != "cam":
            return self
        return Model(self._given.shared_by(films_at_once(MOST_AT_ONCE)), self._settings)

    def read_again(self, item: Item, seen: Seen | None, enough: int | None = None) -> Film:
        """Read a film that was located, for another picture of it.

        Args:
            item: the film.
            seen: its bytes as they were located; `None` = not known, as of one that failed.
            enough: pixels that are enough for either side; `None` = for the net.

        Raises:
            TbspotError: it cannot be read, or another film lies in its place.
        """
        film = self.read_item(item, enough=enough).film
        check_same(shown(item.path), film.seen, seen.sha256 if seen else None)
        return film

    def _answer_lightly(self, item: Item, read: Callable[[], Verdict]) -> Finding:
        """The same without the film, which is read anew when it is asked for."""
        finding = self.answer(read, item.name)
        seen = None if finding.status == "failed" else read().film.seen
        return replace(finding, read=partial(self.read_again, item, seen), path=item.path)

    def _closer(self, finding: Finding, path: Path, enough: int | None) -> Film:
        """The film that was read, or with more pixels, where it has more, read anew."""
        film = finding.read(None)
        if enough is None or film.reduced_from is None:
            return film
        return self.read_again(Item(path, shown(path)), film.seen, enough)

    def _examine(self, read: ReadFilm, enough: int) -> Verdict:
        return examine_film(read, enough, gate=self._settings.gate)

    def _without_score(self, verdict: Verdict, name: str) -> Finding:
        line = said_of(self._line(name, "refused", verdict.code, verdict.reason), verdict.film.seen)
        return Finding(line, None, partial(_held_film, verdict))

    def failed(self, name: str, error: Exception) -> Finding:
        """What is to be said of a film that cannot be read, or for which memory ran short.

        Raises:
            Exception: `error` itself, where it is neither.
        """
        if is_out_of_memory(error) or isinstance(error, OutOfMemoryError):
            code, reason = "memory", f"memory ran out for {name}; {TRY_AGAIN}"
        elif isinstance(error, TbspotError):
            code, reason = "unreadable", str(error)
        else:
            raise error
        told = UnreadableFilmError(reason)
        return Finding(self._line(name, "failed", code, reason), None, partial(_raise, told))

    def _line(self, name: str, status: Status, code: str | None, reason: str | None) -> Prediction:
        return Prediction(
            image=name,
            status=status,
            code=code,
            reason=reason,
            model=self.description.name,
            version=self.description.version,
        )


def _item(film: str | os.PathLike[str]) -> Item:
    if not isinstance(film, (str, os.PathLike)):
        raise TypeError(
            f"locate_many takes paths, not {type(film).__name__}; give what is in memory to locate"
        )
    return Item(Path(film), name_of(film))


def _held_film(verdict: Verdict, _: int | None) -> Film:
    return verdict.film


def _raise(error: Exception, _: int | None) -> Film:
    raise error
