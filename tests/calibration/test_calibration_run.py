from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tbspot.calibration import CalibrationSettings, calibrate, read_scored, write_calibration
from tbspot.calibration.page import write_page
from tbspot.calibration.points import point_at
from tbspot.errors import TbspotError
from tbspot.records.calibration import Calibration
from tbspot.records.threshold import read_threshold


def settings(**changes: object) -> CalibrationSettings:
    given = {
        "scores": Path("scores.csv"),
        "prevalence": 0.02,
        "sensitivity": 0.9,
        "specificity": 0.7,
        "resamples": 200,
    }
    return CalibrationSettings(**(given | changes))  # type: ignore[arg-type]


def test_the_chosen_threshold_finds_what_was_asked_for(draw_scores) -> None:
    scored = draw_scores(model="m", version="7")
    result, points = calibrate(scored, settings())
    assert result.chosen.sensitivity.value == 0.9
    assert (result.tb, result.others) == (100, 300)
    assert result.chosen_specificity is not None
    assert result.chosen_specificity.value == result.chosen.specificity.value
    assert [one.threshold for one in points] == sorted(scored.scores)
    assert point_at(result.chosen.threshold, scored.scores, scored.labels, result.plan) in points
    assert any("confirm it on others" in note for note in result.notes)


def test_a_given_threshold_is_judged_and_not_chosen(draw_scores) -> None:
    result, _ = calibrate(draw_scores(), settings(threshold=0.5))
    assert result.chosen.threshold == 0.5
    assert result.chosen_specificity is None
    assert result.rule == "given, judged on 100 films with TB and 300 without"
    assert not any("confirm it on others" in note for note in result.notes)


def test_the_files_say_the_same(draw_scores, tmp_path: Path) -> None:
    scored = draw_scores(model="m", version="7", columns={"=site": ("=1+1", "@b") * 200})
    result, points = calibrate(scored, settings(film_cost=1, test_cost=10))
    write_calibration(tmp_path, result, points)
    read = Calibration.model_validate_json((tmp_path / "calibration.json").read_bytes())
    assert read == result
    chosen = read_threshold(tmp_path / "threshold.json")
    assert chosen.threshold == result.chosen.threshold
    assert (chosen.model, chosen.version) == ("m", "7")
    assert chosen.calibration == result.fingerprint
    with (tmp_path / "thresholds.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(points) == 400
    row = next(one for one in rows if float(one["threshold"]) == chosen.threshold)
    assert float(row["sensitivity"]) == 0.9
    assert float(row["ppv_low"]) == result.chosen.ppv.low
    assert float(row["cost_per_case"]) == result.chosen.cost_per_case.value
    assert row["prevalence"] == "0.02"
    assert rows[0]["npv"] == ""
    groups = (tmp_path / "subgroups.csv").read_text()
    assert "\n'=site,'=1+1," in groups
    assert "\n'=site,'@b," in groups


def test_the_fingerprint_changes_with_scores_threshold_version_and_plan(draw_scores) -> None:
    fingerprints = [
        calibrate(draw_scores(version="7"), settings())[0].fingerprint,
        calibrate(draw_scores(version="8"), settings())[0].fingerprint,
        calibrate(draw_scores(version="7", seed=1), settings())[0].fingerprint,
        calibrate(draw_scores(version="7"), settings(prevalence=0.1))[0].fingerprint,
        calibrate(draw_scores(version="7"), settings(threshold=0.3))[0].fingerprint,
    ]
    assert len(set(fingerprints)) == len(fingerprints)
    again = calibrate(draw_scores(version="7"), settings(resamples=300, seed=5))[0]
    assert again.fingerprint == fingerprints[0]


def test_without_a_version_it_is_said_that_locate_will_refuse(draw_scores) -> None:
    result, _ = calibrate(draw_scores(), settings())
    assert any("`tbspot locate` will not take threshold.json" in note for note in result.notes)


def test_many_thresholds_are_thinned_on_the_page_and_whole_in_the_table(draw_scores) -> None:
    result, points = calibrate(draw_scores(1000), settings())
    assert len(points) == 1000
    assert len(result.points) == 200
    assert result.points[0] == points[0]
    assert result.points[-1] == points[-1]


@pytest.mark.parametrize("prevalence", [0, 1, -0.1, 2, float("nan")])
def test_a_prevalence_that_is_none_is_one_clear_sentence(prevalence: float) -> None:
    with pytest.raises(TbspotError, match=r"--prevalence .* is not between 0 and 1"):
        settings(prevalence=prevalence)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"sensitivity": 1.0}, "--sensitivity 1.0 is not between 0 and 1"),
        ({"specificity": 0.0}, "--specificity 0.0 is not between 0 and 1"),
        ({"film_cost": -1.0}, "--film-cost -1.0 is not a cost"),
        ({"test_cost": float("inf")}, "--test-cost inf is not a cost"),
        ({"film_cost": 2.0}, "needs --film-cost and --test-cost together; add --test-cost"),
        ({"test_cost": 2.0}, "needs --film-cost and --test-cost together; add --film-cost"),
        ({"threshold": float("nan")}, "--threshold nan is not a number"),
    ],
)
def test_a_number_out_of_its_range_is_one_clear_sentence(
    changes: dict[str, float], sentence: str
) -> None:
    with pytest.raises(TbspotError, match=sentence):
        settings(**changes)


def test_a_threshold_as_pages_show_it_is_refused_for_predictions(tmp_path: Path) -> None:
    wrong = settings(scores=tmp_path, data=("a",), split="val", threshold=59.9)
    with pytest.raises(TbspotError, match=r"--threshold 59\.9 is none of tbspot's scores.*0\.599"):
        read_scored(wrong)


def test_truth_given_twice_or_not_at_all_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(TbspotError, match="holds predictions without their truth"):
        read_scored(settings(scores=tmp_path))
    with pytest.raises(TbspotError, match="no folder of predictions"):
        read_scored(settings(scores=tmp_path / "scores.csv", data=("a",), split="val"))


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"threshold": NaN}', None])
def test_a_file_that_is_no_threshold_is_one_clear_sentence(
    tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "threshold.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(TbspotError, match=r"threshold\.json"):
        read_threshold(path)


def test_the_page_says_the_figures_and_runs_nothing_that_the_scores_file_holds(
    draw_scores, tmp_path: Path
) -> None:
    columns = {"<script>": ("<b>x</b>", "</td>") * 200}
    scored = draw_scores(columns=columns, model="<i>m</i>", version="7")
    result, _ = calibrate(scored, settings())
    page = write_page(tmp_path, result).read_text("utf-8")
    assert result.target.sentence.replace("'", "&#39;") in page
    assert "[0.880, 0.943]" in page
    assert result.auroc.words() in page
    assert f": {result.reliability.ece.note}." in page
    assert "&lt;script&gt;: &lt;b&gt;x&lt;/b&gt;" in page
    assert not any(mark in page for mark in ("<script", "<b>x", "<i>m", "http:", "https:"))


def test_the_page_says_what_each_point_and_each_temperature_is_of(
    draw_scores, tmp_path: Path
) -> None:
    scored = draw_scores()
    page = write_page(tmp_path, calibrate(scored, settings())[0]).read_text("utf-8")
    assert "Each point is about a tenth of the films, with its 95 % interval." in page
    head, row = '<th scope="row">temperature fitted on all films</th>', '<td colspan="2">'
    assert f"{head}{row}" in page
    two = replace(scored, scores=np.where(scored.scores > 0.5, 0.8, 0.2))
    page = write_page(tmp_path, calibrate(two, settings())[0]).read_text("utf-8")
    assert "Each point is films of about the same score, with its 95 % interval." in page
    assert "a tenth" not in page


def test_thresholds_near_one_are_told_apart_on_the_page(draw_scores, tmp_path: Path) -> None:
    scored = draw_scores()
    near = replace(scored, scores=1 - 1e-6 * (1 - scored.scores))
    result, _ = calibrate(near, settings())
    page = write_page(tmp_path, result).read_text("utf-8")
    assert f"threshold used: {result.chosen.written}" in page
    assert float(result.chosen.written) < 1
    rows = [f'<th scope="row">{one.written}</th>' for one in result.points]
    assert len(set(rows)) == len(rows)
    assert all(row in page for row in rows)
    # Of the marks under the chart only the highest may be 1.
    assert page.split("threshold used")[0].count('text-anchor="middle">1</text>') <= 1


@pytest.mark.parametrize("given", ["0.123456", "0.12345678901234568", "0.30000000000000004", "5"])
def test_a_given_threshold_is_written_as_it_was_given(draw_scores, given: str) -> None:
    """Of a score that was copied all digits: with fewer it may be above the score itself."""
    result, _ = calibrate(draw_scores(), settings(threshold=float(given)))
    assert result.chosen.written == given


def test_scores_on_another_scale_have_thresholds_and_no_reliability(
    draw_scores, tmp_path: Path
) -> None:
    scored = draw_scores()
    result, points = calibrate(
        type(scored)("drawn", 100 * scored.scores - 50, scored.labels), settings()
    )
    write_calibration(tmp_path, result, points)
    page = write_page(tmp_path, result).read_text("utf-8")
    assert "the scores are not in [0, 1]" in page
    content = json.loads((tmp_path / "calibration.json").read_text())
    assert content["reliability"]["ece"]["value"] is None
    assert np.isfinite(result.chosen.threshold)


def test_films_of_fewer_patients_widen_intervals_and_are_noted(draw_scores) -> None:
    scored = draw_scores()
    five = replace(
        scored,
        scores=np.repeat(scored.scores, 5),
        labels=np.repeat(scored.labels, 5),
        patients=np.repeat(np.arange(400), 5).astype(str),
    )
    once, often = (calibrate(one, settings(resamples=200))[0] for one in (scored, five))
    assert often.auroc.low == pytest.approx(once.auroc.low)
    assert often.reliability.brier.low == pytest.approx(once.reliability.brier.low)
    assert any(note.startswith("the 2,000 films are of 400 patients") for note in often.notes)
    assert not any("patients" in note for note in once.notes)


def test_films_of_one_patient_have_a_page_that_says_what_they_cannot_tell(
    draw_scores, tmp_path: Path
) -> None:
    result, points = calibrate(draw_scores(patients=np.full(400, "anon")), settings())
    write_calibration(tmp_path, result, points)
    page = write_page(tmp_path, result).read_text("utf-8")
    assert "(no interval: it needs films of two patients of each class)" in page
    assert "Brier score after scaling: undefined, as it needs films of several patients" in page
