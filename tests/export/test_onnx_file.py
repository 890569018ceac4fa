from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, numpy_helper

from tbspot.engine.engine import engine_of, open_engine
from tbspot.errors import TbspotError
from tbspot.export import onnx_file as module
from tbspot.export.onnx_file import export
from tbspot.nets.weights import load_classifier, save_classifier

FILM = np.random.default_rng(0).random((64, 64)).astype(np.float32)


@pytest.fixture
def altered(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's exporter answers with a net whose bias is another."""

    def wrong(*_: object) -> ModelProto:
        model = onnx.load(exported)
        (bias,) = (one for one in model.graph.initializer if one.name.startswith("bias"))
        bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + 1, bias.name))
        return model

    monkeypatch.setattr(module, "_to_onnx", wrong)
    monkeypatch.setattr(module, "_halve", lambda _: None)


@pytest.mark.slow
def test_the_file_is_half_the_checkpoint_and_describes_itself(
    checkpoint: Path, exported: Path
) -> None:
    assert exported.stat().st_size < 60e6
    _, described = load_classifier(checkpoint)
    description = open_engine(exported).description
    assert description.version not in ("", described.version)
    changed = {"version": described.version, "bias": described.bias, "ranges": {}}
    assert description.model_copy(update=changed) == described


@pytest.mark.slow
def test_weights_are_stored_with_16_bits_and_what_these_cannot_hold_with_32(
    exported: Path,
) -> None:
    sizes = {16: 0, 32: 0}
    for weight in onnx.load(exported).graph.initializer:
        if weight.data_type in (onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT):
            values = numpy_helper.to_array(weight)
            sizes[8 * values.itemsize] += values.size
    assert sizes[16] > 23e6
    assert 0 < sizes[32] < 1e5


@pytest.mark.slow
def test_the_file_holds_no_path_of_the_machine_that_made_it(exported: Path) -> None:
    content = exported.read_bytes()
    assert not re.search(rb"site-packages|\.py\b", content)
    assert str(Path(module.__file__).parent).encode() not in content


@pytest.mark.slow
@pytest.mark.usefixtures("altered")
def test_a_file_that_does_not_answer_as_torch_is_refused_and_what_stood_there_stays(
    checkpoint: Path, tmp_path: Path
) -> None:
    out = tmp_path / "model.onnx"
    out.write_bytes(b"before")
    with pytest.raises(TbspotError, match="does not answer as torch does"):
        export(checkpoint, out, [FILM], overwrite=True)
    assert out.read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


@pytest.mark.usefixtures("small_disk")
def test_a_disk_that_has_no_room_for_the_trial_is_told_by_its_folder(
    checkpoint: Path, tmp_path: Path
) -> None:
    with pytest.raises(TbspotError, match=r"cannot write .*tbspot-held-.*student\.onnx: "):
        export(checkpoint, tmp_path / "student.onnx", [np.zeros((32, 32), np.float32)])
    assert not (tmp_path / "student.onnx").exists()


def test_a_file_that_exists_is_not_replaced_unasked(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").touch()
    with pytest.raises(TbspotError, match="add `overwrite=True`"):
        export(checkpoint, tmp_path / "model.onnx", [FILM])


def test_the_file_must_be_called_onnx(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(TbspotError, match=r"does not end in \.onnx"):
        export(checkpoint, tmp_path / "model.bin", [FILM])


def test_a_checkpoint_that_is_absent_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(TbspotError, match="does not exist"):
        export(tmp_path / "absent.safetensors", tmp_path / "model.onnx", [FILM])


@pytest.mark.slow
def test_a_refinement_is_in_the_file_and_for_any_size(checkpoint: Path, tmp_path: Path) -> None:
    classifier, described = load_classifier(checkpoint)
    classifier.head.weight.data.abs_()  # so that places speak for TB
    path, out = tmp_path / "model.safetensors", tmp_path / "refined.onnx"
    save_classifier(path, classifier, described)
    changes = {"refinement": "affinity"}
    description = export(path, out, [FILM], changes).description
    assert description.refinement == "affinity"
    classifier, _ = load_classifier(path, changes)
    films = np.random.default_rng(1).random((2, 96, 96)).astype(np.float32)
    _, maps = open_engine(out, "float32")(films)
    _, expected = engine_of(classifier, description)(films)
    np.testing.assert_allclose(maps, expected, rtol=1e-2)
    assert maps.min() > 0


def test_a_model_of_probabilities_cannot_be_refined(tmp_path: Path, checkpoint: Path) -> None:
    classifier, description = load_classifier(checkpoint)
    path = tmp_path / "model.safetensors"
    described = description.model_copy(update={"evidence": "probability"})
    save_classifier(path, classifier, described)
    with pytest.raises(TbspotError, match=r"cannot have refinement affinity: .*in logits"):
        export(path, tmp_path / "model.onnx", [FILM], {"refinement": "affinity"})


@pytest.mark.slow
def test_ranges_of_a_file_of_before_do_not_offer_int8_that_moves_the_maps(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranged = tmp_path / "ranged.onnx"
    monkeypatch.setattr(module, "LEAST_INT8_MASK_IOU", 0.0)
    assert export(exported, ranged, [FILM]).description.ranges
    monkeypatch.setattr(module, "LEAST_INT8_MASK_IOU", 1.1)
    assert not export(ranged, tmp_path / "again.onnx", [FILM]).description.ranges
    assert not open_engine(tmp_path / "again.onnx").description.ranges


def test_a_size_that_is_no_whole_number_of_places_is_refused(
    checkpoint: Path, tmp_path: Path
) -> None:
    with pytest.raises(TbspotError, match=r"sees films of \d+ pixels, not of 100; use `size="):
        export(checkpoint, tmp_path / "a.onnx", [FILM], {"size": 100})
