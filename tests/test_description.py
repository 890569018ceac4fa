from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tbspot.description import NOT_TOLD, Description, moved_threshold
from tbspot.errors import TbspotError
from tbspot.numerics import sigmoid


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
        *({text: "x" * 100_001} for text in ("score_rule", "map_note", "recipe", "data", "terms")),
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


MODEL = Description(
    name="model", map_rule="tuned", map_threshold=0.44, map_note="by boxes", score_rule="by 90 %"
)


@pytest.mark.parametrize(
    ("changes", "threshold", "note"),
    [
        ({"name": "other"}, 0.44, "by boxes"),
        ({"map_threshold": 0.44}, 0.44, "by boxes"),
        ({"map_threshold": 0.3}, 0.3, NOT_TOLD),
        ({"map_threshold": 0.3, "map_note": "by Otsu's mean"}, 0.3, "by Otsu's mean"),
        ({"map_rule": "otsu"}, None, "Otsu per film, box-free"),
        ({"map_rule": "quantile", "map_threshold": 0.1}, 0.1, NOT_TOLD),
        ({"map_rule": "quantile", "area_share": 0.1}, None, NOT_TOLD),
    ],
)
def test_words_and_shares_of_a_threshold_go_with_it(
    changes: dict[str, Any], threshold: float | None, note: str
) -> None:
    after = MODEL.changed(changes, "model.onnx")
    assert (after.map_threshold, after.map_note, after.score_rule) == (threshold, note, "by 90 %")
    assert after.model_copy(update=MODEL.model_dump()) == MODEL


@pytest.mark.parametrize("threshold", [0.0, 0.12, 0.5, 0.545, 1.0])
@pytest.mark.parametrize("ratio", [0.45, 1.38])
def test_a_moved_threshold_calls_the_same_films(threshold: float, ratio: float) -> None:
    logits = np.linspace(-6, 6, 101) + 0.01
    called = sigmoid(logits) >= threshold
    assert ((sigmoid(logits / ratio) >= moved_threshold(threshold, ratio)) == called).all()


def test_another_temperature_moves_the_threshold_that_was_chosen_and_keeps_its_rule() -> None:
    chosen = MODEL.changed({"score_threshold": 0.6, "score_rule": "by 90 %"}, "model.onnx")
    hotter = chosen.changed({"temperature": 3.0}, "model.onnx")
    assert hotter.score_threshold == moved_threshold(0.6, 3)
    assert hotter.score_rule == "by 90 %"
    back = hotter.changed({"temperature": 1.0}, "model.onnx")
    assert back.score_threshold == pytest.approx(0.6)
    # Given by somebody who moved it too, or chosen anew and not told how.
    given = {"temperature": 3.0, "score_threshold": moved_threshold(0.6, 3)}
    assert chosen.changed(given, "model.onnx") == hotter
    given["score_threshold"] = 0.6
    kept = chosen.changed(given, "model.onnx")
    assert (kept.score_threshold, kept.score_rule) == (0.6, NOT_TOLD)


@pytest.mark.parametrize("changes", [{"mirror": True}, {"size": 384}, {"through": 128}])
def test_words_on_a_threshold_are_not_kept_for_other_scores_and_maps(
    changes: dict[str, Any],
) -> None:
    after = MODEL.changed(changes, "model.onnx")
    assert (after.score_threshold, after.map_threshold) == (0.5, 0.44)
    assert after.score_rule == after.map_note == NOT_TOLD
    told = {"score_rule": "by 90 % anew", "map_note": "by boxes anew"}
    assert MODEL.changed(changes | told, "model.onnx").model_dump().items() >= told.items()
    plain = Description(name="plain").changed(changes, "model.onnx")
    assert (plain.score_rule, plain.map_note) == ("0.5, not tuned", "Otsu per film, box-free")


def test_a_refined_map_has_another_threshold_and_the_score_the_same() -> None:
    after = MODEL.changed({"refinement": "affinity"}, "model.onnx")
    assert (after.map_note, after.score_rule) == (NOT_TOLD, "by 90 %")


def test_another_threshold_of_the_score_is_not_said_to_be_the_one_chosen() -> None:
    assert MODEL.changed({"score_threshold": 0.7}, "model.onnx").score_rule == NOT_TOLD


@pytest.mark.parametrize("rule", ["tuned", "quantile"])
def test_a_rule_without_its_share_is_one_sentence(rule: str) -> None:
    otsu = MODEL.changed({"map_rule": "otsu"}, "model.onnx")
    with pytest.raises(TbspotError, match=rf"^model\.onnx cannot be so: the rule {rule} needs"):
        otsu.changed({"map_rule": rule}, "model.onnx")


def test_a_share_of_the_maximum_is_not_taken_for_one_of_the_area() -> None:
    with pytest.raises(TbspotError, match=r"the rule quantile needs its share, `map_threshold`"):
        MODEL.changed({"map_rule": "quantile"}, "model.onnx")
