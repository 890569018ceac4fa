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
from tbspot.samples.names import stem, without_ending
from tbspot.samples.sample import Sample

__all__ = ["Matched", "Predictions", "finder", "match", "predictions_in"]

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
    """

    source: str
    lines: Iterable[Prediction]
    read_map: ReadMap
    remedy: str = "run `tbspot locate` on these films"


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
        notes: sentences for the reader.
    """

    predictions: tuple[Prediction | None, ...]
    model: str
    version: str
    read_map: ReadMap
    gives_boxes: bool = False
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


def match(given: Path | Predictions, samples: Sequence[Sample], what: str) -> Matched:
    """Each film's prediction: that of its name, or else of its name without the ending.

    Where folders differ, the file name without the ending is enough if no other prediction has it.

    Args:
        given: predictions, or the folder that holds them.
        samples: films.
        what: these films are, for errors.

    Raises:
        TbspotError: there are no predictions, two of one film, or several models'; no film has a
            prediction, or two films have the same one.
    """
    predictions = predictions_in(given) if isinstance(given, Path) else given
    by_name = _by_name(predictions)
    model, version = _model(predictions, by_name.values())
    find = finder(by_name)
    found = tuple(find(sample.name) for sample in samples)
    if not any(found):
        raise TbspotError(
            f"{predictions.source} has no prediction of {what} (such as {samples[0].name}); "
            f"{predictions.remedy}"
        )
    _refuse_shared(predictions.source, samples, found)
    return Matched(found, model, version, predictions.read_map)


def _by_name(predictions: Predictions) -> dict[str, Prediction]:
    by_name: dict[str, Prediction] = {}
    for prediction in predictions.lines:
        if prediction.image in by_name:
            raise TbspotError(
                f"{predictions.source} holds two predictions of {prediction.image}; "
                "run `tbspot locate` again"
            )
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


def finder(by_name: Mapping[str, Thing]) -> Callable[[str], Thing | None]:
    """Finds what is of a film by the film's name, or by less of it where that is of one alone.

    Args:
        by_name: things by the names of the films that they are of.

    Returns:
        From a film's name to the thing of the same name, or of the same without the ending, or of
        the same file name without folders and ending; `None` where there is none, or two.
    """
    by_path, by_stem = _unique(by_name, without_ending), _unique(by_name, stem)
    return lambda name: (
        by_name.get(name) or by_path.get(without_ending(name)) or by_stem.get(stem(name))
    )


def _unique(by_name: Mapping[str, Thing], key: Callable[[str], str]) -> dict[str, Thing | None]:
    """Things by a part of their names; `None` where two have the same."""
    by_key: dict[str, Thing | None] = {}
    for name, thing in by_name.items():
        part = key(name)
        by_key[part] = None if part in by_key else thing
    return by_key


def _refuse_shared(
    source: str, samples: Sequence[Sample], found: Sequence[Prediction | None]
) -> None:
    owners: dict[str, Sample] = {}
    for sample, prediction in zip(samples, found, strict=True):
        if prediction is None:
            continue
        other = owners.setdefault(prediction.image, sample)
        if other is not sample:
            raise TbspotError(
                f"the prediction of {prediction.image} in {source} fits two films, "
                f"{other.path} and {sample.path}; evaluate their sources one at a time"
            )
