from __future__ import annotations

from pathlib import Path

import pytest

from tbspot.locating.folder import Keeper
from tbspot.records.predictions import PredictedBox, Prediction, read_predictions

pyarrow = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
BOX = PredictedBox(x0=1, y0=2.5, x1=3, y1=4, score=0.5)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    said = {"model": "m", "version": "v"}
    with Keeper(tmp_path) as keeper:
        for number in range(5):
            boxes = (BOX,) * number
            keeper.keep(
                Prediction(
                    image=f"ü{number}", status="ok", score=number / 5, threshold=0.5, boxes=boxes,
                    map_rule="tuned", map_threshold=0.4, width=9, height=8, bytes=7, sha256="a",
                    **said,  # type: ignore[arg-type]
                )
            )  # fmt: skip
        keeper.keep(Prediction(image="x", status="failed", reason="broken", **said))  # type: ignore[arg-type]
    return tmp_path


def test_a_row_holds_what_a_line_does(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tbspot.locating.parquet import write_predictions_parquet

    monkeypatch.setattr("tbspot.locating.parquet.ROWS", 4)
    write_predictions_parquet(run / "out" / "p.parquet", run)
    file = pyarrow.ParquetFile(run / "out" / "p.parquet")
    assert file.num_row_groups == 2
    rows = file.read().to_pylist()
    lines = list(read_predictions(run))
    assert [row.pop("called") for row in rows] == [line.called for line in lines]
    assert [Prediction.model_validate(row) for row in rows] == lines


def test_a_run_without_a_film_is_a_table_without_a_row(tmp_path: Path) -> None:
    from tbspot.locating.parquet import write_predictions_parquet

    with Keeper(tmp_path):
        pass
    write_predictions_parquet(tmp_path / "p.parquet", tmp_path)
    assert pyarrow.read_table(tmp_path / "p.parquet").num_rows == 0
