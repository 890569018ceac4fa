from __future__ import annotations

from pathlib import Path

import numpy as np
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
    for text in ("student *", "1.000", "whole film", "evaluation.json", "p 1.0000"):
        assert text in result.output
    # Of films that are all found alike no interval is told.
    assert "[1.000, 1.000]" not in result.output
    assert "pooled means nothing" in result.output
    # Each model's own, so that two can be compared.
    for name in ("student", "teacher", "untrained"):
        assert f"{name}: TB or not, within each source" in result.output
    assert "\ufffd" not in result.output  # a line's end in a cell is ours and no escape


def test_why_figures_have_no_interval_or_no_value_is_told_once(study: Study) -> None:
    result = run(predict(study, "m"), "--data", study.source, "--split", "test")
    assert result.exit_code == 0, result.output
    notes = [line for line in result.output.splitlines() if line.startswith("note: ")]
    (undefined,) = [one for one in notes if "there is no film without TB" in one]
    assert undefined.startswith("note: AUROC of a (m), average precision of a (m), sens")
    (without,) = [one for one in notes if "AUROC of all sources pooled" in one]
    assert "no interval" in without


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


def test_others_boxes_and_maps_are_evaluated_into_the_folder_named(
    study: Study, tmp_path: Path
) -> None:
    boxes, maps, out = tmp_path / "theirs.csv", tmp_path / "maps", tmp_path / "theirs"
    boxes.write_text("image,x0,y0,x1,y1,score\ntest0,0,0,200,200,0.5\ntest1,0,0,200,100,0.5\n")
    maps.mkdir()
    np.save(maps / "test0.npy", rectangles(LESION))
    films = ("--data", study.source, "--split", "test", "--resamples", "100")
    for given, miou in (("--boxes", boxes), 0.75), (("--maps", maps), 0.5):
        result = run(*map(str, given), *films, "--out", str(out), "--overwrite")
        assert result.exit_code == 0, result.output
        assert read_evaluation(out).contenders[0].localization.miou.value == miou
        words = " ".join(result.output.split())
        assert "† another program's, and what that was trained on is not known" in words
    assert not (tmp_path / "evaluation.json").exists()


def test_one_thing_is_evaluated_and_others_files_are_left_alone(study: Study) -> None:
    films = ("--data", study.source, "--split", "test")
    one_of = "name one of DIR, --boxes FILE and --maps DIR to evaluate"
    assert sentence(*films) == one_of
    assert sentence(predict(study, "student"), "--boxes", "a.json", *films) == one_of
    assert "need --out DIR" in sentence("--boxes", "a.json", *films)
