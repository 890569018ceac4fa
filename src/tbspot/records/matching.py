"""Which prediction belongs to which film.

Takes a folder of predictions and films; gives each film's prediction or none. Reading the lines
is left to predictions.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tbspot.errors import TbspotError
from tbspot.records.predictions import Prediction, read_predictions
from tbspot.samples.sample import Sample

__all__ = ["Matched", "match"]


@dataclass(frozen=True)
class Matched:
    """One model's predictions of some films.

    Attributes:
        folder: that holds them.
        predictions: of each film, without boxes, `None` where there is none.
        model: name of the model.
        version: of the model.
    """

    folder: Path
    predictions: tuple[Prediction | None, ...]
    model: str
    version: str

    @property
    def usable(self) -> int:
        """How many films have a map."""
        return sum(one is not None and one.status == "ok" for one in self.predictions)


def match(folder: Path, samples: Sequence[Sample], what: str) -> Matched:
    """Each film's prediction: that of its name, or else of its file name without the ending.

    Args:
        folder: of predictions.
        samples: films.
        what: these films are, for errors.

    Raises:
        TbspotError: the folder holds no predictions, two of one film, or several models'; no film
            has a prediction, or two films have the same one.
    """
    by_name = _read(folder)
    model, version = _model(folder, by_name.values())
    by_stem = _unique_stems(by_name.values())
    found = tuple(
        by_name.get(sample.name) or by_stem.get(PurePosixPath(sample.name).stem)
        for sample in samples
    )
    if not any(found):
        raise TbspotError(
            f"{folder} has no prediction of {what} (such as {samples[0].name}); "
            "run `tbspot locate` on these films"
        )
    _refuse_shared(folder, samples, found)
    return Matched(folder, found, model, version)


def _read(folder: Path) -> dict[str, Prediction]:
    by_name: dict[str, Prediction] = {}
    for prediction in read_predictions(folder):
        if prediction.image in by_name:
            raise TbspotError(
                f"{folder} holds two predictions of {prediction.image}; run `tbspot locate` again"
            )
        # Boxes are cut anew from the maps, by several rules.
        by_name[prediction.image] = prediction.model_copy(update={"boxes": ()})
    return by_name


def _model(folder: Path, predictions: Iterable[Prediction]) -> tuple[str, str]:
    models = {(prediction.model, prediction.version) for prediction in predictions}
    if not models:
        raise TbspotError(f"{folder} holds no prediction; run `tbspot locate` on the films first")
    if len(models) > 1:
        names = ", ".join(sorted(f"{name} {version}" for name, version in models))
        raise TbspotError(
            f"{folder} holds predictions of several models ({names}); "
            "locate with each into its own folder"
        )
    return models.pop()


def _unique_stems(predictions: Iterable[Prediction]) -> dict[str, Prediction | None]:
    by_stem: dict[str, Prediction | None] = {}
    for prediction in predictions:
        stem = PurePosixPath(prediction.image).stem
        by_stem[stem] = None if stem in by_stem else prediction
    return by_stem


def _refuse_shared(
    folder: Path, samples: Sequence[Sample], found: Sequence[Prediction | None]
) -> None:
    owners: dict[str, Sample] = {}
    for sample, prediction in zip(samples, found, strict=True):
        if prediction is None:
            continue
        other = owners.setdefault(prediction.image, sample)
        if other is not sample:
            raise TbspotError(
                f"the prediction of {prediction.image} in {folder} fits two films, "
                f"{other.path} and {sample.path}; evaluate their sources one at a time"
            )
