from __future__ import annotations

import errno
import multiprocessing
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from pages import write_model
from tbspot.choices import Precision, Refinement
from tbspot.description import Description
from tbspot.engine import engine as engine_module
from tbspot.engine import onnx_model
from tbspot.engine.engine import ModelError, engine_of, open_engine, released_model
from tbspot.engine.runtime import openvino
from tbspot.errors import TbspotError
from tbspot.nets.weights import load_classifier

FILMS = np.random.default_rng(0).random((3, 64, 64)).astype(np.float32)


def test_a_checkpoint_runs_in_torch(checkpoint: Path) -> None:
    engine = open_engine(checkpoint)
    logits, maps = engine(FILMS)
    assert engine.name == "torch float32"
    assert engine.description.bias == 0.25
    assert (logits.shape, maps.shape) == ((3,), (3, 2, 2))
    assert logits.dtype == maps.dtype == np.float32


def test_a_bias_that_no_description_can_say_is_one_clear_sentence(checkpoint: Path) -> None:
    classifier, description = load_classifier(checkpoint)
    classifier.bias.data.fill_(1e7)
    with pytest.raises(TbspotError, match=r"the model .* cannot have bias 10000000"):
        engine_of(classifier, description)


def test_a_film_is_answered_alike_alone_and_in_a_batch(checkpoint: Path) -> None:
    engine = open_engine(checkpoint)
    assert engine(FILMS[1:2])[0] == pytest.approx(engine(FILMS)[0][1:2], abs=1e-5)


def test_films_that_lie_backwards_in_memory_are_read_rightly(checkpoint: Path) -> None:
    engine = open_engine(checkpoint)
    turned = FILMS[:, :, ::-1]
    assert np.array_equal(engine(turned)[1], engine(turned.copy())[1])


@pytest.mark.slow
@pytest.mark.parametrize(("count", "side"), [(1, 64), (3, 64), (2, 96)])
def test_onnx_answers_as_torch_for_any_number_and_size_of_films(
    checkpoint: Path, exported: Path, count: int, side: int
) -> None:
    films = np.random.default_rng(1).random((count, side, side)).astype(np.float32)
    logits, maps = open_engine(checkpoint)(films)
    ours, our_maps = open_engine(exported, "float32", threads=1)(films)
    # The weights of the exported file have 16 bits.
    assert ours == pytest.approx(logits, abs=5e-3)
    assert our_maps == pytest.approx(maps, abs=2e-2)


@pytest.mark.slow
def test_what_an_engine_answered_stays_when_it_is_asked_again(exported: Path) -> None:
    engine = open_engine(exported, "float32")
    _, maps = engine(FILMS)
    before = maps.copy()
    engine(1 - FILMS)
    assert np.array_equal(maps, before)


@pytest.mark.slow
def test_threads_that_ask_at_the_same_time_get_their_own_answers(exported: Path) -> None:
    alone, shared = open_engine(exported, "float32"), open_engine(exported, "float32", at_once=2)
    films = [np.roll(FILMS, shift, 1) for shift in range(0, 64, 4)]
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(shared, films))
    for asked, (logits, maps) in zip(films, answers, strict=True):
        expected, expected_maps = alone(asked)
        np.testing.assert_allclose(logits, expected, atol=1e-5)
        np.testing.assert_allclose(maps, expected_maps, atol=1e-5)


@pytest.mark.skipif(sys.platform != "linux", reason="forks a program with threads")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_program_answers_with_threads_of_its_own(tmp_path: Path) -> None:
    engine = open_engine(write_model(tmp_path / "bright.onnx", "bright", 1), at_once=2)
    before = engine(FILMS)[0].tolist()
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    child = context.Process(target=lambda: there.send(engine(FILMS)[0].tolist()))
    child.start()
    try:
        assert here.poll(100)
        assert here.recv() == before
    finally:
        child.kill()
        child.join()


# Asks a net in a thread that waits while it is made ready, forks, and asks it in the child.
FORKED_MEANWHILE = """
import multiprocessing, sys
from pathlib import Path
from threading import Event, Thread
import numpy as np
from tbspot.engine.engine import open_engine

model, films = open_engine(Path(sys.argv[1])).ask, np.ones((2, 64, 64), np.float32)
begun, forked, make_ready = Event(), Event(), model._compile

def compile_model(shaped, shape):
    begun.set()
    forked.wait(100)
    return make_ready(shaped, shape)

model._compile = compile_model
thread = Thread(target=model, args=(films,))
thread.start()
begun.wait(100)
here, there = multiprocessing.Pipe()

def answer():
    forked.set()
    there.send(model(films)[0].tolist())

child = multiprocessing.get_context("fork").Process(target=answer)
child.start()
forked.set()
thread.join()
came = here.poll(60)
print("answers alike:", came and here.recv() == model(films)[0].tolist())
child.kill()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="forks a program with threads")
def test_a_program_forked_while_a_thread_makes_the_net_ready_answers(tmp_path: Path) -> None:
    path = write_model(tmp_path / "bright.onnx", "bright", 1)
    # A program of its own: OpenVINO itself may not answer in a child once others used it here.
    said = subprocess.run(
        [sys.executable, "-c", FORKED_MEANWHILE, path], capture_output=True, text=True, check=False
    )
    assert said.stdout == "answers alike: True\n", said.stderr


def comparing(path: Path, refinement: Refinement) -> Path:
    """A model that compares each place of its map with each."""
    model = onnx.load(write_model(path, "comparing", 1))
    whole = onnx.TensorProto.INT64
    shapes = {"column": [0, -1, 1], "row": [0, 1, -1]}
    for name, shape in shapes.items():
        model.graph.initializer.append(helper.make_tensor(f"as {name}", whole, [3], shape))
    model.graph.node[-1].output[0] = "answer"
    model.graph.node.extend(
        [
            *(helper.make_node("Reshape", ["map", f"as {one}"], [one]) for one in shapes),
            helper.make_node("MatMul", ["column", "row"], ["pairs"]),
            helper.make_node("ReduceMax", ["pairs", "sides"], ["most"], keepdims=0),
            helper.make_node("Add", ["answer", "most"], ["logit"]),
        ]
    )
    (said,) = model.metadata_props
    described = Description.model_validate_json(said.value)
    said.value = described.model_copy(update={"refinement": refinement}).model_dump_json()
    onnx.save(model, path)
    return path


def test_a_refinement_may_compare_each_place_with_each_and_no_other_net_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    films = np.zeros((1, 520, 520), np.float32)  # 65 x 65 places: 66 numbers a pixel
    monkeypatch.setattr(onnx_model, "MOST_NUMBERS", 1 << 20)
    refined = open_engine(comparing(tmp_path / "refined.onnx", "affinity"))
    assert refined(films)[1].shape == (1, 65, 65)
    plain = open_engine(comparing(tmp_path / "plain.onnx", "none"))
    with pytest.raises(ModelError, match=r"4225,4225\] .* give a file that `tbspot export` wrote"):
        plain(films)


def test_a_refinement_of_films_too_large_says_that_the_size_is_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_model, "MOST_NUMBERS", 1 << 20)
    monkeypatch.setattr(onnx_model, "MOST_OF_FILM", 1 << 20)
    engine = open_engine(comparing(tmp_path / "refined.onnx", "affinity"))
    with pytest.raises(ModelError, match="too large so: use smaller `scales`"):
        engine(np.zeros((1, 520, 520), np.float32))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("precision", "instead"),
    [("bfloat16", r'try `precision="float32"`, or a \.saf'), ("float32", r"try a \.safetensors")],
)
def test_a_processor_that_cannot_run_the_model_is_one_clear_sentence(
    exported: Path, monkeypatch: pytest.MonkeyPatch, precision: Precision, instead: str
) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("Exception from src/plugins/intel_cpu: bad combination")

    monkeypatch.setattr(openvino.Core, "compile_model", refuse)
    engine = open_engine(exported, precision)
    said = f"cannot run .* in {precision} on this processor; {instead}"
    with pytest.raises(ModelError, match=said):
        engine(FILMS)


@pytest.mark.slow
def test_bfloat16_is_near_float32(exported: Path) -> None:
    half, whole = open_engine(exported, "bfloat16"), open_engine(exported, "float32")
    assert half.name == "OpenVINO bfloat16"
    assert half(FILMS)[0] == pytest.approx(whole(FILMS)[0], abs=0.1)


@pytest.mark.slow
def test_the_exported_model_runs_without_torch(exported: Path) -> None:
    script = (
        "import sys, numpy; from pathlib import Path; from tbspot.engine.engine import open_engine;"
        f"open_engine(Path({str(exported)!r}))(numpy.zeros((1, 64, 64), numpy.float32));"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_importing_the_engine_imports_no_library_that_runs_nets() -> None:
    script = (
        "import sys, tbspot.engine.engine; sys.exit(bool({'torch', 'openvino'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.fixture
def without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a light installation, though another test has imported what needs torch."""
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "tbspot.nets.weights", raising=False)


@pytest.mark.usefixtures("without_torch")
def test_a_checkpoint_without_torch_says_what_to_install(checkpoint: Path) -> None:
    with pytest.raises(TbspotError, match=r"needs torch; install it with .*, or give an \.onnx"):
        open_engine(checkpoint)


@pytest.mark.slow
@pytest.mark.usefixtures("without_torch")
def test_gradients_of_an_exported_model_without_torch_say_what_to_install(exported: Path) -> None:
    engine = open_engine(exported, "float32")
    with pytest.raises(TbspotError, match=r'needs torch; install it with .* `method="cam"`'):
        engine.classifier()


@pytest.mark.slow
def test_an_exported_model_has_a_net_of_torch_for_gradients(exported: Path) -> None:
    engine = open_engine(exported, "float32")
    logits, maps = engine_of(engine.classifier(), engine.description)(FILMS)
    np.testing.assert_allclose(engine(FILMS)[0], logits, atol=1e-4)
    np.testing.assert_allclose(engine(FILMS)[1], maps, atol=1e-4)


def test_a_model_file_that_does_not_exist_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(TbspotError, match=r"absent\.onnx does not exist"):
        open_engine(tmp_path / "absent.onnx")


def test_a_file_that_is_no_model_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"\x08\x01" * 10)
    with pytest.raises(TbspotError, match="not a model of tbspot, or is truncated"):
        open_engine(tmp_path / "a.onnx")


def test_a_model_that_the_system_does_not_open_is_not_called_truncated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    (tmp_path / "a.onnx").touch()
    monkeypatch.setattr(onnx_model, "open_file", refused)
    with pytest.raises(TbspotError, match=r"a\.onnx cannot be read: Too many open files; check"):
        open_engine(tmp_path / "a.onnx")


@pytest.mark.parametrize("gain", [np.nan, -np.inf])
def test_a_model_whose_weights_are_no_numbers_is_one_clear_sentence(
    tmp_path: Path, gain: float
) -> None:
    path = write_model(tmp_path / "a.onnx", "a", gain)
    with pytest.raises(TbspotError, match=r"a\.onnx has weights that are no numbers \(gain\)"):
        open_engine(path)


@pytest.mark.slow
def test_a_truncated_model_is_one_clear_sentence(exported: Path, tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(exported.read_bytes()[:1_000_000])
    with pytest.raises(TbspotError, match="not a model of tbspot, or is truncated"):
        open_engine(tmp_path / "a.onnx")


@pytest.mark.slow
def test_an_onnx_model_of_others_is_one_clear_sentence(exported: Path, tmp_path: Path) -> None:
    import onnx

    model = onnx.load(exported)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "a.onnx")
    with pytest.raises(TbspotError, match="not a model of tbspot"):
        open_engine(tmp_path / "a.onnx")


def test_a_model_of_a_later_tbspot_is_told_as_such(tmp_path: Path) -> None:
    import onnx

    path = write_model(tmp_path / "later.onnx", "later", 1)
    model = onnx.load(path)
    (said,) = model.metadata_props
    said.value = said.value.replace("{", '{"learnt_of": "x", ', 1)
    onnx.save(model, path)
    with pytest.raises(ModelError, match=r"later\.onnx is not .* a later one made it; update"):
        open_engine(path)
    # As training begins with it, too.
    with pytest.raises(TbspotError, match=r"later\.onnx is not .* a later one made it; update"):
        load_classifier(path)


def test_another_precision_is_one_clear_sentence(checkpoint: Path) -> None:
    with pytest.raises(TbspotError, match="must be auto, float32, bfloat16, float16 or int8"):
        open_engine(checkpoint, "int4")  # type: ignore[arg-type]


def test_an_installation_without_a_released_model_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "files", lambda _: tmp_path)
    with pytest.raises(TbspotError, match="give a model file"):
        released_model()
