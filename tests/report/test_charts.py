from __future__ import annotations

import numpy as np
import pytest

from tbspot.report.charts import histogram_chart, roc_chart, threshold_chart
from tbspot.results import Evaluation


def test_the_roc_curve_encloses_the_auroc_it_is_labelled_with(evaluation: Evaluation) -> None:
    chart = roc_chart(evaluation)
    figures = evaluation.contenders[0].classification
    assert chart is not None
    assert figures is not None
    curve, chance = chart.lines
    x, y = np.array(curve.points).T
    assert np.trapezoid(y, x) == pytest.approx(figures.sources[0].auroc.value)
    assert figures.sources[0].auroc.words() in curve.name
    assert chance.points == ((0, 0), (1, 1))


def test_sources_of_one_class_have_no_curve_and_are_named(evaluation: Evaluation) -> None:
    only_tb = tuple(one for one in evaluation.films if one.label)
    assert roc_chart(evaluation.model_copy(update={"films": only_tb})) is None


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


def test_the_threshold_curve_is_the_evaluations_on_the_charts_scale(
    evaluation: Evaluation,
) -> None:
    chart = threshold_chart(evaluation)
    top = float(chart.y_ticks[-1].label)
    (curve,) = evaluation.curves
    heights = [y * top for _, y in chart.lines[0].points]
    assert heights == pytest.approx(curve.miou)
    assert all(0 <= y <= 1 for line in chart.lines for _, y in line.points)


def test_lines_are_told_apart_by_colour_and_by_dashes(evaluation: Evaluation) -> None:
    styles = [(line.colour, line.dashes) for line in threshold_chart(evaluation).lines]
    assert len({colour for colour, _ in styles}) == len(styles)
    assert len({dashes for _, dashes in styles}) == len(styles)
