"""A folder that `tbspot locate` wrote, as the page shows it.

Takes the folder; gives a row and a case for each film. Choosing and sorting rows is left to
worklist.py.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tbspot.errors import TbspotError
from tbspot.records.predictions import read_heatmap, read_predictions
from tbspot.viewer.cases import Case
from tbspot.viewer.films import films_of
from tbspot.viewer.truths import truths_of
from tbspot.viewer.worklist import Row, Worklist

__all__ = ["Run"]


class Run:
    """A run folder, read once.

    Args:
        folder: that `tbspot locate` wrote.
        films: where its films are now, if they were moved.

    Attributes:
        folder: as given.
        rows: one a film, in the order of predictions.jsonl.
        worklist: the same, to choose from.

    Raises:
        TbspotError: the folder holds no predictions, or they cannot be read.
    """

    def __init__(self, folder: Path, films: Path | None = None) -> None:
        predictions = list(read_predictions(folder))
        if not predictions:
            raise TbspotError(f"{folder} holds no prediction; run `tbspot locate` on the films")
        truths = truths_of(folder, predictions)
        self.folder = folder
        self.rows = tuple(
            Row(number, *pair) for number, pair in enumerate(zip(predictions, truths, strict=True))
        )
        self.worklist = Worklist(self.rows)
        self._films = films_of(folder, films)
        self._numbers = {row.prediction.image: row.number for row in self.rows}

    def case(self, number: int) -> Case:
        """The film of a row."""
        row = self.rows[number]
        prediction = row.prediction
        return Case(
            prediction,
            film=partial(self._films.read, prediction.image),
            evidence=partial(read_heatmap, self.folder, prediction) if prediction.heatmap else None,
            truth=row.truth,
        )

    def case_of(self, image: str) -> Case | None:
        """The film that its prediction calls `image`."""
        number = self._numbers.get(image)
        return None if number is None else self.case(number)
