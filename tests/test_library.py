"""The front door: what `import tbspot` offers, and that it is what the command gives."""

from __future__ import annotations

import copy
import hashlib
import inspect
import io
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator
from PIL import Image
from typer.testing import CliRunner

import tbspot
from pages import write_model
from tbspot.cli import app
from tbspot.records.predictions import FILE_NAME, read_heatmap, read_predictions


@pytest.fixture(scope="module")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A net of one layer that finds what is bright."""
    return write_model(tmp_path_factory.mktemp("library") / "bright.onnx", "bright", 1)


@pytest.fixture(scope="module")
def model(model_path: Path) -> tbspot.Model:
    return tbspot.load_model(model_path, gate=False)


@pytest.fixture
def films(drawn: Path, tmp_path: Path) -> list[Path]:
    """Three films, of which the second is broken."""
    folder = tmp_path / "films"
    folder.mkdir()
    for number in (1, 2, 3):
        source = drawn / "imgs" / "tb" / f"tb{number:04}.png"
        (folder / f"{number}.png").write_bytes(source.read_bytes())
    (folder / "2.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    return sorted(folder.iterdir())


def test_many_films_are_answered_by_the_model_that_was_opened_whatever_becomes_of_its_file(
    model_path: Path, films: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tbspot.locating.model.films_at_once", lambda _: 2)
    (tmp_path / "bright.onnx").write_bytes(model_path.read_bytes())
    monkeypatch.chdir(tmp_path)
    model = tbspot.load_model("bright.onnx", gate=False)
    (tmp_path / "bright.onnx").write_bytes(b"another file")
    monkeypatch.chdir(tmp_path.parent)
    one, many = model.locate(films[0]), next(model.locate_many(films[:1]))
    assert many.score == one.score
    assert many.prediction.version == model.description.version


def test_one_film_is_not_many(model: tbspot.Model) -> None:
    for film in ("film.png", b"film.png", Path("film.png")):
        with pytest.raises(TypeError, match=r"is one film or folder; give a list .* or use locate"):
            model.locate_many(film)  # type: ignore[arg-type]


@pytest.mark.parametrize("film", [np.zeros((8, 8), np.uint8), b"\x89PNG", io.BytesIO()])
def test_many_films_are_paths(model: tbspot.Model, film: Any) -> None:
    with pytest.raises(TypeError, match=f"locate_many takes paths, not {type(film).__name__}; "):
        next(model.locate_many([film]))


def test_the_public_names_are_those_agreed() -> None:
    assert set(tbspot.__all__) == {
        "DataError",
        "Evaluation",
        "Film",
        "Finding",
        "MissingExtraError",
        "Model",
        "ModelError",
        "Reading",
        "Sample",
        "Strength",
        "TbspotError",
        "TrainingSettings",
        "TruthBox",
        "UnreadableFilmError",
        "__version__",
        "distill",
        "evaluate",
        "load_model",
        "read_film",
        "train",
    }
    assert all(hasattr(tbspot, name) for name in tbspot.__all__)
    assert set(tbspot.__all__) <= set(dir(tbspot))


def test_an_editor_that_evaluates_code_finds_the_public_names() -> None:
    # Jedi leaves out what stands below a condition that it reads as False.
    (value,) = re.findall(r"^TYPE_CHECKING = (.*?)(?:  #|$)", inspect.getsource(tbspot), re.M)
    assert value not in ("False", "0")
    assert eval(value) is False  # noqa: S307 - our own


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'loactor'"):
        tbspot.loactor  # noqa: B018


def test_importing_tbspot_imports_next_to_nothing() -> None:
    code = (
        "import sys; before = {*sys.modules}; import tbspot; "
        "print(sorted({name.partition('.')[0] for name in {*sys.modules} - before}))"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "numpy" not in said.stdout
    assert "pydantic" not in said.stdout


@pytest.mark.slow
def test_a_caller_s_types_are_checked_from_outside(tmp_path: Path) -> None:
    caller = tmp_path / "caller.py"
    caller.write_text(
        "import tbspot\n"
        "model: tbspot.Model = tbspot.load_model()\n"
        "finding = model.locate('film.dcm')\n"
        "reveal_type(finding.score)\n"
        "reveal_type(finding.heatmap)\n"
        "model.locate(3)\n"
    )
    # Without what tbspot itself imports, which takes three quarters of the time.
    (tmp_path / "mypy.ini").write_text(
        "[mypy]\n[mypy-torch.*,lightning_fabric.*,scipy.*]\nfollow_imports = skip\n"
    )
    mypy = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", str(caller)]
    said = subprocess.run(mypy, cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    assert 'Revealed type is "float | None"' in said or "Union[builtins.float, None]" in said, said
    assert "caller.py:6: error" in said
    assert "Found 1 error in 1 file" in said


def test_findings_are_the_lines_of_the_command_to_the_bit(
    model: tbspot.Model, model_path: Path, films: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "found"
    command = ["locate", *map(str, films), "--model", str(model_path), "--no-gate"]
    CliRunner().invoke(app, [*command, "--out", str(out)])
    lines = list(read_predictions(out))
    findings = list(model.locate_many(films))
    alone = [model.locate(film) for film in films]
    for line, finding, single in zip(lines, findings, alone, strict=True):
        # Of a file that could not be read the command notes which it was.
        absent = {} if line.status == "ok" else {"bytes": None, "sha256": None}
        written = line.model_copy(update={"heatmap": None, **absent})
        assert finding.prediction == single.prediction == written
        if line.status == "ok":
            assert finding.evidence is not None
            np.testing.assert_array_equal(finding.evidence, read_heatmap(out, line))
            np.testing.assert_array_equal(np.array(finding.overlay()), np.array(single.overlay()))
    assert [json.loads(line)["image"] for line in (out / FILE_NAME).read_text().splitlines()] == [
        finding.image for finding in findings
    ]


def test_a_bad_film_is_a_finding_and_the_others_are_answered(
    model: tbspot.Model, films: list[Path]
) -> None:
    statuses = [(finding.status, finding.code) for finding in model.locate_many(films)]
    assert statuses == [("ok", None), ("failed", "unreadable"), ("ok", None)]
    broken = model.locate(films[1])
    assert broken.score is None
    assert broken.heatmap is None
    assert broken.reason is not None
    with pytest.raises(tbspot.TbspotError, match="has no heat map: "):
        broken.overlay()


def test_a_film_that_another_has_replaced_is_not_drawn_under_the_answer_of_the_first(
    model: tbspot.Model, films: list[Path]
) -> None:
    first, *_, last = model.locate_many(films)
    kept = np.array(first.overlay())
    os.utime(films[0])
    np.testing.assert_array_equal(np.array(first.overlay()), kept)
    films[0].write_bytes(films[2].read_bytes())
    with pytest.raises(tbspot.TbspotError, match="is no longer the film that was located"):
        first.overlay()
    assert last.overlay()


def test_a_path_a_file_its_bytes_and_its_pixels_give_one_answer(
    model: tbspot.Model, film_path: Path
) -> None:
    pixels = np.array(Image.open(film_path))
    with film_path.open("rb") as file:
        findings = [
            model.locate(film_path, name="film"),
            model.locate(str(film_path), name="film"),
            model.locate(file),
            model.locate(io.BytesIO(film_path.read_bytes())),
            model.locate(film_path.read_bytes()),
            model.locate(bytearray(film_path.read_bytes())),
            model.locate(memoryview(film_path.read_bytes())),
        ]
    in_memory = [
        model.locate(pixels, value_range=(0, 255)),
        model.locate(pixels),
        model.locate(pixels.astype(np.float32) / np.float32(255)),
        model.locate(Image.open(film_path)),
        model.locate(Tensor(pixels)),
    ]
    (line,) = {finding.prediction for finding in findings}
    (without_file,) = {finding.prediction for finding in in_memory}
    assert line.sha256 == hashlib.sha256(film_path.read_bytes()).hexdigest()
    assert line.model_copy(update={"bytes": None, "sha256": None}) == without_file
    assert line.score is not None


class Tensor:
    """What another library calls an array."""

    def __init__(self, values: np.ndarray) -> None:
        self._values = values

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self._values


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_a_pillow_picture_is_read_as_a_file_of_it(mode: str, tmp_path: Path) -> None:
    grey = Image.linear_gradient("L").resize((20, 16))
    picture = Image.merge("RGB", (grey, grey.rotate(180), grey)).convert(mode)
    picture.save(tmp_path / "film.png")
    film, as_file = tbspot.read_film(picture), tbspot.read_film(tmp_path / "film.png")
    np.testing.assert_array_equal(film.pixels, as_file.pixels)
    with Image.open(tmp_path / "film.png") as opened:
        np.testing.assert_array_equal(tbspot.read_film(opened).pixels, as_file.pixels)


def test_a_deep_picture_is_an_array_whose_range_is_asked_for() -> None:
    values = np.arange(64, dtype=np.uint16).reshape(8, 8) * 64
    picture = Image.fromarray(values)
    with pytest.raises(ValueError, match="an array of uint16 needs its value_range"):
        tbspot.read_film(picture)
    np.testing.assert_array_equal(
        tbspot.read_film(picture, (0, 4095)).pixels, tbspot.read_film(values, (0, 4095)).pixels
    )


def test_a_text_of_numpy_is_a_path(film_path: Path) -> None:
    assert tbspot.read_film(np.array([str(film_path)])[0]).facts.kind == "PNG"


def test_a_finding_is_a_line_where_it_is_printed(
    model: tbspot.Model, films: list[Path], film_path: Path
) -> None:
    found = model.locate(film_path, name="a.png")
    assert re.fullmatch(
        r"<tbspot finding 'a\.png': score \d+\.\d of 100, (not )?called TB, boxes: \d+>",
        repr(found),
    )
    assert repr(model.locate(films[1], name="b.png")).startswith(
        "<tbspot finding 'b.png': failed: "
    )


@pytest.mark.parametrize(
    ("pixels", "value_range", "said"),
    [
        (np.zeros((8, 8), np.uint16), None, "an array of uint16 needs its value_range"),
        (np.zeros((8, 8), np.int8), None, "an array of int8 needs its value_range"),
        (np.zeros((8, 8, 3), np.uint8), (0, 255), r"not uint8 \(8, 8, 3\)"),
        (np.full((8, 8), 3.0), None, r"beyond \[0, 1\]"),
        (np.full((8, 8), np.nan), None, "not finite"),
        (np.zeros((8, 8)), (1.0, 1.0), "names no range"),
        (np.zeros((8, 8)), (-1.7e308, 1.7e308), "names no range"),
        (np.array([["a"]]), None, "not <U1"),
        (np.ma.masked_array(np.zeros((8, 8)), np.eye(8)), None, r"fill .* as by film\.filled"),
        (np.ma.masked_all((8, 8)), (0, 255), "the array is masked"),
        (np.zeros((8, 8)), (0, 1, 2), "names no range; give two different numbers"),
        (np.zeros((8, 8)), "ab", "names no range"),
        (np.zeros((8, 8)), 5, "names no range"),
    ],
)
def test_an_array_that_is_no_film_is_the_caller_s_error(
    model: tbspot.Model, pixels: np.ndarray, value_range: tuple[float, float] | None, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        model.locate(pixels, value_range=value_range)


@pytest.mark.parametrize(
    ("values", "value_range"),
    [
        (2**31 + np.arange(101, dtype=np.uint32), (2**31, 2**31 + 100)),
        (-(2**40) + np.arange(101, dtype=np.int64), (-(2**40), -(2**40) + 100)),
        (np.arange(101, dtype=np.uint8), (np.uint8(0), np.uint8(100))),
        (np.arange(101)[::-1].astype(np.uint8), (np.uint8(100), np.uint8(0))),
        (np.arange(101) * 1e298, (0, 1e300)),
    ],
)
def test_an_array_is_seen_between_the_ends_of_its_range(
    values: np.ndarray, value_range: tuple[float, float]
) -> None:
    film = tbspot.read_film(values[None], value_range)
    pixels = film.pixels
    np.testing.assert_allclose(pixels[0], np.arange(101) / 100, atol=1e-7)
    assert pixels.dtype == np.float32


def test_a_range_may_be_an_array_and_a_film_of_another_class_of_arrays() -> None:
    values = np.array([[0, 100], [50, 100]])
    expected = tbspot.read_film(values, (0, 100)).pixels
    ends: Any = np.array([0, 100])
    other = tbspot.read_film(values.view(np.matrix), ends).pixels
    assert type(other) is np.ndarray
    np.testing.assert_array_equal(other, expected)


@pytest.mark.parametrize(
    ("film", "name", "kind", "said"),
    [
        ("film.png", 5, TypeError, "`name` is text, not int"),
        ("film.png", "", ValueError, "`name` is empty; leave it out"),
        ("", None, ValueError, "the film's path is empty"),
    ],
)
def test_a_name_or_path_that_is_none_is_told_before_any_work(
    model: tbspot.Model, film: str, name: Any, kind: type[Exception], said: str
) -> None:
    for read in (model.locate, tbspot.read_film):
        with pytest.raises(kind, match=said):
            read(film, name=name)


def test_an_empty_path_is_nowhere_the_working_folder(
    model: tbspot.Model, drawn: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = tbspot.TrainingSettings(data=(str(drawn),), init="random")
    asked: tuple[Callable[[], object], ...] = (
        lambda: tbspot.load_model(""),
        lambda: tbspot.load_model(threshold_file=""),
        lambda: tbspot.train(settings, ""),
        lambda: tbspot.distill(replace(settings, teachers=("teacher.onnx",)), ""),
        lambda: tbspot.evaluate("", drawn),
        lambda: tbspot.evaluate("found", ""),
        lambda: tbspot.evaluate("found", "?label=finding"),
    )
    for ask in asked:
        with pytest.raises(tbspot.TbspotError, match=r"is an empty path|names no data set"):
            ask()
    with pytest.raises(tbspot.DataError, match="no film is in split ''"):
        tbspot.evaluate("found", drawn, split="")
    with pytest.raises(ValueError, match="path is empty"):
        list(model.locate_many([""]))
    assert not any(tmp_path.iterdir())


def test_what_is_no_finding_no_model_or_neither_yes_nor_no_is_told(
    drawn: Path, film_path: Path, tmp_path: Path
) -> None:
    with pytest.raises(TypeError, match="'found' is no finding; give those of a model, or a path"):
        tbspot.evaluate(["found"], drawn)  # type: ignore[list-item]
    with pytest.raises(tbspot.ModelError, match="is a folder; give a model file of tbspot"):
        tbspot.load_model(tmp_path)
    with pytest.raises(tbspot.ModelError, match="it is no model file"):
        tbspot.load_model(film_path)
    with pytest.raises(TypeError, match="None are no findings; give those of a model, or a path"):
        tbspot.evaluate(None, drawn)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="3 are no films; give a data set"):
        tbspot.evaluate(drawn, 3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="`split` is the name of a split, not 0"):
        tbspot.evaluate(drawn, drawn, split=0)  # type: ignore[arg-type]
    for option in ({"gate": "no"}, {"follow_links": None}):
        with pytest.raises(tbspot.TbspotError, match="must be True or False, not"):
            tbspot.load_model(**option)  # type: ignore[arg-type]


def test_a_half_character_in_a_name_is_written_out(model: tbspot.Model, film_path: Path) -> None:
    assert model.locate(film_path, name="a\ud800").image == r"a\ud800"


@pytest.mark.parametrize("film", [None, ["film.png"], 3, io.StringIO("text"), {"a": 1}])
def test_what_is_no_film_of_any_kind_is_a_type_error(model: tbspot.Model, film: Any) -> None:
    for read in (model.locate, tbspot.read_film):
        with pytest.raises(TypeError, match="a film is a path, an open binary file, the bytes"):
            read(film)


def test_a_range_is_of_an_array_alone(model: tbspot.Model, film_path: Path) -> None:
    for film in (film_path, film_path.read_bytes()):
        with pytest.raises(ValueError, match="value_range is of an array"):
            model.locate(film, value_range=(255, 0))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"scales": ()}, "must be numbers from 0.25 to 4"),
        ({"scales": (0.001,)}, "must be numbers from 0.25 to 4"),
        ({"scales": (1.0, 100.0)}, "must be numbers from 0.25 to 4"),
        ({"method": "gradcam"}, "there is no method 'gradcam'; use one of cam"),
        ({"map_rule": "otsu", "map_threshold": 0.3}, "leave out `map_threshold`"),
        ({"map_rule": "x"}, "there is no `map_rule` 'x'"),
        ({"scales": 7}, "must be numbers from 0.25 to 4"),
        ({"scales": "ab"}, "must be numbers from 0.25 to 4"),
        ({"scales": [None]}, "must be numbers from 0.25 to 4"),
        ({"mirror": "x"}, "`mirror` must be True, False or None, not 'x'"),
        ({"device": None}, "the device must be auto, cpu, .* not None"),
        ({"device": 0}, "the device must be auto, cpu, .* not 0"),
    ],
)
def test_what_no_model_can_be_asked_is_told_as_it_is_opened(
    model_path: Path, wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(tbspot.TbspotError, match=said):
        tbspot.load_model(model_path, **wrong)


def test_a_heat_map_has_the_film_s_own_pixels_and_its_maximum_lies_in_the_best_box(
    model: tbspot.Model, film_path: Path
) -> None:
    finding = model.locate(film_path)
    heatmap = finding.heatmap
    assert heatmap is not None
    assert (heatmap.shape, heatmap.dtype) == ((128, 128), np.float32)
    y, x = np.unravel_index(heatmap.argmax(), heatmap.shape)
    heatmap[:] = 0  # the caller's own
    assert finding.heatmap is not None
    assert finding.heatmap.any()
    best = finding.boxes[0]
    assert best.x0 <= x < best.x1
    assert best.y0 <= y < best.y1


@pytest.mark.parametrize(
    "said",
    [
        {"through": 48, "mirror": True, "temperature": 0.5, "baseline": "none"},
        {"evidence": "probability", "bias": 0.3},
    ],
)
def test_another_program_comes_to_the_same_answer_by_the_steps_of_the_page(
    model_path: Path, film_path: Path, tmp_path: Path, said: dict[str, Any]
) -> None:
    """docs/python.md, "The net in another program"."""
    net = onnx.load(model_path)
    known = json.loads(net.metadata_props[0].value)
    onnx.helper.set_model_props(net, {net.metadata_props[0].key: json.dumps(known | said)})
    onnx.save(net, tmp_path / "net.onnx")
    model = tbspot.load_model(tmp_path / "net.onnx", precision="float32", gate=False)
    finding, d = model.locate(film_path), model.description

    film = np.asarray(Image.open(film_path), np.float32) / np.float32(255)
    for side in filter(None, (d.through, d.size)):
        resized = Image.fromarray(film).resize((side, side), Image.Resampling.BILINEAR)
        film = np.asarray(resized, np.float32)
    views = np.stack([film, film[:, ::-1]] if d.mirror else [film])[:, None]
    logits, maps = ReferenceEvaluator(net).run(None, {net.graph.input[0].name: views})
    if d.evidence == "probability":
        maps = 1 / (1 + np.exp(-(maps + d.bias)))
    if d.baseline == "median":
        maps = maps - np.median(maps, axis=(1, 2), keepdims=True)
    evidence = (maps[0] + maps[1][:, ::-1]) / 2 if d.mirror else maps[0]
    assert finding.evidence is not None
    np.testing.assert_allclose(finding.evidence, evidence, atol=1e-5)
    assert finding.score == pytest.approx(1 / (1 + np.exp(-logits.mean() / d.temperature)))


def test_a_finding_goes_to_another_process_without_its_film(
    model: tbspot.Model, film_path: Path
) -> None:
    for finding in (model.locate(film_path), next(model.locate_many([film_path]))):
        sent = pickle.loads(pickle.dumps(finding))  # noqa: S301 - our own
        assert (sent.prediction, sent.path) == (finding.prediction, film_path)
        np.testing.assert_array_equal(sent.heatmap, finding.heatmap)
        with pytest.raises(tbspot.TbspotError, match="did not come with its finding"):
            sent.overlay()
        for twin in (copy.copy(finding), copy.deepcopy(finding)):
            np.testing.assert_array_equal(np.array(twin.overlay()), np.array(finding.overlay()))


def test_a_model_is_not_sent_to_another_process(model: tbspot.Model) -> None:
    with pytest.raises(TypeError, match="a model cannot be sent to another process; open it there"):
        pickle.dumps(model)
    assert copy.copy(model) is copy.deepcopy(model) is model


def test_a_notebook_is_shown_picture_score_and_boxes_with_text_escaped(
    model: tbspot.Model, film_path: Path
) -> None:
    shown = model.locate(film_path, name="<b>film")._repr_html_()
    assert "&lt;b&gt;film" in shown
    assert "data:image/png;base64," in shown
    assert shown.count("<tr>") == 1 + len(model.locate(film_path).boxes)
    assert "not a diagnosis" in shown


def test_a_notebook_is_shown_why_there_is_no_picture(
    model: tbspot.Model, film_path: Path, tmp_path: Path
) -> None:
    gone = tmp_path / "gone.png"
    shutil.copy(film_path, gone)
    (streamed,) = model.locate_many([gone])
    gone.unlink()
    sent = pickle.loads(pickle.dumps(model.locate(film_path)))  # noqa: S301
    for finding, sentence in (
        (streamed, "does not exist"),
        (sent, "did not come with its finding"),
    ):
        shown = finding._repr_html_()
        assert sentence in shown
        assert "<img" not in shown
        assert shown.count("<tr>") == 1 + len(finding.boxes)


def test_a_masked_array_without_a_masked_value_is_a_film() -> None:
    values = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    for mask in (np.ma.nomask, np.zeros((8, 8), bool)):
        film = tbspot.read_film(np.ma.masked_array(values, mask))
        assert type(film.pixels) is np.ndarray
        np.testing.assert_array_equal(film.pixels, values)


def test_a_film_that_is_read_says_what_its_file_says(film_path: Path) -> None:
    film = tbspot.read_film(film_path)
    assert film.pixels.dtype == np.float32
    assert film.facts.kind == "PNG"


def test_how_a_film_is_read_is_told_as_it_can_be_meant(film_path: Path) -> None:
    whole = tbspot.read_film(film_path)
    assert tbspot.read_film(film_path, enough=np.int64(64)).shape == whole.shape  # type: ignore[arg-type]
    for enough in (1.5, "64", [64]):
        with pytest.raises(TypeError, match="`enough` is a whole number of pixels, not"):
            tbspot.read_film(film_path, enough=enough)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`enough` is a number of pixels from 1, not 0"):
        tbspot.read_film(film_path, enough=0)
    with pytest.raises(tbspot.TbspotError, match="`follow_links` must be True or False, not 'no'"):
        tbspot.read_film(film_path, follow_links="no")  # type: ignore[arg-type]


def test_errors_can_be_told_apart(tmp_path: Path) -> None:
    with pytest.raises(tbspot.UnreadableFilmError, match="does not exist"):
        tbspot.read_film(tmp_path / "absent.dcm")
    with pytest.raises(tbspot.ModelError, match="does not exist"):
        tbspot.load_model(tmp_path / "absent.onnx")
    with pytest.raises(tbspot.TbspotError, match="name no teacher"):
        tbspot.distill(tbspot.TrainingSettings(data=("d",)), tmp_path)
    with pytest.raises(tbspot.TbspotError, match="name teachers; use distill"):
        tbspot.train(tbspot.TrainingSettings(data=("d",), teachers=(tmp_path,)), tmp_path)


def test_films_of_a_layout_that_tbspot_does_not_know_are_taken_as_a_source(
    drawn: Path, tmp_path: Path
) -> None:
    from tbspot.samples.loading import load
    from tbspot.training.loop import MODEL_FILE

    samples = tuple(
        tbspot.Sample(path, path.name, label, "own", path.stem, "train", boxes=())
        for label, folder in ((1, "tb"), (0, "health"))
        for path in sorted((drawn / "imgs" / folder).glob("*.png"))[:4]
    )
    reading = tbspot.Reading(samples, notes=("read by a stranger",))
    assert load([reading]).samples == samples
    settings = tbspot.TrainingSettings(
        data=(reading,), init="random", size=32, epochs=1, batch_size=4, frozen_stages=0
    )
    path = tbspot.train(settings, tmp_path / "run", precision="32-true")
    assert path == tmp_path / "run" / MODEL_FILE
    assert f'"own (8 films, {str(reading)[-17:-1]})"' in (tmp_path / "run/run.json").read_text()
    changed = tmp_path.stat().st_mtime_ns, path.stat().st_mtime_ns
    assert tbspot.train(settings, tmp_path / "run", precision="32-true") == path
    assert changed[1] == path.stat().st_mtime_ns


def test_findings_in_memory_are_evaluated_as_those_in_a_folder(
    drawn: Path, model: tbspot.Model, model_path: Path, tmp_path: Path
) -> None:
    out, films = tmp_path / "found", sorted((drawn / "imgs").rglob("*.png"))
    located = ["locate", "--data", str(drawn), "--model", str(model_path), "--out", str(out)]
    assert CliRunner().invoke(app, located).exit_code == 0
    options = {"split": "val", "resamples": 100}
    findings = list(model.locate_many(films))
    controls = {"twin": out, "teacher": findings}
    streamed = tbspot.evaluate(iter(findings), drawn, controls=controls, **options)
    written = tbspot.evaluate(out, str(drawn), **options)
    judged, twin, teacher, *rest = streamed.contenders
    assert (twin.name, teacher.role) == ("twin", "teacher")
    assert twin.localization == teacher.localization == judged.localization
    assert twin.difference is not None
    assert twin.difference.value == 0
    assert (judged, *rest) == written.contenders
    for wrong in ([out], {"": out}, {1: out}):
        with pytest.raises(TypeError, match="`controls` are findings by the name of their model"):
            tbspot.evaluate(out, drawn, controls=wrong)  # type: ignore[arg-type]
    with pytest.raises(tbspot.DataError, match="the list of findings of twin holds no"):
        tbspot.evaluate(out, drawn, controls={"twin": []})
    assert streamed.contenders[0].localization.miou.films > 0
    with pytest.raises(tbspot.DataError, match="the list of findings holds no prediction; locate"):
        tbspot.evaluate([], drawn)
    finding = model.locate(films[0])
    with pytest.raises(
        tbspot.DataError, match=r"two findings are called .*; give one of each film"
    ):
        tbspot.evaluate([finding, finding], drawn)
    findings = model.locate_many(films)
    with pytest.raises(tbspot.DataError, match="`resamples` must be greater than or equal to 1"):
        tbspot.evaluate(findings, drawn, resamples=0)
    assert len(list(findings)) == len(films)  # none was asked for
    with pytest.raises(tbspot.DataError):
        tbspot.evaluate(out, tmp_path / "absent")


def test_boxes_go_out_as_coco_results_and_come_back(
    drawn: Path, model_path: Path, tmp_path: Path
) -> None:
    out, coco = tmp_path / "found", tmp_path / "results.json"
    located = ["locate", "--data", str(drawn), "--split", "val", "--model", str(model_path)]
    result = CliRunner().invoke(app, [*located, "--out", str(out), "--coco", str(coco)])
    assert result.exit_code == 0, result.output
    boxes = [box for line in read_predictions(out) for box in line.boxes]
    assert len(json.loads(coco.read_text())) == len(boxes) > 0
    judged = tbspot.evaluate(coco, drawn, split="val", resamples=100).contenders[0]
    assert judged.localization.rule == "given"
