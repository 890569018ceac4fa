from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from studies import Study
from tbspot.cli import app
from tbspot.errors import TbspotError
from tbspot.records.predictions import read_predictions

FILES = {
    "calibration.json",
    "calibration.html",
    "run.json",
    "subgroups.csv",
    "threshold.json",
    "thresholds.csv",
}


def write_scores(folder: Path) -> Path:
    """40 films with TB above 0.5 but for one, 40 without below it."""
    path = folder / "scores.csv"
    lines = [f"{0.6 + number / 100},1" for number in range(39)] + ["0.1,1"]
    lines += [f"{0.4 - number / 200},0" for number in range(40)]
    path.write_text("\n".join(["score,reference", *lines]) + "\n")
    return path


def test_calibrate_writes_its_files_and_says_the_target_in_words(tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = CliRunner().invoke(
        app, ["calibrate", str(write_scores(tmp_path)), "--out", str(out), "--resamples", "100"]
    )
    assert result.exit_code == 0, result.output
    assert {path.name for path in out.iterdir()} == FILES
    assert "reach WHO's target for a triage test" in result.output
    assert "0.900 [0.769, 0.960]" in result.output
    words = " ".join(result.output.split())
    assert "no interval, as chance alone makes it greater than 0" in words
    assert json.loads((out / "threshold.json").read_text())["threshold"] == 0.63


@pytest.mark.parametrize("unused", ["--data", "--split", "--split-file"])
def test_what_says_the_truth_of_predictions_is_refused_beside_a_table(
    tmp_path: Path, unused: str
) -> None:
    scores, out = str(write_scores(tmp_path)), str(tmp_path / "out")
    result = CliRunner().invoke(app, ["calibrate", scores, "--out", out, unused, "absent"])
    assert f"{unused}" in str(result.exception)
    assert "do not apply" in str(result.exception)


def test_calibrate_takes_predictions_and_the_truth_of_their_films(tmp_path: Path) -> None:
    study = Study(tmp_path)
    scores = {f"{number}.png": number / 60 for number in range(60)}
    for number, name in enumerate(scores):
        study.add(name, int(number % 3 != 0), size=(8, 8))
    folder = study.predict("m", dict.fromkeys(scores, np.ones((2, 2), np.float32)), score=scores)
    out = tmp_path / "out"
    result = CliRunner().invoke(
        app,
        ["calibrate", str(folder), "--data", study.source, "--split", "test", "--out", str(out)],
    )
    assert result.exit_code == 0, result.output
    chosen = json.loads((out / "threshold.json").read_text())
    assert (chosen["model"], chosen["version"]) == ("m", "1")


def test_calibrate_leaves_another_calibration_alone(tmp_path: Path) -> None:
    scores, out = write_scores(tmp_path), tmp_path / "out"
    command = ["calibrate", str(scores), "--out", str(out), "--resamples", "100"]
    assert CliRunner().invoke(app, command).exit_code == 0
    other = [*command, "--prevalence", "0.1"]
    assert isinstance(CliRunner().invoke(app, other).exception, TbspotError)
    assert CliRunner().invoke(app, [*other, "--overwrite"]).exit_code == 0


def test_a_threshold_calibrated_for_a_model_is_used_by_locate_and_refused_for_another(
    film_path: Path, checkpoint: Path, tmp_path: Path
) -> None:
    def located(folder: str, *options: str) -> Result:
        command = ["locate", str(film_path), "--no-gate", "--model", str(checkpoint), *options]
        return CliRunner().invoke(app, [*command, "--out", str(tmp_path / folder)])

    assert located("plain").exit_code == 0
    (plain,) = read_predictions(tmp_path / "plain")
    scores = write_scores(tmp_path)
    lines = scores.read_text().splitlines()
    lines = [f"{line},{plain.version}" for line in lines]
    scores.write_text("\n".join(["score,reference,version", *lines[1:]]) + "\n")
    out = tmp_path / "calibrated"
    command = ["calibrate", str(scores), "--out", str(out), "--resamples", "100"]
    assert CliRunner().invoke(app, command).exit_code == 0

    path = out / "threshold.json"
    chosen = json.loads(path.read_text())
    assert located("again", "--threshold-file", str(path)).exit_code == 0
    (again,) = read_predictions(tmp_path / "again")
    assert (again.threshold, again.calibration) == (chosen["threshold"], chosen["calibration"])
    assert (again.score, again.version) == (plain.score, plain.version)

    path.write_text(json.dumps(chosen | {"version": "another"}))
    refused = located("refused", "--threshold-file", str(path))
    assert isinstance(refused.exception, TbspotError)
    assert not (tmp_path / "refused").exists()
