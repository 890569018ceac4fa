"""The predictions as Parquet, for pandas, DuckDB and Spark.

Takes a folder with `predictions.jsonl`; gives `predictions.parquet` beside it, whose columns are
the lines' fields. Needs pyarrow, the extra `parquet`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow.parquet import ParquetWriter

from tbspot.records.predictions import PredictedBox, Prediction, read_predictions
from tbspot.storage import replacing

__all__ = ["SCHEMA", "write_predictions_parquet"]

# Of one group of rows, which readers can skip or take alone; so many lines are held at a time.
ROWS = 10_000
BOX = pyarrow.struct([(name, pyarrow.float64()) for name in PredictedBox.model_fields])
NUMBERS = {
    **dict.fromkeys(("score", "threshold", "map_threshold"), pyarrow.float64()),
    **dict.fromkeys(("width", "height", "bytes"), pyarrow.int64()),
    "boxes": pyarrow.list_(BOX),
}
SCHEMA = pyarrow.schema(
    [(name, NUMBERS.get(name, pyarrow.string())) for name in Prediction.model_fields]
    + [("called", pyarrow.bool_())]
)


def write_predictions_parquet(path: Path, folder: Path) -> None:
    """Write one row a film, in the order of the lines, whole or not at all.

    Columns are the fields of `Prediction`, `boxes` a list of structures; `called` comes last.

    Args:
        path: of the file to write.
        folder: of the predictions.

    Raises:
        TbspotError: a line is not a prediction, or the file cannot be written.
    """
    rows = (one.model_dump() | {"called": one.called} for one in read_predictions(folder))
    with replacing(path) as temporary, ParquetWriter(str(temporary), SCHEMA) as writer:
        for some in _groups(rows):
            writer.write_table(pyarrow.Table.from_pylist(some, SCHEMA))


def _groups(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while some := list(islice(rows, ROWS)):
        yield some
