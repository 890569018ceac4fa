"""Settings of every command refuse what they cannot mean, also where a library fills them in."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pytest

from tbspot.audit.pairs import PairSettings
from tbspot.audit.run import AuditSettings
from tbspot.calibration.run import CalibrationSettings
from tbspot.drawings.dataset import DrawSettings, Shortcut, draw_dataset
from tbspot.errors import TbspotError
from tbspot.evaluation.settings import EvaluationSettings
from tbspot.node.settings import Limits, NodeSettings, Pauses
from tbspot.records.figures import Drawing
from tbspot.samples.reading import Reading
from tbspot.training.settings import TrainingSettings
from tbspot.viewer.serving import ViewSettings


def audited(**change: Any) -> AuditSettings:
    return AuditSettings((Path("model.onnx"),), ("films",), "val", **change)


def calibrated(**change: Any) -> CalibrationSettings:
    return CalibrationSettings(Path("scores.csv"), 0.01, 0.9, 0.7, **change)


def evaluated(**change: Any) -> EvaluationSettings:
    return EvaluationSettings(Path("found"), Path("out"), ("films",), "val", **change)


def drawn(**change: Any) -> None:
    draw_dataset(Path("drawn"), count=12, **change)


@pytest.mark.parametrize(
    ("make", "change", "sentence"),
    [
        (audited, {"seed": -1}, "`seed` must be greater than or equal to 0, not -1"),
        (audited, {"resamples": 99}, "`resamples` must be greater than or equal to 100, not 99"),
        (audited, {"films": 2.5}, "`films` must be a valid integer, not 2.5"),
        (audited, {"seed": True}, "`seed` must be a valid integer, not True"),
        (audited, {"seed": np.array([1, 2])}, "`seed` must be a valid integer, not array([1, 2])"),
        (audited, {"seed": "3"}, "`seed` must be a valid integer, not '3'"),
        (audited, {"seed": np.int64(-1)}, "`seed` must be greater than or equal to 0"),
        (calibrated, {"seed": -1}, "`seed` must be greater than or equal to 0, not -1"),
        (calibrated, {"resamples": 99}, "`resamples` must be greater than or equal to 100, not 99"),
        (evaluated, {"seed": 1 << 63}, "`seed` must be less than 9223372036854775808"),
        (evaluated, {"resamples": 1}, "`resamples` must be greater than or equal to 100, not 1"),
        (drawn, {"seed": -1}, "`seed` must be greater than or equal to 0, not -1"),
        (Limits, {"associations": 0}, "`associations` must be greater than or equal to 1, not 0"),
        (Limits, {"pdu_seconds": float("inf")}, "`pdu_seconds` must be a finite number, not inf"),
        (Pauses, {"first": -1.0}, "`first` must be greater than 0, not -1.0"),
        (Pauses, {"first": 0.0}, "`first` must be greater than 0, not 0.0"),
        (Pauses, {"longest": 0.0}, "`longest` must be greater than 0, not 0.0"),
        (Shortcut, {"kind": "marker", "strength": 2}, "`strength` must be less than or equal to 1"),
        (Shortcut, {"kind": "letters"}, "`kind` must be one of marker, exposure, source, not lett"),
    ],
)
def test_an_impossible_value_is_named(
    make: Callable[..., object], change: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(TbspotError) as refused:
        make(**change)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"port": 70_000}, "`port` must be less than 65536, not 70000"),
        ({"tries": 0}, "`tries` must be greater than or equal to 1, not 0"),
        ({"keep_days": -1.0}, "`keep_days` must be greater than or equal to 0, not -1.0"),
        ({"keep_days": float("nan")}, "`keep_days` must be"),
        ({"watch_seconds": 0.0}, "`watch_seconds` must be greater than 0, not 0.0"),
        ({"watch_seconds": "2"}, "`watch_seconds` must be a valid number, not '2'"),
    ],
)
def test_a_node_s_impossible_value_is_named(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TbspotError) as refused:
        NodeSettings(Path("node"), **change)
    assert sentence in str(refused.value)


def test_other_settings_impossible_values_are_named() -> None:
    with pytest.raises(TbspotError, match="`port` must be greater than or equal to 0, not -1"):
        ViewSettings(None, port=-1)
    with pytest.raises(TbspotError, match="`count` must be greater than or equal to 1, not 0"):
        PairSettings(("films",), "train", 0, 0)
    with pytest.raises(TbspotError, match="`resamples` must be a valid integer, not None"):
        Drawing(None, 0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"data": "films"}, "`data` must be a tuple, such as ('films',), not 'films'"),
        ({"data": None}, "`data` must be a tuple"),
        ({"data": Reading(())}, "`data` must be a tuple, not one Reading"),
        ({"teachers": "t.onnx"}, "`teachers` must be a tuple"),
        ({"size": "64"}, "`size` must be a valid integer, not '64'"),
        ({"size": 64.0}, "`size` must be a valid integer, not 64.0"),
        ({"through": "x"}, "`through` must be a valid integer, not 'x'"),
        ({"split": None}, "`split` must be a text, not None"),
        ({"init": 3}, "`init` must be a text, not 3"),
        ({"name": None}, "`name` must be a text, not None"),
        ({"split_file": ""}, "`split_file` is an empty path"),
        ({"split_file": True}, "`split_file` must be a path or None, not True"),
        ({"data": (None,)}, "`data` must be a text or a Reading, not None"),
        ({"data": b"films"}, "`data` must be a tuple, such as (b'films',), not b'films'"),
        ({"teachers": (1,)}, "`teachers` must be a path, not 1"),
        ({"teachers": ("",)}, "`teachers` is an empty path"),
        ({"views": {"mirror": 0.0}}, "`views` must be a Strength, not {'mirror': 0.0}"),
    ],
)
def test_a_training_s_value_of_another_type_is_named(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TbspotError) as refused:
        TrainingSettings(**{"data": ("films",), **change})
    assert sentence in str(refused.value)


def test_a_path_is_kept_as_its_field_has_it() -> None:
    settings = TrainingSettings(data=("films",), split_file="s.json", init=Path("i"))  # type: ignore[arg-type]
    assert (settings.split_file, settings.init) == (Path("s.json"), "i")


def test_paths_among_several_are_kept_as_their_field_has_them() -> None:
    films, reading = np.str_("films"), Reading(())
    settings = TrainingSettings((Path("a"), films, reading), teachers=("t.onnx",))  # type: ignore[arg-type]
    assert (settings.data, settings.teachers) == (("a", "films", reading), (Path("t.onnx"),))
    assert type(settings.data[1]) is str


def test_a_list_is_kept_as_a_tuple() -> None:
    given: Any = ["a", "b"]
    for films in (given, iter(given)):
        settings = TrainingSettings(data=films)
        assert (settings.data, hash(settings)) == (("a", "b"), hash(TrainingSettings(("a", "b"))))


def test_what_stands_for_nothing_is_no_value_to_refuse() -> None:
    assert NodeSettings(Path("node"), to=None).to is None
    assert calibrated(threshold=None).threshold is None


def test_numbers_of_numpy_are_kept_as_python_s_own() -> None:
    drawing = Drawing(np.arange(100, 200)[50], np.uint64(3))
    assert drawing == Drawing(150, 3)
    assert [type(value) for value in (drawing.resamples, drawing.seed)] == [int, int]
    days = NodeSettings(Path("node"), keep_days=np.float32(0.5)).keep_days
    assert (type(days), days) == (float, 0.5)


class Part(str, Enum):  # noqa: UP042 (whose text is not its value)
    """As callers name parts of their films."""

    VAL = "val"


def test_what_other_libraries_and_enumerations_call_a_value_is_kept_as_python_s_own() -> None:
    given: Any = (PurePath("model"),)
    settings = AuditSettings(given, given, Part.VAL)
    assert (settings.models, settings.data) == ((Path("model"),), ("model",))
    assert (settings.split, type(settings.split)) == ("val", str)
    yes: Any
    for yes in (np.True_, 1):
        assert NodeSettings(Path("node"), identities=yes).identities is True
    twelve: Any = np.int64(12)
    drawing = DrawSettings(twelve, twelve, 0, "plain", None)
    assert (type(drawing.count), type(drawing.size)) == (int, int)


@pytest.mark.parametrize("value", ["no", None, 2, [], np.array([True, False])])
def test_what_is_neither_yes_nor_no_is_named(value: Any) -> None:
    with pytest.raises(TbspotError, match="`identities` must be True or False, not"):
        NodeSettings(Path("node"), identities=value)
