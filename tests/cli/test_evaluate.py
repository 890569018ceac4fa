from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from studies import Study, rectangles
from tbspot.cli import app
from tbspot.errors import TbspotError
from tbspot.records.evaluation import read_evaluation

LESION = (0, 0, 200, 200)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    study = Study(tmp_path)
    for number in range(2):
        study.add(f"test{number}.png", 1, [LESION], "test")
        study.add(f"other{number}.png", 0, (), "test", "b")
        study.add(f"tune{number}.png", 1, [LESION], "tune")
    return study


def predict(study: Study, name: str, split: str = "test") -> str:
    films = [row["path"] for row in study.rows if row["split"] == split]
    return str(study.predict(name, dict.fromkeys(films, rectangles(LESION))))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["evaluate", *arguments], catch_exceptions=True)


def sentence(*arguments: str) -> str:
    result = run(*arguments)
    assert isinstance(result.exception, TbspotError)
    return str(result.exception)


def test_the_table_and_the_file_are_made_in_one_call(study: Study) -> None:
    folder = predict(study, "student")
    result = run(
        folder,
        *("--data", study.source, "--split", "test", "--resamples", "100"),
        *("--teacher", predict(study, "teacher")),
        *("--control", f"untrained={predict(study, 'u')}"),
        *("--tuning", predict(study, "t1", "tune"), "--tuning-split", "tune"),
        *("--tuning", f"teacher={predict(study, 't2', 'tune')}"),
    )
    assert result.exit_code == 0, result.output
    names = [row.name for row in read_evaluation(Path(folder)).contenders]
    assert names[:3] == ["student", "teacher", "untrained"]
    for text in ("student *", "1.000", "[1.000,", "whole film", "evaluation.json", "p 1.0000"):
        assert text in result.output
    assert "pooled means nothing" in result.output


def test_the_evaluation_goes_to_the_folder_named(study: Study, tmp_path: Path) -> None:
    folder = predict(study, "student")
    source = ("--data", study.source, "--split", "test", "--resamples", "100")
    assert run(folder, *source, "--out", str(tmp_path / "elsewhere")).exit_code == 0
    assert read_evaluation(tmp_path / "elsewhere").provenance.predictions == "../student"
    assert not (Path(folder) / "evaluation.json").exists()


def test_the_evaluation_of_another_split_is_replaced_only_when_asked(study: Study) -> None:
    folder = study.predict("student", {row["path"]: rectangles(LESION) for row in study.rows})
    source = (str(folder), "--data", study.source, "--resamples", "100")
    assert run(*source, "--split", "test").exit_code == 0
    assert "add --overwrite" in sentence(*source, "--split", "tune")
    assert read_evaluation(folder).provenance.split == "test"
    assert run(*source, "--split", "tune", "--overwrite").exit_code == 0
    assert read_evaluation(folder).provenance.split == "tune"


def test_wrong_options_are_one_clear_sentence_each(study: Study) -> None:
    folder = predict(study, "student")
    source = (folder, "--data", study.source, "--split", "test")
    assert "is not NAME=DIR" in sentence(*source, "--control", folder)
    assert "is taken" in sentence(*source, "--control", f"teacher={folder}")
    assert "second folder of one model" in sentence(
        *source, "--tuning", folder, "--tuning", folder, "--tuning-split", "tune"
    )
    assert "names no model" in sentence(
        *source, "--tuning", f"teacher={folder}", "--tuning-split", "tune"
    )
    assert "make one with `tbspot locate`" in sentence(
        "absent", "--data", study.source, "--split", "test"
    )
    assert "no film is in split 'nowhere'" in sentence(
        folder, "--data", study.source, "--split", "nowhere"
    )
