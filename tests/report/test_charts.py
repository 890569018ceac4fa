from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tbspot.records.evaluation import Contender, Evaluation
from tbspot.report.charts import histogram_chart, roc_chart, threshold_chart
from tbspot.report.page import render

CORNERS = ((0.0, 0.0), (0.0, 1.0), (1.0, 1.0))


def _classified(
    evaluation: Evaluation, source: str, roc: tuple[tuple[float, float], ...]
) -> Contender:
    """The judged model's row with one source of that name and curve."""
    row = evaluation.contenders[0]
    assert row.classification is not None
    figures = row.classification.sources[0].model_copy(update={"source": source, "roc": roc})
    changed = row.classification.model_copy(update={"sources": (figures,)})
    return row.model_copy(update={"classification": changed})


def test_the_roc_curves_of_model_and_teacher_enclose_the_auroc_they_are_labelled_with(
    evaluation: Evaluation,
) -> None:
    chart = roc_chart(evaluation)
    assert chart is not None
    *curves, chance = chart.lines
    assert [curve.name.split(",")[0] for curve in curves] == ["student", "teacher"]
    for curve, row in zip(curves, evaluation.contenders, strict=False):
        assert row.classification is not None
        (figures,) = row.classification.sources
        x, y = np.array(curve.points).T
        assert np.trapezoid(y, x) == pytest.approx(figures.auroc.value)
        assert curve.name == f"{row.name}, {figures.source}: AUROC {figures.auroc.words()}"
    assert curves[0].points != curves[1].points
    assert chance.points == ((0, 0), (1, 1))


def test_a_model_without_a_teacher_has_its_curve_alone(evaluation: Evaluation) -> None:
    alone = evaluation.model_copy(update={"contenders": evaluation.contenders[:1]})
    chart = roc_chart(alone)
    assert chart is not None
    assert [line.name.split(":")[0] for line in chart.lines] == ["a", ""]


def test_sources_of_one_class_have_no_curve_and_are_named(evaluation: Evaluation) -> None:
    tb, both = _classified(evaluation, "tb", ()), _classified(evaluation, "both", CORNERS)
    assert roc_chart(evaluation.model_copy(update={"contenders": (tb,)})) is None
    figures = both.classification
    assert figures is not None
    assert tb.classification is not None
    sources = (*figures.sources, *tb.classification.sources)
    together = figures.model_copy(update={"sources": sources})
    row = both.model_copy(update={"classification": together})
    chart = roc_chart(evaluation.model_copy(update={"contenders": (row,)}))
    assert chart is not None
    assert chart.note == "Without films of both classes: tb."


def test_the_histogram_counts_every_boxed_film_once(evaluation: Evaluation) -> None:
    chart = histogram_chart(evaluation)
    assert chart is not None
    counts = [int(bar.text.split()[0]) for bar in chart.bars]
    assert sum(counts) == 8
    assert max(bar.height for bar in chart.bars) == 1
    mean = np.mean([film.iou for film in evaluation.films if film.iou is not None])
    assert chart.lines[0].name == f"mean {mean:.3f}"
    assert chart.lines[0].points[0][0] == pytest.approx(mean)


def test_without_a_boxed_film_there_is_no_histogram(evaluation: Evaluation) -> None:
    others = tuple(film for film in evaluation.films if film.iou is None)
    assert histogram_chart(evaluation.model_copy(update={"films": others})) is None


def test_without_a_boxed_film_there_is_no_threshold_curve(
    evaluation: Evaluation, folder: Path
) -> None:
    """One at 0 would say that the model misses all."""
    assert threshold_chart(evaluation.model_copy(update={"curves": ()})) is None
    page = render(folder, evaluation.model_copy(update={"curves": ()}), ())
    assert "Mean IoU by threshold" not in page


def test_the_threshold_curve_is_the_evaluations_on_the_charts_scale(
    evaluation: Evaluation,
) -> None:
    chart = threshold_chart(evaluation)
    top = float(chart.y_ticks[-1].label)
    model, teacher = evaluation.curves
    for line, expected in zip(
        chart.lines, (model.miou, model.raw_miou, teacher.miou), strict=False
    ):
        assert [y * top for _, y in line.points] == pytest.approx(expected)
    assert model.miou != teacher.miou
    assert ["teacher" in line.name for line in chart.lines] == [False, False, True]
    assert all(0 <= y <= 1 for line in chart.lines for _, y in line.points)


def test_a_least_score_of_boxes_is_named_and_shown_however_low(evaluation: Evaluation) -> None:
    assert threshold_chart(evaluation).x_label == "threshold, share of the map's maximum"
    judged, teacher, *controls = evaluation.contenders
    rule = judged.localization.rules[0]
    given = rule.model_copy(update={"rule": "given", "value": None})
    tuned = rule.model_copy(update={"rule": "tuned", "value": 0.00041})
    localization = judged.localization.model_copy(update={"rules": (given, tuned)})
    of_boxes = judged.model_copy(update={"localization": localization})
    alone = {"contenders": (of_boxes, *controls), "curves": evaluation.curves[:1]}
    chart = threshold_chart(evaluation.model_copy(update=alone))
    assert chart.x_label == "threshold, least score of a box"
    assert chart.lines[-1].name == "threshold used: 0.00041"
    both = evaluation.model_copy(update={"contenders": (of_boxes, teacher)})
    assert threshold_chart(both).x_label.endswith("map's maximum or least score of a box")


def test_a_least_score_under_1_is_not_shown_as_1(evaluation: Evaluation, folder: Path) -> None:
    judged, *others = evaluation.contenders
    tuned = judged.localization.rules[0].model_copy(update={"rule": "tuned", "value": 0.9996})
    localization = judged.localization.model_copy(update={"rules": (tuned,)})
    row = judged.model_copy(update={"localization": localization})
    changed = evaluation.model_copy(update={"contenders": (row, *others)})
    assert threshold_chart(changed).lines[-1].name == "threshold used: 0.9996"
    assert "<td>0.9996</td>" in render(folder, changed, ())


def test_lines_are_told_apart_by_colour_and_by_dashes(evaluation: Evaluation) -> None:
    styles = [(line.colour, line.dashes) for line in threshold_chart(evaluation).lines]
    assert len({colour for colour, _ in styles}) == len(styles)
    assert len({dashes for _, dashes in styles}) == len(styles)
