from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from amend import amend as amend_model

from pages import write_model
from tbspot.amendment import amendment_path
from tbspot.description import moved_threshold
from tbspot.engine.engine import open_engine, released_model
from tbspot.errors import ModelError, TbspotError
from tbspot.export.onnx_file import export
from tbspot.export.selftest import selftest
from tbspot.locating import load_model
from tbspot.nets.weights import load_classifier
from tbspot.records.threshold import threshold_for_model

FILM = np.linspace(0, 0.75, 64 * 64, dtype=np.float32).reshape(64, 64)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "student.onnx", "student", 1)


def amend(model: Path, **changes: object) -> None:
    content = {"amends": "student-1", "temperature": 2.0, "note": "of some films"} | changes
    amendment_path(model).write_text(json.dumps(content))


def logit_of(model: Path) -> float:
    score = load_model(model, gate=False).locate(FILM).score
    assert score is not None
    return float(np.log(score) - np.log1p(-score))


def test_an_amended_temperature_divides_the_logit_and_makes_another_version(model: Path) -> None:
    before, version = logit_of(model), open_engine(model).description.version
    amend(model)
    assert logit_of(model) == pytest.approx(before / 2)
    description = open_engine(model).description
    assert description.temperature == 2.0
    assert description.version != version
    # Another temperature is another version, another note is not.
    amend(model, note="in other words", score_rule="by hand", map_note="by hand")
    assert open_engine(model).description.version == description.version
    amend(model, temperature=2.5)
    assert open_engine(model).description.version not in (version, description.version)


def test_a_film_is_called_as_before_at_a_score_of_half(model: Path) -> None:
    films = [FILM, FILM / 2, 1 - FILM]
    called = [load_model(model, gate=False).locate(film).called for film in films]
    amend(model)
    assert [load_model(model, gate=False).locate(film).called for film in films] == called
    assert set(called) == {True, False}


def test_a_threshold_of_before_is_refused(model: Path, tmp_path: Path) -> None:
    version = open_engine(model).description.version
    chosen = {"threshold": 0.4, "rule": "r", "model": "student", "version": version}
    file = tmp_path / "threshold.json"
    file.write_text(json.dumps(chosen | {"calibration": "c"}))
    threshold_for_model(file, open_engine(model).description)
    amend(model)
    with pytest.raises(TbspotError, match="was made for version student-1"):
        threshold_for_model(file, open_engine(model).description)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"amends": "other"}, "amends version other, and .* is version student-1; remove it"),
        ({"temperature": 0}, "is not an amendment of a model .*; remove it"),
        ({"score_threshold": 2}, "is not an amendment of a model .*; remove it"),
        ({"temperature": "NaN"}, "is not an amendment of a model .*; remove it"),
        ({"bias": 3}, "is not an amendment of a model .*; remove it"),
    ],
)
def test_an_amendment_of_another_model_or_of_nonsense_is_one_sentence(
    model: Path, changes: dict[str, object], sentence: str
) -> None:
    amend(model, **changes)
    with pytest.raises(ModelError, match=sentence):
        open_engine(model)


def test_an_amendment_changes_what_it_names_and_nothing_else(model: Path) -> None:
    before = open_engine(model).description
    amend(model, temperature=None, mirror=not before.mirror, score_threshold=0.25)
    after = open_engine(model).description
    assert (after.mirror, after.score_threshold) == (not before.mirror, 0.25)
    assert after.version != before.version
    named = {"mirror": before.mirror, "score_threshold": before.score_threshold}
    assert after.model_copy(update={**named, "version": before.version}) == before


def test_amendments_add_up_and_leave_a_reference_that_the_model_passes(model: Path) -> None:
    amend_model(model, "half the time", {"mirror": False})
    amend_model(model, "of some films", {"temperature": 2.0})
    description = open_engine(model).description
    assert (description.mirror, description.temperature) == (False, 2.0)
    said = json.loads(amendment_path(model).read_text("utf-8"))
    assert said["note"] == "half the time; of some films"
    assert selftest(model).passed


def test_a_temperature_takes_the_threshold_that_was_chosen_along(model: Path) -> None:
    amend_model(model, "on some films", {"score_threshold": 0.6, "score_rule": "by 90 %"})
    amend_model(model, "of others", {"temperature": 2.0})
    description = open_engine(model).description
    assert description.score_threshold == pytest.approx(moved_threshold(0.6, 2))
    assert description.score_rule == "by 90 %"


def test_what_was_said_of_thresholds_is_not_said_of_a_model_that_sees_films_otherwise(
    model: Path,
) -> None:
    amend_model(model, "by hand", {"map_note": "chosen by hand", "score_rule": "by 90 %"})
    before = open_engine(model).description
    assert before.map_note == "chosen by hand"
    amend_model(model, "twice the time", {"mirror": not before.mirror})
    expected = before.changed({"mirror": not before.mirror}, "the model")
    after = open_engine(model).description
    assert after.model_copy(update={"version": expected.version}) == expected
    assert after.map_note != before.map_note


@pytest.mark.slow
def test_torch_sees_the_same_amendment_and_an_export_takes_it_into_its_file(
    exported: Path, tmp_path: Path
) -> None:
    copied = tmp_path / "copied.onnx"
    shutil.copy(exported, copied)
    amend(copied, amends=open_engine(copied).description.version)
    description = open_engine(copied).description
    assert load_classifier(copied)[1].version == description.version
    export(copied, copied, [FILM], overwrite=True)
    assert not amendment_path(copied).exists()
    assert open_engine(copied).description.temperature == 2.0


def test_the_released_model_has_its_temperature_and_says_on_which_films_it_was_chosen() -> None:
    said = json.loads(amendment_path(released_model()).read_text("utf-8"))
    description = open_engine().description
    assert description.temperature == said["temperature"] != 1
    # A threshold that was chosen before moves with it; its rule, in words, stays the file's.
    assert description.score_threshold == said["score_threshold"]
    assert "no film with TB and no box was used" in description.score_rule
    assert "were not trained on" in said["note"]


def test_an_amendment_that_cannot_be_leaves_the_one_before(model: Path) -> None:
    amend(model)
    before = amendment_path(model).read_bytes()
    with pytest.raises(TbspotError, match=r"student\.onnx cannot have score threshold 2\.0"):
        amend_model(model, "wrong", {"score_threshold": 2.0})
    assert amendment_path(model).read_bytes() == before


def test_a_checkpoint_and_its_export_side_by_side_have_amendments_of_their_own() -> None:
    names = [amendment_path(Path("runs", name)).name for name in ("m.safetensors", "m.onnx")]
    assert names == ["m.safetensors.amended.json", "m.amended.json"]
