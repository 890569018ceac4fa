from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tbspot.errors import TbspotError
from tbspot.records.evaluation import FILE_NAME, Curve, Evaluation, FilmResult, read_evaluation
from tbspot.records.figures import Figure


def test_a_figure_without_a_value_must_say_why() -> None:
    with pytest.raises(ValidationError, match="a reason why it has none"):
        Figure(value=None, films=3)
    with pytest.raises(ValidationError, match="a reason why it has none"):
        Figure(value=0.5, films=3, reason="but it has one")


def test_a_figure_is_never_nan() -> None:
    with pytest.raises(ValidationError, match="finite"):
        Figure(value=float("nan"), films=3)


def test_a_figure_reads_as_in_a_table() -> None:
    assert Figure(value=0.24281, low=0.2, high=0.3, films=9).words() == "0.243 [0.200, 0.300]"
    assert Figure(value=0.24281, low=0.2, high=0.3, films=9).words(interval=False) == "0.243"
    assert Figure(value=None, films=0, reason="there is no film").words() == "undefined"


def test_an_absent_evaluation_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(TbspotError, match=r"evaluation\.json cannot be read: .*; make one with"):
        read_evaluation(tmp_path)


@pytest.mark.parametrize("content", ["", "{}", '{"format": 1', "[1, 2]"])
def test_a_broken_evaluation_is_one_clear_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE_NAME).write_text(content, "utf-8")
    with pytest.raises(TbspotError, match="is not an evaluation of this version of tbspot"):
        read_evaluation(tmp_path)


@pytest.mark.parametrize("wrong", [{"low": 0.6, "high": 0.4}, {"low": 0.4}, {"films": -1}], ids=str)
def test_a_figure_whose_parts_contradict_each_other_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Figure(**({"value": 0.5, "films": 3} | wrong))


@pytest.mark.parametrize("wrong", [{"iou": 5}, {"iou": -0.1}, {"hit": 2}, {"score": 1.1}], ids=str)
def test_a_share_of_a_film_is_a_share(wrong: dict[str, Any]) -> None:
    film = {
        "image": "a", "source": "s", "label": 1, "status": "ok", "score": 0.5, "called": True,
        "width": 9, "height": 9, "heatmap": None, "iou": 1, "hit": 0, "found": (), "truth": (),
    }  # fmt: skip
    FilmResult.model_validate(film)
    with pytest.raises(ValidationError, match="1 validation error"):
        FilmResult.model_validate(film | wrong)


@pytest.mark.parametrize("wrong", ["thresholds", "miou", "raw_miou"])
def test_a_curve_lies_on_its_chart(wrong: str) -> None:
    curve = {"films": "f", "thresholds": (0.5,), "miou": (0.5,), "raw_miou": (0.5,)}
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        Curve.model_validate(curve | {wrong: (1e30,)})


def test_an_evaluation_has_a_row_for_its_tables() -> None:
    with pytest.raises(ValidationError, match=r"contenders\n +Tuple should have at least 1 item"):
        Evaluation.model_validate({"contenders": []})
