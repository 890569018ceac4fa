from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from studies import Study
from tbspot.calibration.scored import Scored, read_predicted, read_scores
from tbspot.errors import TbspotError

MAP = np.ones((4, 4), np.float32)


def test_a_file_of_scores_is_read_with_its_sub_groups_and_model(write_scores) -> None:
    ids, sexes = range(400), ["f", "m"] * 200
    scored = read_scores(write_scores(id=ids, sex=sexes, model=["m"] * 400, version=["7"] * 400))
    assert scored.labels.sum() == 100
    assert scored.scores.shape == (400,)
    assert scored.columns == {"sex": tuple(sexes)}
    assert (scored.model, scored.version) == ("m", "7")


def test_references_that_a_program_wrote_as_decimals_are_read(write_scores) -> None:
    references = [1.0] * 100 + [0.0] * 300
    assert read_scores(write_scores(reference=references)).labels.sum() == 100


def faulty(**changes: object) -> dict[str, list[object]]:
    """Columns of 60 films whose last cells are replaced."""
    columns: dict[str, list[object]] = {
        "score": [place / 60 for place in range(60)],
        "reference": [1, 0] * 30,
        "id": list(range(60)),
    }
    for name, cell in changes.items():
        columns.setdefault(name, ["1"] * 60)[-1] = cell
    return columns


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"score": "nan"}, "line 61, has the score 'nan', not a number"),
        ({"score": "inf"}, "line 61, has the score 'inf', not a number"),
        ({"score": "1_0"}, "line 61, has the score '1_0', not a number"),
        ({"score": "\u0661"}, "line 61, has the score '\u0661', not a number"),
        ({"score": "-1.1e30"}, r"line 61, has the score '-1\.1e30', beyond 1e\+30"),
        ({"score": ""}, "line 61, has the score '', not a number"),
        ({"reference": "2"}, r"line 61, has the reference '2', not 1 \(TB\) or 0"),
        ({"reference": "TB"}, r"line 61, has the reference 'TB', not 1 \(TB\) or 0"),
        ({"reference": "nan"}, r"line 61, has the reference 'nan', not 1 \(TB\) or 0"),
        ({"id": 7}, "line 61, has the id of line 9 again"),
        ({"version": "2"}, r"scores of more than one version \(1, 2\)"),
    ],
)
def test_a_wrong_cell_is_one_clear_sentence(write_scores, changes, sentence) -> None:
    with pytest.raises(TbspotError, match=sentence):
        read_scores(write_scores(**faulty(**changes)))


@pytest.mark.parametrize(
    ("score", "reference", "sentence"),
    [
        ([0.5] * 60, [1, 0] * 30, r"every film the score 0\.5"),
        (list(range(60)), [1] * 60, "has 0 films without TB"),
        (list(range(60)), [0] * 60, "has 0 films with TB"),
        (list(range(60)), [1] * 19 + [0] * 41, "has 19 films with TB, and a threshold needs 20"),
        (list(range(60)), [1] * 41 + [0] * 19, "has 19 films without TB"),
    ],
)
def test_films_that_no_threshold_can_be_chosen_by_are_refused(
    write_scores, score, reference, sentence
) -> None:
    with pytest.raises(TbspotError, match=sentence):
        read_scores(write_scores(score=score, reference=reference))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "no column 'score' or 'reference'"),
        (b"score,reference\n", "has 0 films with TB"),
        (b"score\n0.1\n", "no column 'reference' .*; of a run name the folder, with --data and"),
        (b"\xff\xfe\x00", "cannot be read as a CSV file"),
    ],
)
def test_a_file_without_scores_is_one_clear_sentence(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    path = tmp_path / "scores.csv"
    path.write_bytes(content)
    with pytest.raises(TbspotError, match=sentence):
        read_scores(path)


def test_an_absent_file_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(TbspotError, match="cannot be read"):
        read_scores(tmp_path / "absent.csv")


def test_the_fingerprint_is_of_the_scores_and_their_truth_in_any_order(draw_scores) -> None:
    scored = draw_scores()
    back = Scored("back", scored.scores[::-1], scored.labels[::-1])
    assert back.fingerprint() == scored.fingerprint()
    other = Scored("other", scored.scores, scored.labels[::-1])
    assert other.fingerprint() != scored.fingerprint()


def predicted(folder: Path, sources: tuple[str, str]) -> tuple[Study, Path]:
    """21 films with TB of one source and 21 without of another, and a film that failed."""
    study = Study(folder)
    scores: dict[str, float | None] = {}
    for number in range(42):
        name = f"{number}.png"
        study.add(name, number % 2, source=sources[number % 2], size=(8, 8))
        scores[name] = number / 42
    study.add("broken.png", 1, size=(8, 8))
    maps = dict.fromkeys(scores, MAP) | {"broken.png": None}
    return study, study.predict("m", maps, score=scores | {"broken.png": None}, version="7")


def test_predictions_are_read_with_the_truth_of_their_films(tmp_path: Path) -> None:
    study, folder = predicted(tmp_path, ("a", "a"))
    scored = read_predicted(folder, [study.source], "test")
    assert scored.labels.tolist() == [0, 1] * 21
    assert scored.scores.tolist() == [number / 42 for number in range(42)]
    assert (scored.model, scored.version, scored.columns) == ("m", "7", {})
    assert "films of split test without a score, left out: 1" in scored.notes


def test_films_of_several_sources_are_sub_groups_and_what_the_source_tells_is_said(
    tmp_path: Path,
) -> None:
    study, folder = predicted(tmp_path, ("a", "b"))
    scored = read_predicted(folder, [study.source], "test")
    assert scored.columns == {"source": ("a", "b") * 21}
    assert any("names alone tell TB with AUROC 1.000" in note for note in scored.notes)


def test_films_of_one_patient_are_told_by_a_column_that_is_no_sub_group(write_scores) -> None:
    patients = [f"p{place // 2}" for place in range(398)] + ["", ""]
    scored = read_scores(write_scores(patient=patients))
    assert scored.columns == {}
    assert scored.patients is not None
    assert scored.patients[:2].tolist() == ["p0", "p0"]
    # Nobody named the last two: they are not taken for one.
    assert len(set(scored.patients.tolist())) == 201


def test_patients_of_two_sources_are_two_whatever_their_names(write_scores) -> None:
    sources, patients = ["a", "b"] * 200, [str(place // 4) for place in range(400)]
    scored = read_scores(write_scores(patient=patients, source=sources))
    assert scored.patients is not None
    assert len(set(scored.patients.tolist())) == 200
    assert set(scored.columns) == {"source"}


def test_a_film_without_an_id_is_no_other_film(write_scores) -> None:
    ids = ["line 3", "", *range(398)]
    assert len(read_scores(write_scores(id=ids)).scores) == 400
