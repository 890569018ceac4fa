"""Scores with their truth, from a CSV file or a folder of predictions.

Takes what a user names; gives scores, labels and columns of sub-groups, checked: enough films of
both classes, scores that differ. What is computed from them is left to the modules beside this.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tbspot.errors import TbspotError
from tbspot.files import fingerprint
from tbspot.metrics import source_label_auroc, unless_undefined
from tbspot.parsing import LARGEST
from tbspot.records.matching import match
from tbspot.samples.counting import patients_of
from tbspot.samples.loading import in_split, load
from tbspot.samples.reading import number_of, read_rows
from tbspot.scores import shown_figure

__all__ = ["LEAST_FILMS", "Scored", "read_predicted", "read_scores"]

# Fewer films of a class give sensitivities and specificities that nothing can be decided by.
LEAST_FILMS = 20
# Columns of a CSV file that are no sub-groups.
SCORE, REFERENCE, ID, MODEL, VERSION = "score", "reference", "id", "model", "version"
PATIENT = "patient"
NEEDED = (
    "give each score its truth (reference: 1 = TB, 0 = not) under these names; of a run name the "
    "folder, with --data and --split"
)
# A column of sub-groups, by which patients are told too.
SOURCE = "source"


@dataclass(frozen=True)
class Scored:
    """Films with a score and their truth.

    Attributes:
        source: what was read, as given.
        scores: `[n]`, finite.
        labels: `[n]`, 1 = TB.
        columns: cells of each column of sub-groups, `n` a column.
        patients: `[n]`, who each film is of; `None` where each is of a patient of its own.
        model: name of the model, if known.
        version: of the model, if known.
        notes: sentences for the reader.
    """

    source: str
    scores: NDArray[np.float64]
    labels: NDArray[np.int_]
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    patients: NDArray[np.str_] | None = None
    model: str | None = None
    version: str | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse films that no threshold can be chosen by."""
        tb = int(self.labels.sum())
        for films, kind in ((tb, "with TB"), (len(self.labels) - tb, "without TB")):
            if films < LEAST_FILMS:
                raise TbspotError(
                    f"{self.source} has {films} films {kind}, and a threshold needs "
                    f"{LEAST_FILMS} or more of each kind; add films"
                )
        if self.scores.min() == self.scores.max():
            raise TbspotError(
                f"{self.source} gives every film the score {self.scores[0]:g}, so no threshold "
                "divides them; check the column of scores"
            )

    def fingerprint(self) -> str:
        """Of the scores and their truth, whatever the order of the films."""
        order = np.lexsort([self.labels, self.scores])
        return fingerprint(self.scores[order].tobytes(), self.labels[order].tobytes())


def read_scores(path: Path) -> Scored:
    """Read a CSV file with the columns `score` and `reference` (0 or 1).

    The columns `id`, `patient`, `model` and `version` are understood where they are present; every
    other column divides the films into sub-groups. Patients of two values of a column `source` are
    two, whatever their names.

    Raises:
        TbspotError: the file or one of its rows is wrong, or there are too few films.
    """
    scores: list[float] = []
    labels: list[int] = []
    rows: list[dict[str, str]] = []
    lines: dict[str, int] = {}
    for line, row in read_rows(path, (SCORE, REFERENCE), NEEDED):
        where = f"{path}, line {line},"
        scores.append(_score(row[SCORE], where))
        labels.append(_reference(row[REFERENCE], where))
        rows.append(row)
        first = lines.setdefault(row[ID], line) if row.get(ID) else line
        if first != line:
            raise TbspotError(
                f"{where} has the id of line {first} again ({row[ID]!r}); keep one row a film"
            )
    names = list(rows[0]) if rows else []
    own = (SCORE, REFERENCE, ID, PATIENT, MODEL, VERSION)
    # An empty cell is a patient whom nobody named: not the one of the other empty cells.
    patients = [
        "\n".join(filter(None, (row.get(SOURCE), row[PATIENT])))
        if row.get(PATIENT)
        else f"\n{place}"
        for place, row in enumerate(rows)
    ]
    return Scored(
        source=str(path),
        scores=np.array(scores, np.float64),
        labels=np.array(labels, np.int_),
        columns={
            name: tuple(row.get(name, "") for row in rows) for name in names if name not in own
        },
        patients=np.array(patients, np.str_),
        model=_only(rows, MODEL, path),
        version=_only(rows, VERSION, path),
    )


def read_predicted(
    folder: Path, data: Sequence[str], split: str, split_file: Path | None = None
) -> Scored:
    """The scores of a folder of predictions, with the truth of the films of a split.

    Args:
        folder: that `tbspot locate` wrote.
        data: sources of films and labels.
        split: name of the split; not one that the model was trained on.
        split_file: from `tbspot prepare`, if any.

    Raises:
        TbspotError: data or predictions are absent or wrong, or there are too few films.
    """
    loaded = load(data, split_file)
    samples = in_split(loaded.samples, split)
    matched = match(folder, samples, f"a film of split {split}", loaded.every)
    pairs = [
        (sample, one.score)
        for sample, one in zip(samples, matched.predictions, strict=True)
        if one is not None and one.score is not None
    ]
    sources = tuple(sample.source for sample, _ in pairs)
    labels = np.array([sample.label for sample, _ in pairs], np.int_)
    lost = len(samples) - len(pairs)
    without = [f"films of split {split} without a score, left out: {lost:,}"] if lost else []
    several = len(set(sources)) > 1
    return Scored(
        source=str(folder),
        scores=np.array([score for _, score in pairs], np.float64),
        labels=labels,
        columns={"source": sources} if several else {},
        patients=patients_of([sample for sample, _ in pairs]),
        model=matched.model,
        version=matched.version,
        notes=(*loaded.notes, *matched.notes, *without, *_pooling_note(labels, sources)),
    )


def _pooling_note(labels: NDArray[np.int_], sources: Sequence[str]) -> list[str]:
    """What films of several sources cannot tell."""
    if len(set(sources)) < 2:
        return []
    alone = unless_undefined(lambda: source_label_auroc(labels, sources), None)
    if alone is None:
        return []
    return [
        "the films are of several sources, whose names alone tell TB with AUROC "
        f"{shown_figure(alone)} (chance is 0.5): a threshold for one of them is to be chosen on "
        "films of that one"
    ]


def _score(cell: str, where: str) -> float:
    score = number_of(cell)
    if not math.isfinite(score):
        raise TbspotError(f"{where} has the score {cell!r}, not a number; fill or remove the row")
    # Charts span the scores: of greater ones the span has no number.
    if abs(score) > LARGEST:
        raise TbspotError(f"{where} has the score {cell!r}, beyond {LARGEST:g}; correct the row")
    return score


def _reference(cell: str, where: str) -> int:
    reference = number_of(cell)
    if reference not in (0, 1):
        raise TbspotError(
            f"{where} has the reference {cell!r}, not 1 (TB) or 0; correct or remove the row"
        )
    return int(reference)


def _only(rows: Sequence[dict[str, str]], column: str, path: Path) -> str | None:
    """The one value of a column that may be absent."""
    values = {row[column] for row in rows if row.get(column)}
    if len(values) > 1:
        raise TbspotError(
            f"{path} has scores of more than one {column} ({', '.join(sorted(values)[:3])}); "
            "calibrate each by itself"
        )
    return values.pop() if values else None
