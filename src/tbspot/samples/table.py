"""A table of films: any CSV file with a path and a label in each row.

Takes the file and the names of its columns; gives its films. Which films the label column calls
TB is part of the call, so a column of findings can serve.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path

from pydantic import FiniteFloat, TypeAdapter, ValidationError

from tbspot.errors import TbspotError
from tbspot.pathnames import as_text
from tbspot.samples.names import without_ending
from tbspot.samples.reading import (
    Reading,
    absent_note,
    exists,
    film_size,
    inside,
    read_rows,
    told,
    truth_box,
)
from tbspot.samples.sample import LesionKind, Sample, TruthBox

__all__ = ["Columns", "read_table"]

_Corners = tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat]
_BOXES = TypeAdapter(
    list[_Corners | tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat, LesionKind]]
)

NAMING = "name its own behind a question mark, as in labels.csv?path=file&label=finding"


@dataclass(frozen=True)
class Columns:
    """The names of a table's columns; the table must have each that is named.

    One that is not named (`None`) has its usual name, `patient` and so on, where the table has it.

    Attributes:
        path: film, relative to the table's folder (or to `root`).
        label: 1 or 0, or any value when `positive` is given.
        patient: whatever identifies the patient; without it each film is one.
        split: name of the split, may be empty.
        source: name of the collection; without it the name of the table's folder.
        boxes: JSON list of `[x0, y0, x1, y1]` or `[x0, y0, x1, y1, kind]` in pixels; an empty
            cell says that nobody looked.
    """

    path: str = "path"
    label: str = "label"
    patient: str | None = None
    split: str | None = None
    source: str | None = None
    boxes: str | None = None


def read_table(
    path: Path,
    columns: Columns = Columns(),
    *,
    positive: str | None = None,
    root: Path | None = None,
) -> Reading:
    """Read the films that a CSV file lists.

    Args:
        path: of the CSV file.
        columns: names of its columns.
        positive: the value of the label column that means TB; every other value means not TB.
        root: folder that the paths are relative to, by default the CSV file's own. No path may
            lead out of it.

    Raises:
        TbspotError: the file or one of its rows is wrong.
    """
    folder = root or path.parent
    samples: list[Sample] = []
    absent: Counter[int] = Counter()
    first: Path | None = None
    values: dict[str, None] = {}
    for where, film, row in _rows(path, columns, folder):
        values[row[columns.label]] = None
        label = _label(row[columns.label], positive, where)
        if exists(film):
            samples.append(_sample(film, folder, label, columns, row, where))
        else:
            absent[label] += 1
            first = first or film
    notes = absent_note(str(path), absent, folder, first)
    if positive is not None:
        _refuse_other_words(path, columns.label, positive, list(values))
        notes = (*notes, *_none_note(path, columns.label, positive, list(values)))
    return Reading(tuple(samples), notes, absent, first)


def _refuse_other_words(path: Path, label: str, positive: str, values: list[str]) -> None:
    """Refuse a table that says what means TB in other letters too, or among other findings.

    Such films would have none. Findings are listed as in NIH's tables, `TB|Effusion`.

    Raises:
        TbspotError: it does.
    """
    wanted = positive.strip().casefold()
    other = [one for one in values if one != positive and wanted in _findings(one)]
    if not other:
        return
    if positive in values:
        raise TbspotError(
            f"{path} has rows whose {label!r} is {positive!r} and rows where it is {told(other)}; "
            "write the one that ?positive=VALUE names in all of them"
        )
    raise TbspotError(
        f"{path} has no row whose {label!r} is {positive!r} (there are: {told(values)}); "
        "say with ?positive=VALUE which of them means TB"
    )


def _findings(value: str) -> list[str]:
    """What a value says, in small letters: the whole of it, and each part of a list."""
    said = value.casefold()
    return [one.strip() for one in (said, *re.split("[|;]", said))]


def _none_note(path: Path, label: str, positive: str, values: list[str]) -> tuple[str, ...]:
    """The sentence on a table of films that are all without TB, as no row says otherwise."""
    if not values or positive in values:
        return ()
    return (
        f"{path} has no row whose {label!r} is {positive!r} (there are: {told(values)}), so all "
        "of its films count as without TB",
    )


def _rows(path: Path, columns: Columns, folder: Path) -> Iterator[tuple[str, Path, dict[str, str]]]:
    seen: set[Path] = set()
    named = tuple(name for name in astuple(columns) if name is not None)
    for line, row in read_rows(path, named, NAMING):
        where, name = f"{path}, line {line},", row[columns.path]
        if not name:
            raise TbspotError(f"{where} names no film; fill or remove the row")
        film = inside(folder, name, path)
        if film in seen:
            raise TbspotError(
                f"{where} lists {name} a second time; "
                "keep one row a film, with all its boxes in one cell"
            )
        seen.add(film)
        yield where, film, row


def _label(cell: str, positive: str | None, where: str) -> int:
    if not cell:
        raise TbspotError(f"{where} has no label; fill or remove the row")
    if positive is not None:
        return int(cell == positive)
    if cell not in ("0", "1"):
        raise TbspotError(
            f"{where} has the label {cell!r}, not 1 (TB) or 0; "
            "correct it, or say which value means TB with ?positive=VALUE"
        )
    return int(cell)


def _sample(
    film: Path, folder: Path, label: int, columns: Columns, row: dict[str, str], where: str
) -> Sample:
    name = film.relative_to(folder).as_posix()
    boxes, size = _boxes(row.get(columns.boxes or "boxes", ""), film, where)
    return Sample(
        path=film.absolute(),
        name=name,
        label=label,
        source=row.get(columns.source or "source") or as_text(folder.absolute().name),
        patient=row.get(columns.patient or "patient") or without_ending(name),
        split=row.get(columns.split or "split", ""),
        boxes=boxes,
        size=size,
    )


def _boxes(
    cell: str, film: Path, where: str
) -> tuple[tuple[TruthBox, ...] | None, tuple[int, int] | None]:
    """The boxes of a cell, and the film's size."""
    if not cell:
        return None, None
    try:
        boxes = _BOXES.validate_json(cell, strict=True)
    except ValidationError as error:
        raise TbspotError(
            f"{where} has boxes that are not a JSON list of [x0, y0, x1, y1], such as "
            "[[10, 20, 110, 90]]; correct the cell"
        ) from error
    size = film_size(film)
    found = tuple(
        truth_box(box[:4], size, box[4] if len(box) == 5 else "uncertain", where) for box in boxes
    )
    return found, size
