from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
import pytest

from tbspot.drawings import draw_film
from tbspot.engine.engine import open_engine
from tbspot.engine.quantization import measure_ranges, merge_planes, quantised
from tbspot.engine.runtime import openvino
from tbspot.errors import TbspotError
from tbspot.export import onnx_file as module
from tbspot.export.onnx_file import Exported, export

pytestmark = pytest.mark.slow

FILMS = np.stack([draw_film("tb", 64, (seed,)).pixels for seed in range(3)])
FILMS = FILMS.astype(np.float32) / np.float32(255)


@pytest.fixture(scope="module")
def whole(exported: Path) -> openvino.Model:
    """The exported net in float32."""
    return openvino.Core().read_model(exported)


@pytest.fixture
def export_again(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where to export to, torch's exporter being spared as its answer is known."""
    monkeypatch.setattr(module, "_to_onnx", lambda *_: onnx.load(exported))
    monkeypatch.setattr(module, "_halve", lambda _: None)
    return tmp_path / "model.onnx"


def _export(checkpoint: Path, out: Path) -> Exported:
    return export(checkpoint, out, list(FILMS))


def _answers(model: openvino.Model) -> tuple[np.ndarray, np.ndarray]:
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    answer = compiled(FILMS[:, None])
    return answer["logit"], answer["map"]


def test_every_convolution_but_the_first_and_the_head_has_a_range(whole: openvino.Model) -> None:
    ranges = measure_ranges(whole, [FILMS])
    assert len(ranges) == 52
    assert not [name for name in ranges if name.startswith(("body.conv1", "head"))]
    # Behind a ReLU nothing is negative, and films light something up everywhere.
    assert all(low == 0 < high for low, high in ranges.values())


def test_ranges_hold_those_of_every_batch(whole: openvino.Model) -> None:
    together = measure_ranges(whole, [FILMS])
    alone = [measure_ranges(whole, [FILMS[i : i + 1]]) for i in range(3)]
    for name, (_, high) in together.items():
        assert high == pytest.approx(max(one[name][1] for one in alone), rel=1e-4)


def test_two_planes_answer_as_three_colours_up_to_the_borders(whole: openvino.Model) -> None:
    logits, maps = _answers(whole)
    merged = whole.clone()
    merge_planes(merged)
    assert _planes(merged) == 2
    ours, our_maps = _answers(merged)
    np.testing.assert_allclose(ours, logits, atol=1e-5)
    np.testing.assert_allclose(our_maps, maps, atol=1e-5)


def test_int8_asks_the_first_convolution_of_two_planes(whole: openvino.Model) -> None:
    assert _planes(whole) == 3
    assert _planes(quantised(whole, measure_ranges(whole, [FILMS]))) == 2


def test_a_net_that_takes_its_films_otherwise_is_left_as_it_is(whole: openvino.Model) -> None:
    merged = whole.clone()
    merge_planes(merged)
    nodes = len(merged.get_ops())
    merge_planes(merged)
    assert len(merged.get_ops()) == nodes


def _planes(model: openvino.Model) -> int:
    """That the first convolution sees."""
    first = next(op for op in model.get_ordered_ops() if op.get_type_name() == "Convolution")
    planes: int = first.input_value(0).get_partial_shape()[1].get_length()
    return planes


def test_int8_rounds_and_stays_near_float32(whole: openvino.Model) -> None:
    logits, maps = _answers(whole)
    ours, our_maps = _answers(quantised(whole, measure_ranges(whole, [FILMS])))
    difference = np.abs(our_maps - maps)
    assert 0 < difference.max() < 0.25 * np.ptp(maps)
    assert ours == pytest.approx(logits, abs=0.1 * float(np.ptp(maps)))


def test_inputs_beyond_their_range_are_clipped(whole: openvino.Model) -> None:
    ranges = measure_ranges(whole, [FILMS])
    nothing = dict.fromkeys(ranges, (0.0, 1e-6))
    _, maps = _answers(quantised(whole, nothing))
    _, whole_maps = _answers(whole)
    assert np.ptp(maps) < 0.1 * np.ptp(whole_maps)


def test_the_model_in_float32_is_left_as_it_was(whole: openvino.Model) -> None:
    before = len(whole.get_ops())
    quantised(whole, measure_ranges(whole, [FILMS]))
    assert len(whole.get_ops()) == before


def test_a_file_whose_masks_bear_int8_is_run_so(
    checkpoint: Path, export_again: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEAST_INT8_MASK_IOU", 0.0)
    written = _export(checkpoint, export_again)
    assert len(written.description.ranges) == 52
    assert written.automatic_name == open_engine(export_again).name == "OpenVINO int8"
    assert written.int8 == written.automatic
    assert open_engine(export_again, "float32").name == "OpenVINO float32"


def test_a_file_whose_masks_do_not_bear_int8_is_not(
    checkpoint: Path, export_again: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEAST_INT8_MASK_IOU", 1.1)
    assert _export(checkpoint, export_again).description.ranges == {}
    assert open_engine(export_again).name != "OpenVINO int8"
    with pytest.raises(TbspotError, match=r'was not exported for int8; use `precision="auto"`'):
        open_engine(export_again, "int8")


def test_a_checkpoint_has_no_int8(checkpoint: Path) -> None:
    with pytest.raises(TbspotError, match="runs in float32 or bfloat16; `tbspot export` makes"):
        open_engine(checkpoint, "int8")


def test_a_file_that_lacks_a_range_is_one_clear_sentence(
    checkpoint: Path, export_again: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEAST_INT8_MASK_IOU", 0.0)
    monkeypatch.setattr(module, "measure_ranges", _all_but_one)
    with pytest.raises(TbspotError, match=r"lacks the int8 range of 'body\.layer4"):
        _export(checkpoint, export_again)


def _all_but_one(
    model: openvino.Model, films: Iterable[np.ndarray]
) -> dict[str, tuple[float, float]]:
    return dict(list(measure_ranges(model, films).items())[:-1])
