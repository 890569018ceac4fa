from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from tbspot.description import Description


def test_a_description_is_read_back_from_its_json_as_it_was() -> None:
    description = Description(
        name="student",
        size=448,
        through=128,
        output_stride=16,
        stride_place="1x1",
        pooling="lse",
        refinement="affinity",
        temperature=1.7,
        map_threshold=0.35,
        map_rule="tuned",
        area_share=0.08,
        recipe="tbspot train --data a && tbspot distill --data a",
    )
    assert Description.model_validate_json(description.model_dump_json()) == description


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 0},
        {"output_stride": 12},
        {"stages": 2, "output_stride": 16},
        {"stages": 3, "output_stride": 32},
        {"stride_place": "2x2"},
        {"pooling": "max"},
        {"temperature": 0},
        {"score_threshold": 1.2},
        {"map_threshold": 1.0},
        {"map_rule": "guess"},
        {"evidence": "probability", "refinement": "affinity"},
        {"unknown_to_this_version": 1},
    ],
)
def test_a_setting_out_of_range_or_unknown_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Description.model_validate({"name": "student"} | wrong)


def test_a_description_needs_a_name() -> None:
    with pytest.raises(ValidationError, match="name"):
        Description.model_validate({})


def test_a_description_cannot_be_changed_in_place() -> None:
    description = Description(name="student")
    with pytest.raises(ValidationError, match="frozen"):
        description.size = 64


def test_a_description_can_be_read_without_torch() -> None:
    code = "import sys, tbspot.description; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
