"""Models made of trained ones: runs/combine.py."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import torch

from tbspot.description import Description
from tbspot.nets.weights import build, load_classifier, save_classifier

SMALL = Description(name="small", size=32, output_stride=8)
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
    classifier = build(SMALL)
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
