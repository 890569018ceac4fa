"""Models made of trained ones: runs/combine.py."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import torch

from tbspot.description import Description
from tbspot.errors import TbspotError
from tbspot.nets.classifier import Classifier
from tbspot.nets.weights import build_classifier, load_classifier, save_classifier

SMALL = Description(name="small", size=32, stages=3, output_stride=8)
SCRIPT = Path(__file__).parents[2] / "runs" / "combine.py"


@pytest.fixture(scope="module")
def combine() -> ModuleType:
    spec = importlib.util.spec_from_file_location("combine", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _save(path: Path, bias: float, **changes: object) -> Path:
    torch.manual_seed(0)
    classifier = build_classifier(SMALL)
    classifier.bias.data.fill_(bias)
    save_classifier(path, classifier, SMALL.model_copy(update=changes))
    return path


def test_weights_are_averaged_and_the_map_is_refined_as_told(
    combine: ModuleType, tmp_path: Path
) -> None:
    models = [_save(tmp_path / f"{bias}.safetensors", bias) for bias in (1.0, 4.0)]
    combine.average_weights(tmp_path / "mean", models, "affinity")
    classifier, description = load_classifier(tmp_path / "mean" / "model.safetensors")
    assert classifier.bias.item() == description.bias == 2.5
    assert (description.name, description.refinement) == ("mean", "affinity")
    first, _ = load_classifier(models[0])
    torch.testing.assert_close(classifier.body.conv1.weight, first.body.conv1.weight)


@pytest.mark.parametrize(("told", "kept"), [(None, "affinity"), ("none", "none")])
def test_a_refined_model_stays_so_unless_told_otherwise(
    combine: ModuleType, tmp_path: Path, told: str | None, kept: str
) -> None:
    model = _save(tmp_path / "model.safetensors", 1.0, refinement="affinity")
    combine.average_weights(tmp_path / "out", [model], told)
    assert load_classifier(tmp_path / "out" / "model.safetensors")[1].refinement == kept


def test_a_mean_has_the_temperature_and_threshold_of_none(
    combine: ModuleType, tmp_path: Path
) -> None:
    tuned = {"temperature": 2.5, "score_threshold": 0.2, "score_rule": "95 % of the films with TB"}
    models = [_save(tmp_path / f"{bias}.safetensors", bias, **tuned) for bias in (1.0, 4.0)]
    for given, kept in ((models, (1.0, 0.5, "0.5, not tuned")), (models[:1], (*tuned.values(),))):
        out = tmp_path / str(len(given))
        combine.average_weights(out, given, None)
        told = load_classifier(out / "model.safetensors")[1]
        assert (told.temperature, told.score_threshold, told.score_rule) == kept


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"stride_place": "1x1"}, "stride_place 3x3 and 1x1"),
        ({"pooling": "lse"}, "pooling mean and lse"),
        ({"stages": 4}, "stages 3 and 4"),
        ({"score_head": "own"}, "score_head map and own"),
    ],
)
def test_models_of_two_kinds_have_no_mean_and_nothing_is_written(
    combine: ModuleType, tmp_path: Path, changes: dict[str, object], sentence: str
) -> None:
    other = SMALL.model_copy(update=changes)
    save_classifier(tmp_path / "other.safetensors", Classifier(other), other)
    models = [_save(tmp_path / "one.safetensors", 1.0), tmp_path / "other.safetensors"]
    for pair in (models, models[::-1]):
        with pytest.raises(TbspotError, match=r"are of two kinds") as refused:
            combine.average_weights(tmp_path / "out", pair, None)
        assert (sentence in str(refused.value)) is (pair is models)
    assert not (tmp_path / "out").exists()


def test_a_model_of_probabilities_is_not_refined_and_nothing_is_written(
    combine: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = _save(tmp_path / "model.safetensors", 1.0, evidence="probability")
    out = tmp_path / "out"
    call = ["combine.py", "weights", str(out), str(model), "--refinement", "affinity"]
    monkeypatch.setattr("sys.argv", call)
    with pytest.raises(SystemExit, match=r"model\.safetensors cannot have refinement affinity"):
        combine.main()
    assert not out.exists()
