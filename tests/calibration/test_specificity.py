from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from studies import Study
from tbspot.calibration.specificity import (
    HealthyScores,
    read_healthy_scores,
    strictest_threshold,
)
from tbspot.errors import TbspotError
from tbspot.records.predictions import FILE_NAME

MAP = np.ones((4, 4), np.float32)
HUNDRED = np.arange(1, 101) / 200


def _healthy(**by_source: np.ndarray) -> HealthyScores:
    return HealthyScores(by_source, "7", "train")


def _predicted(folder: Path, films: dict[str, tuple[int, str, float]]) -> tuple[str, Path]:
    """The table and the predictions of films, each with a label, a source and a score."""
    study = Study(folder)
    for name, (label, source, _) in films.items():
        study.add(name, label, source=source, size=(8, 8))
    scores = {name: score for name, (_, _, score) in films.items()}
    return study.source, study.predict("m", dict.fromkeys(films, MAP), score=scores, version="7")


@pytest.mark.parametrize("specificity", [0.5, 0.9, 0.95])
def test_the_threshold_keeps_the_specificity_and_the_next_lower_one_does_not(
    specificity: float,
) -> None:
    scores = np.random.default_rng(0).permutation(HUNDRED)
    value = strictest_threshold(_healthy(a=scores), specificity).value
    assert np.mean(scores < value) == pytest.approx(specificity)
    below = np.max(scores[scores < value])
    assert np.mean(scores < below) < specificity


def test_the_worst_source_decides_however_few_its_films_are() -> None:
    healthy = _healthy(large=np.linspace(0, 0.1, 5000), small=np.linspace(0.3, 0.8, 20))
    chosen = strictest_threshold(healthy, 0.9)
    assert 0.7 < chosen.value < 0.8
    for scores in healthy.by_source.values():
        assert np.mean(scores < chosen.value) >= 0.9
    assert "the worst of them (small)" in chosen.rule
    assert "5000 of large, 20 of small" in chosen.rule
    assert "90%" in chosen.rule


def test_films_that_share_a_score_are_on_one_side_of_the_threshold() -> None:
    scores = np.repeat([0.1, 0.2, 0.9], [70, 25, 5])
    value = strictest_threshold(_healthy(a=scores), 0.9).value
    assert value == pytest.approx(0.55)


def test_a_specificity_that_no_threshold_has_is_one_clear_sentence() -> None:
    scores = np.repeat([0.1, 0.9], [80, 20])
    with pytest.raises(TbspotError, match=r"within source a: too many .* lower --specificity"):
        strictest_threshold(_healthy(a=scores), 0.9)


def test_a_specificity_close_to_one_is_said_as_it_was_wanted() -> None:
    chosen = strictest_threshold(_healthy(a=np.linspace(0, 1, 2001)), 0.9995)
    assert chosen.rule.startswith("99.95% specificity")


def test_only_films_without_tb_are_read_each_with_its_source(tmp_path: Path) -> None:
    films = {f"{n}.png": (0, "ab"[n % 2], n / 100) for n in range(40)}
    films |= {f"tb{n}.png": (1, "a", 0.99) for n in range(5)}
    table, folder = _predicted(tmp_path, films)
    healthy = read_healthy_scores(folder, [table], "test")
    assert {name: len(scores) for name, scores in healthy.by_source.items()} == {"a": 20, "b": 20}
    assert max(scores.max() for scores in healthy.by_source.values()) < 0.4
    assert healthy.version == "7"


def test_a_source_of_few_films_is_one_clear_sentence(tmp_path: Path) -> None:
    films = {f"{n}.png": (0, "a" if n < 30 else "b", n / 100) for n in range(40)}
    table, folder = _predicted(tmp_path, films)
    with pytest.raises(TbspotError, match="scores of 10 films without TB of source b"):
        read_healthy_scores(folder, [table], "test")


def test_films_with_tb_alone_are_one_clear_sentence(tmp_path: Path) -> None:
    table, folder = _predicted(tmp_path, {f"{n}.png": (1, "a", 0.5) for n in range(3)})
    with pytest.raises(TbspotError, match="no film without TB"):
        read_healthy_scores(folder, [table], "test")


def test_films_are_those_of_the_split_file_and_of_the_predicted_bytes(tmp_path: Path) -> None:
    films = {f"{n}.png": (0, "a", n / 100) for n in range(50)}
    _, folder = _predicted(tmp_path, films)
    table = tmp_path / "unsplit.csv"
    table.write_text("path,label,source\n" + "".join(f"{n}.png,0,a\n" for n in range(50)), "utf-8")
    split = {f"{n}.png": "train" if n < 20 else "test" for n in range(50)}
    file = tmp_path / "split.json"
    file.write_text(json.dumps({"seed": 1, "films": {"a": split}}), "utf-8")
    lines = [json.loads(line) for line in (folder / FILE_NAME).read_text("utf-8").splitlines()]
    lines[3] |= {"bytes": 1, "sha256": "0" * 64}
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / FILE_NAME).write_text(text, "utf-8")
    root = f"{table}?root={tmp_path / 'films'}"
    healthy = read_healthy_scores(folder, [root], "train", file)
    assert healthy.by_source["a"].max() == pytest.approx(0.19)
    assert any("located from a file with other bytes" in note for note in healthy.notes)
