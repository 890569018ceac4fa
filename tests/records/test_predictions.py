from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tbspot.errors import TbspotError
from tbspot.records.predictions import (
    FILE_NAME,
    PredictedBox,
    Prediction,
    read_heatmap,
    read_predictions,
)

PREDICTION = Prediction(
    image="tb/tb0001.png",
    status="ok",
    score=0.9,
    threshold=0.5,
    map_threshold=0.4,
    map_rule="tuned",
    boxes=(PredictedBox(x0=1, y0=2.5, x1=30, y1=40, score=0.8),),
    heatmap="heatmaps/tb0001.npy",
    width=512,
    height=500,
    model="student",
    version="0123456789abcdef",
)
REFUSED = Prediction(
    image="a.png", status="refused", reason="a lateral view", model="student", version="0"
)


def _write(folder: Path, *lines: str) -> None:
    (folder / FILE_NAME).write_text("".join(f"{line}\n" for line in lines), "utf-8")


def test_predictions_are_read_back_as_they_were_written_and_in_order(tmp_path: Path) -> None:
    written = [PREDICTION, REFUSED, PREDICTION.model_copy(update={"image": "b.png"})]
    _write(tmp_path, *(one.model_dump_json() for one in written))
    assert list(read_predictions(tmp_path)) == written


def test_predictions_are_read_one_at_a_time(tmp_path: Path) -> None:
    _write(tmp_path, PREDICTION.model_dump_json(), "not read yet")
    predictions = read_predictions(tmp_path)
    assert next(predictions) == PREDICTION
    with pytest.raises(TbspotError):
        next(predictions)


def test_a_line_of_a_later_tbspot_is_told_as_such(tmp_path: Path) -> None:
    _write(tmp_path, PREDICTION.model_dump_json()[:-1] + ',"certainty":0.5}')
    with pytest.raises(TbspotError, match="a later one made it; update tbspot"):
        list(read_predictions(tmp_path))


def test_whole_numbers_may_have_a_point_as_pandas_writes_a_column_with_gaps(tmp_path: Path) -> None:
    said = PREDICTION.model_copy(update={"width": 64, "height": 48, "bytes": 900})
    written = said.model_dump() | {"width": 64.0, "height": 48.0, "bytes": 900.0}
    _write(tmp_path, json.dumps(written))
    assert list(read_predictions(tmp_path)) == [said]


@pytest.mark.parametrize("line", ["{", "", "[]", '{"image": "a.png"}', '{"image": NaN}'])
def test_a_line_that_is_no_prediction_is_named_by_its_number(tmp_path: Path, line: str) -> None:
    _write(tmp_path, PREDICTION.model_dump_json(), line)
    with pytest.raises(TbspotError, match=r"predictions\.jsonl, line 2, is not a prediction"):
        list(read_predictions(tmp_path))


def test_a_file_that_is_not_text_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TbspotError, match=r"predictions\.jsonl is not text"):
        list(read_predictions(tmp_path))


def test_a_folder_without_predictions_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(TbspotError, match=r"holds no predictions\.jsonl; make one"):
        list(read_predictions(tmp_path))


@pytest.mark.parametrize(
    "wrong", [{"score": 1.1}, {"score": -0.1}, {"status": "maybe"}, {"patient": "Jane Doe"}]
)
def test_a_prediction_holds_nothing_but_what_is_agreed(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Prediction.model_validate(PREDICTION.model_dump() | wrong)


def _heatmap(folder: Path, content: np.ndarray, name: str = "heatmaps/tb0001.npy") -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    np.save(folder / name, content)


def test_a_heat_map_is_read_back_as_float32_with_its_own_grid(tmp_path: Path) -> None:
    evidence = np.arange(12, dtype=np.float16).reshape(3, 4) - 5
    _heatmap(tmp_path, evidence)
    read = read_heatmap(tmp_path, PREDICTION)
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, evidence)


@pytest.mark.parametrize(
    "content",
    [
        np.zeros(4, np.float32),
        np.zeros((1, 2, 2), np.float32),
        np.full((2, 2), np.nan, np.float32),
        np.full((2, 2), np.inf, np.float32),
    ],
)
def test_a_heat_map_that_is_not_a_finite_map_is_refused(
    tmp_path: Path, content: np.ndarray
) -> None:
    _heatmap(tmp_path, content)
    with pytest.raises(TbspotError, match="is not a heat map"):
        read_heatmap(tmp_path, PREDICTION)


def test_a_heat_map_that_would_run_code_is_refused(tmp_path: Path) -> None:
    (tmp_path / "heatmaps").mkdir()
    np.save(tmp_path / "heatmaps" / "tb0001.npy", np.array([[print]]), allow_pickle=True)
    with pytest.raises(TbspotError, match="is not a heat map"):
        read_heatmap(tmp_path, PREDICTION)


def test_a_heat_map_of_text_is_refused(tmp_path: Path) -> None:
    _heatmap(tmp_path, np.array([["a", "b"]]))
    with pytest.raises(TbspotError, match="is not a heat map"):
        read_heatmap(tmp_path, PREDICTION)


def test_an_absent_or_cut_off_heat_map_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(TbspotError, match="is not a heat map"):
        read_heatmap(tmp_path, PREDICTION)
    _heatmap(tmp_path, np.zeros((8, 8), np.float32))
    path = tmp_path / "heatmaps" / "tb0001.npy"
    for length in (0, 20, 200):
        path.write_bytes(path.read_bytes()[:length])
        with pytest.raises(TbspotError, match="is not a heat map"):
            read_heatmap(tmp_path, PREDICTION)


def test_a_heat_map_outside_the_folder_is_refused(tmp_path: Path) -> None:
    _heatmap(tmp_path, np.zeros((2, 2), np.float32), "secret.npy")
    (tmp_path / "out").mkdir()
    stolen = PREDICTION.model_copy(update={"heatmap": "../secret.npy"})
    with pytest.raises(TbspotError, match="is not a heat map"):
        read_heatmap(tmp_path / "out", stolen)


def test_a_refused_film_has_no_heat_map_to_read(tmp_path: Path) -> None:
    with pytest.raises(TbspotError, match=r"a\.png has no heat map"):
        read_heatmap(tmp_path, REFUSED)


@pytest.mark.parametrize("status", ["refused", "failed"])
@pytest.mark.parametrize("has", ["score", "boxes", "heatmap"])
def test_a_film_that_was_not_judged_has_no_answer(tmp_path: Path, status: str, has: str) -> None:
    line = REFUSED.model_dump() | {"status": status, has: PREDICTION.model_dump()[has]}
    _write(tmp_path, json.dumps(line))
    with pytest.raises(TbspotError, match=r"line 1, is not a prediction of tbspot; remove"):
        list(read_predictions(tmp_path))
