"""A folder that `tbspot locate` wrote, as the page shows it.

Takes the folder; gives a row and a case for each film. Choosing and sorting rows is left to
worklist.py.
"""

from __future__ import annotations

import sys
from functools import partial
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tbspot.errors import TbspotError
from tbspot.images.opening import may_be_same
from tbspot.parsing import lines_in, open_file, parse
from tbspot.records.predictions import FILE_NAME, Prediction, read_heatmap, read_predictions
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
        with open_file(folder / FILE_NAME, sys.maxsize) as lines:
            self._starts = tuple(accumulate(map(len, lines_in(lines)), initial=0))
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
        return Case(
            row.prediction,
            film=partial(self._film, row),
            evidence=partial(self._evidence, row) if row.prediction.heatmap else None,
            truth=row.truth,
        )

    def _film(self, row: Row) -> NDArray[np.float32]:
        self._check_unchanged(row)
        return self._films.read(row.prediction.image, row.prediction.sha256)

    def _evidence(self, row: Row) -> NDArray[np.float32]:
        try:
            return read_heatmap(self.folder, row.prediction)
        finally:  # only then: `locate` writes a new map once the line of the old one is gone
            self._check_unchanged(row)

    def _check_unchanged(self, row: Row) -> None:
        """See that a film's line stands where it stood: a run may go on while it is looked at.

        Raises:
            TbspotError: the film has been located again, or lines have been put in another order.
        """
        try:
            with open_file(self.folder / FILE_NAME, sys.maxsize) as lines:
                lines.seek(self._starts[row.number])
                same = parse(next(lines_in(lines), b""), Prediction) == row.prediction
        except (OSError, ValueError):
            same = False
        if not same:
            raise TbspotError(
                f"{self.folder} has changed since this page was opened, so that the answer shown "
                f"for {row.prediction.image} may be an old one; open the run again"
            )

    def case_of(self, prediction: Prediction) -> Case | None:
        """The same film in this run, by its name; without an answer where its bytes are others."""
        number = self._numbers.get(prediction.image)
        if number is None:
            return None
        case = self.case(number)
        same = may_be_same(prediction.sha256, case.prediction.sha256)
        return case if same else self._other_film(case.prediction)

    def _other_film(self, prediction: Prediction) -> Case:
        """In the place of a film whose answer does not belong beside the other model's."""
        reason = f"{prediction.image} is another film in {self.folder}: its file had other bytes"
        return Case(
            Prediction(
                image=prediction.image,
                status="failed",
                reason=reason,
                model=prediction.model,
                version=prediction.version,
            ),
            film=partial(_raise, reason),
            evidence=None,
        )


def _raise(reason: str) -> NDArray[np.float32]:
    raise TbspotError(reason)
