from __future__ import annotations

import csv
from pathlib import Path

from tbspot.locating.folder import Keeper
from tbspot.locating.table import write_predictions_table
from tbspot.records.predictions import PredictedBox, Prediction

BOX = PredictedBox(x0=1, y0=2, x1=3, y1=4, score=0.5)


def _table(folder: Path, *predictions: Prediction) -> list[dict[str, str]]:
    with Keeper(folder) as keeper:
        for prediction in predictions:
            keeper.keep(prediction)
    with write_predictions_table(folder).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_each_film_is_a_row_with_score_and_call(tmp_path: Path) -> None:
    (row,) = _table(
        tmp_path,
        Prediction(
            image="a.png", status="ok", score=0.75, threshold=0.5, boxes=(BOX, BOX), width=9,
            height=8, model="m", version="v",
        ),
    )  # fmt: skip
    assert row == {
        "image": "a.png", "status": "ok", "code": "", "reason": "", "score": "0.75",
        "threshold": "0.5", "called": "yes", "calibration": "", "width": "9", "height": "8",
        "model": "m", "version": "v", "boxes": "2",
    }  # fmt: skip


def test_a_film_under_the_threshold_is_not_called_and_one_without_a_threshold_is_open(
    tmp_path: Path,
) -> None:
    low = Prediction(image="a", status="ok", score=0.2, threshold=0.5, model="m", version="v")
    rows = _table(tmp_path, low, low.model_copy(update={"image": "b", "threshold": None}))
    assert [row["called"] for row in rows] == ["no", ""]


def test_a_name_like_a_formula_is_only_text(tmp_path: Path) -> None:
    name = "=cmd|' /C calc'!A0.png"
    (row,) = _table(tmp_path, Prediction(image=name, status="failed", model="m", version="v"))
    assert row["image"] == f"'{name}"
