"""'TBX11K simplified' from Kaggle: `images/` and `data.csv`, one row a box or a film without any.

Takes its folder; gives its films with their boxes and official splits.
"""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path
from typing import Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    FiniteFloat,
    PositiveInt,
    ValidationError,
    field_validator,
)

from tbspot.errors import TbspotError
from tbspot.parsing import first_fault
from tbspot.samples.names import stem
from tbspot.samples.reading import (
    Reading,
    absent_note,
    exists,
    inside,
    read_rows,
    refuse_other_size,
    truth_box,
)
from tbspot.samples.sample import LesionKind, Sample, TruthBox

__all__ = ["TABLE_FILE", "read_simplified"]

TABLE_FILE = "data.csv"
KINDS: dict[str, LesionKind] = {"active_tb": "active", "latent_tb": "latent"}


class _Box(BaseModel):
    # True and '10' are no numbers.
    model_config = ConfigDict(strict=True)

    xmin: FiniteFloat
    ymin: FiniteFloat
    width: FiniteFloat
    height: FiniteFloat


class _Row(BaseModel):
    fname: str
    image_width: PositiveInt
    image_height: PositiveInt
    source: str
    bbox: _Box | None
    target: Literal["tb", "no_tb"]
    tb_type: str

    @field_validator("bbox", mode="before")
    @classmethod
    def _from_python_text(cls, cell: object) -> object:
        # The column holds Python dictionaries as text, or the word none.
        try:
            return None if cell in ("none", "") else ast.literal_eval(str(cell))
        except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
            raise ValueError("not a box") from error


def read_simplified(folder: Path) -> Reading:
    """Read `data.csv` and the films of `images` that it lists.

    Raises:
        TbspotError: a row is not of this data set, or a box does not lie on its film.
    """
    path, films = folder / TABLE_FILE, folder / "images"
    rows: dict[Path, list[tuple[str, _Row]]] = {}
    for line, cells in read_rows(path, tuple(_Row.model_fields)):
        where = f"{path}, line {line},"
        row = _row(cells, where)
        of_film = rows.setdefault(inside(films, row.fname, path), [])
        of_film.append((where, row))
        _refuse_contradiction(*of_film[0], *of_film[-1])
    samples: list[Sample] = []
    absent: Counter[int] = Counter()
    first: Path | None = None
    for film, film_rows in rows.items():
        label = int(film_rows[0][1].target == "tb")
        if exists(film):
            samples.append(_sample(film, films, label, film_rows))
        else:
            absent[label] += 1
            first = first or film
    notes = absent_note(str(folder), absent, films, first)
    return Reading(tuple(samples), notes, absent, first)


def _row(cells: dict[str, str], where: str) -> _Row:
    try:
        return _Row.model_validate(cells)
    except ValidationError as error:
        raise TbspotError(
            f"{where} is no row of 'TBX11K simplified' ({first_fault(error)}); correct it"
        ) from error


def _refuse_contradiction(first: str, one: _Row, where: str, other: _Row) -> None:
    """Rows of one film differ in their boxes alone."""
    if (one.target, one.source, one.image_width, one.image_height) != (
        other.target, other.source, other.image_width, other.image_height,
    ):  # fmt: skip
        line = first.rpartition("line ")[2].rstrip(",")
        raise TbspotError(
            f"{where} contradicts line {line} on {other.fname}, in target, source or size; "
            "correct one"
        )


def _sample(film: Path, films: Path, label: int, rows: list[tuple[str, _Row]]) -> Sample:
    boxes = tuple(_box(row, row.bbox, where) for where, row in rows if row.bbox is not None)
    where, row = rows[0]
    size = None
    if boxes:
        size = refuse_other_size(film, (row.image_width, row.image_height), where)
    return Sample(
        path=film.absolute(),
        name=film.relative_to(films).as_posix(),
        label=label,
        source="tbx11k",
        patient=stem(film.name),
        split=row.source,
        boxes=boxes,
        size=size,
    )


def _box(row: _Row, box: _Box, where: str) -> TruthBox:
    return truth_box(
        (box.xmin, box.ymin, box.xmin + box.width, box.ymin + box.height),
        (row.image_width, row.image_height),
        KINDS.get(row.tb_type, "uncertain"),
        where,
    )
