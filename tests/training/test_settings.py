"""Settings that no training can have are refused where they are made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tbspot.errors import TbspotError
from tbspot.training.score_head import ScoreHeadSettings
from tbspot.training.settings import Strength, TrainingSettings


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
        ({"head_rate": "0.1"}, "`head_rate` must be a valid number, not 0.1"),
        ({"seed": 10**20}, "`seed` must be less than 9223372036854775808"),
        ({"temperature": 0.0}, "`temperature` must be greater than 0, not 0.0"),
    ],
)
def test_a_training_s_impossible_value_is_named(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TbspotError) as refused:
        TrainingSettings(data=("films",), **change)
    assert sentence in str(refused.value)


def test_a_view_s_impossible_value_is_named() -> None:
    with pytest.raises(TbspotError, match="`erase` must be greater than or equal to 0, not -1"):
        Strength(erase=-1)


def test_a_score_head_s_impossible_value_is_named() -> None:
    with pytest.raises(TbspotError, match="`ridge` must be a finite number, not inf"):
        ScoreHeadSettings(Path("model.onnx"), ("films",), ridge=float("inf"))
