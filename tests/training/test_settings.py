"""Settings that no training can have are refused where they are made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tbspot.errors import TbspotError
from tbspot.training.score_head import ScoreHeadSettings
from tbspot.training.settings import Strength, TrainingSettings

# A student whose teacher's scores are all that it learns.
TAUGHT = {"teachers": (Path("teacher.onnx"),), "label_weight": 0.0}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"batch_norm": "Frozen"}, "`batch_norm` must be one of frozen, train, not Frozen"),
        ({"label_sources": "al"}, "`label_sources` must be one of all, paired, not al"),
        ({"teacher_view": "sane"}, "`teacher_view` must be one of same, clean, not sane"),
        ({"teacher_map": "fuse"}, "`teacher_map` must be one of cam, fused, refined, not fuse"),
        ({"map_target": "overlapp"}, "`map_target` must be one of probability, overlap, not over"),
        ({"map_low": 0.8, "map_high": 0.2}, "`map_low` must be less than `map_high`"),
        ({"average": 2.0}, "`average` must be less than 1, not 2.0"),
        ({"epochs": 0}, "`epochs` must be greater than or equal to 1, not 0"),
        ({"epochs": 1.5}, "`epochs` must be a valid integer, not 1.5"),
        ({"batch_size": 0}, "`batch_size` must be greater than or equal to 1, not 0"),
        ({"body_rate": float("nan")}, "`body_rate` must be a finite number, not nan"),
        ({"head_rate": float("inf")}, "`head_rate` must be a finite number, not inf"),
        ({"head_rate": "0.1"}, "`head_rate` must be a valid number, not '0.1'"),
        ({"seed": 10**20}, "`seed` must be less than 9223372036854775808"),
        ({"frozen_stages": 5}, "a net of 4 stages has no 5 to freeze"),
        ({"frozen_stages": 4, "stages": 3}, "give `frozen_stages` from 0 to 3"),
        ({"temperature": 0.0}, "`temperature` must be greater than 0, not 0.0"),
        ({"label_weight": 0.0}, "nothing is taught: every weight is 0; give `label_weight`"),
        ({**TAUGHT, "score_weight": 0.0}, "nothing is taught: every weight is 0"),
        ({"map_weight": 1.0}, "no teacher has a map that `map_weight` could be of"),
        ({**TAUGHT, "halves": 0.5}, "nothing is taught on halves of films"),
        (
            {**TAUGHT, "draw_lesions": 0.5, "drawn_weight": 0.0},
            "nothing is taught on films with drawn lesions",
        ),
        ({"label_smoothing": 1.0}, "`label_smoothing` must be less than 1"),
        ({"body_rate": 0.0, "head_rate": 0.0, "init": "a"}, "nothing is learnt at a `head_rate`"),
        ({"head_rate": 0.0}, "nothing is learnt at a `head_rate` of 0"),
        ({**TAUGHT, "label_smoothing": 0.1}, "`label_smoothing` has no effect without `label_w"),
        ({**TAUGHT, "label_sources": "paired"}, "`label_sources` has no effect without `label_"),
        ({**TAUGHT, "map_target": "overlap"}, "`map_target` has no effect without `map_weight`"),
        ({**TAUGHT, "map_low": 0.1}, "`map_low` has no effect without `map_weight`"),
        ({**TAUGHT, "teacher_map": "fused"}, "`teacher_map` has no effect without `map_weight`"),
        ({"temperature": 4.0}, "`temperature` has no effect without `score_weight`"),
        ({"drawn_weight": 4.0}, "`drawn_weight` has no effect without `draw_lesions`"),
    ],
)
def test_a_training_s_impossible_value_is_named(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TbspotError) as refused:
        TrainingSettings(data=("films",), **change)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    "change",
    [
        TAUGHT,
        {"body_rate": 0.0},
        {"head_rate": 0.0, "init": "model.safetensors"},
        {**TAUGHT, "score_weight": 0.0, "draw_lesions": 0.5},
        {"teachers": (Path("a"),), "halves": 0.5, "map_low": 0.1, "teacher_map": "fused"},
    ],
)
def test_a_training_that_is_taught_something_is_not_refused(change: dict[str, Any]) -> None:
    TrainingSettings(data=("films",), **change)


def test_a_view_s_impossible_value_is_named() -> None:
    with pytest.raises(TbspotError, match="`erase` must be greater than or equal to 0, not -1"):
        Strength(erase=-1)


def test_a_score_head_s_impossible_value_is_named() -> None:
    with pytest.raises(TbspotError, match="`ridge` must be a finite number, not inf"):
        ScoreHeadSettings(Path("model.onnx"), ("films",), ridge=float("inf"))
