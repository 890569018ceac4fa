"""What types and ranges let pass: numbers that are infinite or none, and empty paths."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tbspot.cli import app
from tbspot.errors import TbspotError
from tbspot.records.figures import Drawing

COMMANDS = typer.main.get_command(app).commands


def _options() -> list[tuple[str, str]]:
    """Each command's options that take numbers with a point."""
    return [
        (name, option.opts[0])
        for name, command in COMMANDS.items()
        for option in command.params
        if option.param_type_name == "option"
        and "float" in str(inspect.signature(command.callback).parameters.get(option.name, ""))
    ]


def _required(command: Any) -> list[str]:
    """The least that a command asks for."""
    given: list[str] = []
    for one in command.params:
        if one.required:
            given += ["x"] if one.param_type_name == "argument" else [one.opts[0], "x"]
    return given


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e400"])
@pytest.mark.parametrize(("name", "option"), _options())
def test_a_number_that_is_none_is_refused_with_its_option(
    name: str, option: str, value: str
) -> None:
    arguments = [name, *_required(COMMANDS[name]), option, value]
    answer = CliRunner().invoke(app, arguments)
    assert answer.exit_code == 2, answer.output
    assert option in answer.output


def test_there_are_such_options() -> None:
    assert len(_options()) > 25


@pytest.mark.parametrize("name", ["audit", "calibrate", "evaluate"])
def test_as_few_resamples_as_the_library_takes_are_taken(name: str) -> None:
    (option,) = [one for one in COMMANDS[name].params if one.name == "resamples"]
    fewest = option.min
    assert Drawing(fewest, 0).resamples == fewest
    with pytest.raises(TbspotError, match=f"`resamples` must be .* {fewest}, not {fewest - 1}"):
        Drawing(fewest - 1, 0)


@pytest.mark.parametrize(
    "arguments",
    [
        ["export", "model.onnx", "--out", "a.onnx", "--films", ""],
        ["train", "--data", "drawn", "--out", ""],
        ["evaluate", "", "--data", "drawn", "--split", "test"],
        ["locate", "film.png", "--out", "found", "--threshold-file="],
        ["locate", "--data", "drawn", "--split", "", "--out", "found"],
        ["evaluate", "found", "--data", "drawn", "--split="],
        ["train", "--data", "", "--out", "run"],
        ["prepare", "", "--out", "split.json"],
    ],
)
def test_an_empty_path_or_split_is_not_the_working_folder_or_all_films(
    arguments: list[str],
) -> None:
    answer = CliRunner().invoke(app, arguments)
    assert answer.exit_code == 2, answer.output
    assert "must not be empty" in answer.output
