"""Which prediction belongs to which film.

Takes one model's predictions, from a folder or from memory, and films; gives each film's
prediction or none, with a way to its map. Reading the lines is left to predictions.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tbspot.errors import TbspotError
from tbspot.records.predictions import Prediction, read_heatmap, read_predictions
from tbspot.samples.duplicates import content_of
from tbspot.samples.names import Names, stem
from tbspot.samples.reading import sha256_of
from tbspot.samples.sample import Sample

__all__ = ["Matched", "NamedFilms", "Predictions", "finder", "match", "predictions_in"]

Thing = TypeVar("Thing")
# A prediction's evidence `[h, w]`, read or made when it is asked for.
ReadMap = Callable[[Prediction], NDArray[np.float32]]


@dataclass(frozen=True)
class Predictions:
    """One model's predictions, wherever they come from.

    Attributes:
        source: where from, for errors, such as the folder.
        lines: one prediction a film.
        read_map: evidence of a prediction whose status is `ok`.
        remedy: what to do where predictions are missing.
        twice: what stands before and behind a film's name in the sentence on two of one name;
            `None` = as of a folder.
    """

    source: str
    lines: Iterable[Prediction]
    read_map: ReadMap
    remedy: str = "run `tbspot locate` on these films"
    twice: tuple[str, str] | None = None


@dataclass(frozen=True)
class Matched:
    """One model's predictions of some films.

    Attributes:
        predictions: of each film, `None` where there is none.
        model: name of the model.
        version: of the model.
        read_map: evidence of one of them whose status is `ok`.
        gives_boxes: whether the model gives boxes in the place of maps: they are taken as they
            are, with their own scores, and none are cut from `read_map`.
        is_foreign: whether another program made them: what its model was trained on is not known.
        notes: sentences for the reader.
    """

    predictions: tuple[Prediction | None, ...]
    model: str
    version: str
    read_map: ReadMap
    gives_boxes: bool = False
    is_foreign: bool = False
    notes: tuple[str, ...] = ()

    @property
    def usable(self) -> int:
        """How many films have a map or boxes."""
        return sum(one is not None and one.status == "ok" for one in self.predictions)


def predictions_in(folder: Path) -> Predictions:
    """Those that `tbspot locate` wrote into a folder; it is read when they are asked for."""
    # Boxes are cut anew from the maps, by several rules.
    lines = (one.model_copy(update={"boxes": ()}) for one in read_predictions(folder))
    return Predictions(str(folder), lines, partial(read_heatmap, folder))


def match(
    given: Path | Predictions, samples: Sequence[Sample], what: str, loaded: Iterable[Sample] = ()
) -> Matched:
    """Each film's prediction: that of its name, or of the closest: `NamedFilms.called`.

    Where names alone do not decide, a prediction that has the hash of its film's file is that of
    the film with that file. One that names gave to another file is counted in a note.

    Args:
        given: predictions, or the folder that holds them.
        samples: films.
        what: these films are, for errors.
        loaded: all films of the data, of whatever split: what is of one of them is not given to
            another.

    Raises:
        TbspotError: there are no predictions, two of one film, or several models'; no film has a
            prediction, or two films have the same one.
    """
    predictions = predictions_in(given) if isinstance(given, Path) else given
    by_name = _by_name(predictions)
    model, version = _model(predictions, by_name.values())
    found = _found(predictions.source, by_name, samples, NamedFilms((*samples, *loaded)))
    if not any(found):
        raise TbspotError(
            f"{predictions.source} has no prediction of {what} (such as {samples[0].name}); "
            f"{predictions.remedy}"
        )
    _refuse_shared(predictions.source, samples, found)
    notes = _other_file_notes(samples, found)
    return Matched(found, model, version, predictions.read_map, notes=notes)


class NamedFilms:
    """Films, to be found by what predictions call them.

    Args:
        films: all that there are, of whatever split: a name is never taken for another film than
            those that it is closest to.
    """

    def __init__(self, films: Iterable[Sample]) -> None:
        self._by_path = {film.path.as_posix(): film for film in films}
        self._by_name: dict[str, list[Sample]] = {}
        for film in self._by_path.values():
            self._by_name.setdefault(film.name, []).append(film)
        self._names = Names(self._by_name)

    def __contains__(self, name: str) -> bool:
        """Whether a film has this very name."""
        return name in self._names

    def called(self, name: str) -> list[Sample]:
        """The film at this path, or else those of the closest name, see `Names.closest`.

        Of several that are as close, such as films of two sources, those in whose paths the
        folders agree too.
        """
        if name in self._by_path:
            return [self._by_path[name]]
        near = [film for one in self._names.closest(name) for film in self._by_name[one]]
        if len(near) < 2:
            return near
        paths = {film.path.as_posix(): film for film in near}
        return [paths[path] for path in Names(paths).closest(name)] or near

    def named(self, names: Iterable[str]) -> dict[Path, list[str]]:
        """By the paths of films, those of some names that each is called by."""
        named: dict[Path, list[str]] = {}
        for name in names:
            for film in self.called(name):
                named.setdefault(film.path, []).append(name)
        return named


def _found(
    source: str, by_name: Mapping[str, Prediction], samples: Sequence[Sample], films: NamedFilms
) -> tuple[Prediction | None, ...]:
    named = films.named(by_name)
    strays = _by_bytes(one for one in by_name.values() if one.image not in films)
    alike = _by_bytes(by_name.values())

    def of(sample: Sample) -> Prediction | None:
        own = named.get(sample.path, [])
        near = own if len(own) < 2 else Names(own).closest(sample.name)
        one = by_name[near[0]] if len(near) == 1 else None
        fits = films.called(one.image) if one else []
        if len(fits) == 1:
            return one
        same = _of_its_file(sample, alike if fits else strays)
        if one and not same:
            other = next(film for film in fits if film.path != sample.path)
            raise _fits_two(source, one, sample, other)
        return same

    return tuple(of(sample) for sample in samples)


def _by_bytes(predictions: Iterable[Prediction]) -> dict[tuple[str, int | None], list[Prediction]]:
    """Those that have a hash, by file name and size of the film's file."""
    found: dict[tuple[str, int | None], list[Prediction]] = {}
    for one in predictions:
        if one.sha256:
            found.setdefault((stem(one.image), one.bytes), []).append(one)
    return found


def _of_its_file(
    sample: Sample, by_bytes: Mapping[tuple[str, int | None], Sequence[Prediction]]
) -> Prediction | None:
    """A prediction that was made from the film's very file; of copies in two folders the first."""
    try:
        alike = by_bytes.get((stem(sample.name), sample.path.stat().st_size), ())
        digest = sha256_of(sample.path) if alike else ""
    except OSError:
        return None
    return next((one for one in alike if one.sha256 == digest), None)


def _other_file_notes(
    samples: Sequence[Sample], found: Sequence[Prediction | None]
) -> tuple[str, ...]:
    """The sentence on films of which another file was located, if there are any.

    A copy that was reduced or saved again is the same film, another patient's of the same name is
    not: who has the films must tell.
    """
    pairs = zip(samples, found, strict=True)
    others = [sample.name for sample, one in pairs if one and _is_other_file(sample, one)]
    if not others:
        return ()
    return (
        f"films that were located from a file with other bytes, taken by their names: "
        f"{len(others):,} (first: {', '.join(others[:3])}); unless those are copies of these "
        "films, locate these",
    )


def _is_other_file(sample: Sample, prediction: Prediction) -> bool:
    """Whether a film's file is known not to be the one that a prediction was made from."""
    if prediction.sha256 is None:
        return False
    try:
        size = sample.path.stat().st_size
        same_size = prediction.bytes in (None, size)
        return not same_size or content_of(sample.path) != prediction.sha256
    except (OSError, TbspotError):
        return False


def _by_name(predictions: Predictions) -> dict[str, Prediction]:
    by_name: dict[str, Prediction] = {}
    for prediction in predictions.lines:
        if prediction.image in by_name:
            of_folder = (
                f"{predictions.source} holds two predictions of",
                "run `tbspot locate` again",
            )
            before, behind = predictions.twice or of_folder
            raise TbspotError(f"{before} {prediction.image}; {behind}")
        by_name[prediction.image] = prediction
    return by_name


def _model(given: Predictions, predictions: Iterable[Prediction]) -> tuple[str, str]:
    models = {(prediction.model, prediction.version) for prediction in predictions}
    if not models:
        raise TbspotError(f"{given.source} holds no prediction; {given.remedy}")
    if len(models) > 1:
        names = ", ".join(sorted(f"{name} {version}" for name, version in models))
        raise TbspotError(
            f"{given.source} holds predictions of several models ({names}); "
            "locate with each into its own folder"
        )
    return models.pop()


def finder(by_name: Mapping[str, Thing], films: Iterable[str]) -> Callable[[str], Thing | None]:
    """Finds what is of a film by the film's name, or by a name that agrees with it.

    Args:
        by_name: things by the names of the films that they are of.
        films: names of all films that there are: a thing is never found for another film than
            those that its name is closest to.

    Returns:
        From a film's name to the thing of the closest name, see `Names.closest`; `None` where
        there is none, or two.
    """
    things, known = Names(by_name), Names(films)

    def find(name: str) -> Thing | None:
        near = [one for one in things.closest(name) if name in known.closest(one)]
        return by_name[near[0]] if len(near) == 1 else None

    return find


def _refuse_shared(
    source: str, samples: Sequence[Sample], found: Sequence[Prediction | None]
) -> None:
    owners: dict[str, Sample] = {}
    for sample, prediction in zip(samples, found, strict=True):
        if prediction is None:
            continue
        other = owners.setdefault(prediction.image, sample)
        if other is not sample:
            raise _fits_two(source, prediction, other, sample)


def _fits_two(source: str, prediction: Prediction, one: Sample, other: Sample) -> TbspotError:
    return TbspotError(
        f"the prediction of {prediction.image} in {source} fits two films, {one.path} and "
        f"{other.path}; evaluate their sources one at a time, or name films with their folders"
    )
