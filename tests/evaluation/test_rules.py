from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from studies import Study, rectangles
from tbspot.errors import TbspotError
from tbspot.evaluation import EvaluationSettings, evaluate_files
from tbspot.evaluation.thresholds import GRID
from tbspot.records.evaluation import RuleResult

WIDE, NARROW = (0, 0, 200, 200), (0, 0, 100, 200)


def nested(inner: float = 1.0) -> np.ndarray:
    """Half the film's map at 1 within the wide box, which is at 0.5."""
    evidence = rectangles(WIDE) * 0.5
    evidence[:200, :100] = inner
    return evidence


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """The truth is the wide box on tuning films, and on the films reported on."""
    study = Study(tmp_path)
    for number in range(3):
        study.add(f"test{number}.png", 1, [WIDE], "test")
        study.add(f"tune{number}.png", 1, [WIDE], "tune")
        study.add(f"train{number}.png", 1, None, "train")
    return study


def maps(split: str, evidence: np.ndarray) -> dict[str, np.ndarray | None]:
    return {f"{split}{number}.png": evidence for number in range(3)}


def rules(settings: EvaluationSettings) -> dict[str, RuleResult]:
    return {one.rule: one for one in evaluate_files(settings).contenders[0].localization.rules}


def test_the_tuned_threshold_is_the_best_on_the_tuning_films(study: Study) -> None:
    judged = study.predict("student", maps("test", nested()))
    tuning = study.predict("tuning", maps("tune", nested()))
    settings = study.settings(judged, tuning={"": tuning}, tuning_split="tune")
    result = evaluate_files(settings)
    figures = result.contenders[0].localization
    # Up to 0.5 the whole box is found, above it only half.
    assert figures.rule == "tuned"
    assert figures.miou.value == 1
    tuned = next(one for one in figures.rules if one.rule == "tuned")
    assert tuned.value == GRID[0]
    assert tuned.origin == "highest mean IoU on the 3 boxed films of split tune"
    assert result.contenders[0].uses_boxes
    curve = result.curves[0]
    assert curve.films == "the 3 boxed films of split tune"
    steps = [1.0 if threshold <= 0.5 else 0.5 for threshold in curve.thresholds]
    assert list(curve.miou) == steps == list(curve.raw_miou)


def test_rectangles_and_raw_mask_are_tuned_each_for_itself(study: Study) -> None:
    # The raw mask loses the corner that the rectangle gives back.
    evidence = nested()
    evidence[100:200, 100:200] = 0
    judged = study.predict("student", maps("test", evidence))
    tuning = study.predict("tuning", maps("tune", evidence))
    tuned = rules(study.settings(judged, tuning={"": tuning}, tuning_split="tune"))["tuned"]
    assert tuned.miou.value == 1
    assert tuned.raw_miou.value == 3 / 4


def test_without_tuning_the_threshold_is_the_one_the_model_carries(study: Study) -> None:
    carried = study.predict("student", maps("test", nested()), map_rule="tuned", map_threshold=0.7)
    figures = rules(study.settings(carried))
    assert (figures["tuned"].value, figures["tuned"].origin) == (0.7, "carried by the model")
    assert figures["tuned"].miou.value == 1 / 2
    assert figures["quantile"].miou.reason == (
        "the predictions carry no share of area, and no training films were given"
    )


@pytest.mark.parametrize(
    ("field", "usual", "other"),
    [("map_threshold", 0.7, 0.9), ("map_rule", "tuned", "otsu"), ("threshold", 0.5, 0.1)],
)
def test_films_of_two_runs_with_other_thresholds_are_refused(
    study: Study, field: str, usual: float | str, other: float | str
) -> None:
    """Of two folders that were joined the first line's threshold would stand for all of them."""
    films = maps("test", nested())
    given: dict[str, Any] = {"map_rule": "tuned", "map_threshold": 0.7}
    given[field] = dict.fromkeys(films, usual) | {"test2.png": other}
    carried = study.predict("student", films, **given)
    with pytest.raises(TbspotError, match="student were made with several thresholds"):
        evaluate_files(study.settings(carried))


def test_tuning_wins_over_the_threshold_carried(study: Study) -> None:
    carried = study.predict("student", maps("test", nested()), map_rule="tuned", map_threshold=0.7)
    tuning = study.predict("tuning", maps("tune", nested()))
    figures = rules(study.settings(carried, tuning={"": tuning}, tuning_split="tune"))
    assert figures["tuned"].miou.value == 1


def test_without_any_threshold_otsu_is_the_primary_rule_and_the_others_say_why(
    study: Study,
) -> None:
    judged = study.predict("student", maps("test", nested()))
    result = evaluate_files(study.settings(judged)).contenders[0]
    assert result.localization.rule == "otsu"
    assert not result.uses_boxes
    reasons = {one.rule: one.miou.reason for one in result.localization.rules}
    assert reasons["tuned"] == (
        "the predictions carry no tuned threshold, and no tuning films were given"
    )


def test_a_carried_share_of_area_is_the_primary_rule(study: Study) -> None:
    share = 200 * 100 / 512**2
    judged = study.predict(
        "student", maps("test", nested()), map_rule="quantile", map_threshold=share * 0.99
    )
    result = evaluate_files(study.settings(judged)).contenders[0]
    assert result.localization.rule == "quantile"
    assert result.localization.miou.value == 1 / 2
    assert not result.uses_boxes


def test_the_share_of_area_comes_from_training_maps_without_boxes(study: Study) -> None:
    judged = study.predict("student", maps("test", nested()))
    training = study.predict("training", maps("train", rectangles(NARROW)))
    figures = rules(study.settings(judged, training=training))
    assert figures["quantile"].value == pytest.approx(100 * 200 / 512**2)
    assert "3 training films, box-free" in figures["quantile"].origin
    assert figures["quantile"].miou.value == pytest.approx(1 / 2)


def test_films_reported_on_or_tuned_on_are_not_trained_on(study: Study) -> None:
    judged = study.predict("student", maps("test", nested()))
    everything = study.predict("all", maps("test", nested()) | maps("tune", nested()))
    with pytest.raises(TbspotError, match="no prediction of a TB film for training"):
        evaluate_files(study.settings(judged, training=everything, tuning_split="tune"))


def test_a_threshold_is_never_chosen_on_the_films_it_is_reported_on(study: Study) -> None:
    judged = study.predict("student", maps("test", nested()))
    with pytest.raises(TbspotError, match="never chosen on the films it is reported on"):
        evaluate_files(study.settings(judged, tuning={"": judged}, tuning_split="test"))


def test_the_teacher_is_tuned_on_its_own_predictions(study: Study) -> None:
    low = nested()
    low[:200, 100:200] = 0.2
    result = evaluate_files(
        study.settings(
            study.predict("student", maps("test", nested())),
            teacher=study.predict("teacher", maps("test", low)),
            tuning={
                "": study.predict("t1", maps("tune", nested())),
                "teacher": study.predict("t2", maps("tune", low)),
            },
            tuning_split="tune",
        )
    )
    teacher = result.contenders[1]
    assert (teacher.role, teacher.localization.rule) == ("teacher", "tuned")
    assert teacher.localization.miou.value == 1


def test_different_rules_are_noted_beside_their_difference(study: Study) -> None:
    judged = study.predict("student", maps("test", nested()))
    other = study.predict("other", maps("test", nested()), map_rule="tuned", map_threshold=0.7)
    result = evaluate_files(study.settings(judged, controls={"other": other}))
    difference = result.contenders[1].difference
    assert difference is not None
    assert str(difference.note).split("; ")[0] == "thresholds by different rules: otsu and tuned"
    assert difference.value == 1 / 2


def test_tuning_without_its_split_is_one_clear_sentence(study: Study) -> None:
    judged = study.predict("student", maps("test", nested()))
    with pytest.raises(TbspotError, match="--tuning needs --tuning-split"):
        study.settings(judged, tuning={"": judged})


@pytest.mark.parametrize(("option", "split"), [("tuning", "tune"), ("training", "train")])
def test_predictions_of_another_model_choose_no_threshold(
    study: Study, option: str, split: str
) -> None:
    judged = study.predict("student", maps("test", nested()))
    other = study.predict("other", maps(split, nested()), version="2")
    given: dict[str, Any] = {"training": other}
    if option == "tuning":
        given = {"tuning": {"": other}, "tuning_split": "tune"}
    sentence = f"of --{option} are of other 2, and those judged of student 1; locate both with one"
    with pytest.raises(TbspotError, match=sentence):
        evaluate_files(study.settings(judged, **given))


def test_tuning_of_a_model_that_is_not_judged_is_one_clear_sentence(study: Study) -> None:
    judged = study.predict("student", maps("test", nested()))
    with pytest.raises(TbspotError, match=r"--tuning teacher=\.\.\. names no model"):
        study.settings(judged, tuning={"teacher": judged}, tuning_split="tune")


def test_a_tuning_split_without_boxes_is_one_clear_sentence(study: Study) -> None:
    judged = study.predict("student", maps("test", nested()))
    training = study.predict("training", maps("train", nested()))
    with pytest.raises(TbspotError, match="no TB film of split train has a box to tune on"):
        evaluate_files(study.settings(judged, tuning={"": training}, tuning_split="train"))


def put_as(study: Study, film: str, name: str, *, link: bool) -> None:
    """The film again under another name, as a link or as a copy."""
    films = study.folder / "films"
    (films / name).unlink()
    if link:
        (films / name).symlink_to(films / film)
    else:
        shutil.copy(films / film, films / name)


@pytest.mark.parametrize("link", [True, False])
def test_a_threshold_is_not_chosen_on_a_copy_of_a_film_reported_on(
    study: Study, link: bool
) -> None:
    put_as(study, "test0.png", "tune1.png", link=link)
    judged = study.predict("student", maps("test", nested()))
    tuning = study.predict("tuning", maps("tune", nested()))
    settings = study.settings(judged, tuning={"": tuning}, tuning_split="tune")
    with pytest.raises(
        TbspotError, match=r"tune1\.png is in split tune and, as .*test0\.png, among"
    ):
        evaluate_files(settings)


def test_a_copy_of_a_film_reported_on_is_no_training_film(study: Study) -> None:
    study.add("other.png", 1, None, "other")
    put_as(study, "test0.png", "other.png", link=False)
    judged = study.predict("student", maps("test", nested()))
    films = maps("train", nested()) | {"other.png": nested(0.9)}
    training = study.predict("training", films)
    result = evaluate_files(study.settings(judged, training=training))
    quantile = next(
        one for one in result.contenders[0].localization.rules if one.rule == "quantile"
    )
    assert "on 3 training films" in str(quantile.origin)
