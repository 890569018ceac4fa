"""The page itself: what is filled into the template.

Takes an evaluation and its gallery; gives HTML. Everything that comes from files is escaped by
the template engine; the page loads nothing and runs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tbspot.html.templating import render as render_template
from tbspot.parsing import open_file
from tbspot.records.evaluation import (
    Contender,
    Evaluation,
    classification_remarks,
    read_evaluation,
)
from tbspot.records.figures import Figure
from tbspot.report.charts import histogram_chart, roc_chart, threshold_chart
from tbspot.report.gallery import gallery_of, legend
from tbspot.samples.loading import load
from tbspot.samples.sample import Sample
from tbspot.storage import replacing
from tbspot.targets import check_target

__all__ = ["render", "write_report"]

TEMPLATE = "report.html.j2"
# What figures of ranked boxes are of: no film without TB counts, nor the boxes found on one.
BOXED = "on films with TB alone"
# In the head of each report, and of no other page.
MARK = b'<meta name="generator" content="tbspot report">'


@dataclass(frozen=True)
class Column:
    """A column of the table of further figures."""

    heading: str
    meaning: str
    figures: tuple[Figure, ...]


def write_report(
    folder: Path, out: Path, data: Sequence[str] = (), split_file: Path | None = None
) -> None:
    """Write the report of the evaluation in `folder` to `out`, whole or not at all.

    Args:
        folder: holds evaluation.json.
        out: HTML file.
        data: sources of the films to be shown; without them maps are shown alone.
        split_file: from `tbspot prepare`, if any.

    Raises:
        TbspotError: there is no evaluation, it and the films cannot be read, or another file than
            an earlier report lies at `out`.
    """
    check_target(out, "a report of tbspot", _is_report)
    evaluation = read_evaluation(folder)
    samples = load(data, split_file).samples if data else ()
    page = render(folder, evaluation, samples)
    with replacing(out, named=True) as temporary:
        temporary.write_text(page, "utf-8")


def _is_report(path: Path) -> bool:
    try:
        with open_file(path) as file:
            return MARK in file.read(1000)
    except OSError:
        return False


def render(folder: Path, evaluation: Evaluation, samples: Sequence[Sample]) -> str:
    """The page as text."""
    rows = evaluation.contenders
    models = [row for row in rows if row.model is not None]
    charts = (roc_chart(evaluation), histogram_chart(evaluation), threshold_chart(evaluation))
    return render_template(
        TEMPLATE,
        evaluation=evaluation,
        judged=rows[0],
        rows=rows,
        models=models,
        columns=_columns(rows),
        undefined=_undefined(rows),
        remarks=classification_remarks(models),
        longest=_longest(rows),
        charts=[chart for chart in charts if chart is not None],
        gallery=list(gallery_of(folder, evaluation, samples)),
        has_films=bool(samples),
        legend=legend(),
    )


def _columns(rows: Sequence[Contender]) -> list[Column]:
    """Further localization figures, each for every row."""
    side = [row.localization for row in rows]
    headings = [
        ("hit", "the map's maximum lies in a truth box", [one.hit for one in side]),
        ("hit, 15 px", "or within 15 pixels of one", [one.hit_tolerant for one in side]),
        ("side", "the half with more map is the true one, on one-sided films",
         [one.side for one in side]),
        ("energy inside", "share of the map in truth boxes", [one.energy for one in side]),
        ("lesions of several", "share found with IoU of at least 0.3, on films with several",
         [one.second_lesion for one in side]),
        ("detected and hit", "called TB, and the maximum in a truth box",
         [one.detected_and_hit for one in side]),
        ("detected mean IoU", "a film not called TB counts 0",
         [one.detected_miou for one in side]),
    ]  # fmt: skip
    for key in side[0].box_ap:
        figures = [one.box_ap[key] for one in side]
        headings.append((f"AP, IoU {key}", f"COCO's average precision of boxes, {BOXED}", figures))
    for key in side[0].froc:
        figures = [one.froc[key] for one in side]
        meaning = f"share of truth boxes found with {key} false boxes a film, {BOXED}"
        headings.append((f"FROC {key}", meaning, figures))
    headings += [
        ("false boxes", "a film without TB", [one.false_boxes for one in side]),
        ("false boxes, called", "a film without TB, those called TB only",
         [one.false_boxes_called for one in side]),
    ]  # fmt: skip
    return [Column(heading, meaning, tuple(figures)) for heading, meaning, figures in headings]


def _undefined(rows: Sequence[Contender]) -> list[str]:
    """Why figures of the tables have no value, each reason once with the rows it holds for."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for column in _columns(rows):
        for row, figure in zip(rows, column.figures, strict=True):
            if figure.reason:
                reasons.setdefault((column.heading, figure.reason), []).append(row.name)
    return [
        f"{heading}: {reason} ({', '.join(names)})" for (heading, reason), names in reasons.items()
    ]


def _longest(rows: Sequence[Contender]) -> float:
    """The upper end of the scale of intervals, and of figures that have none."""
    figures = [row.localization.miou for row in rows]
    ends = [end for one in figures for end in (one.value, one.high) if end is not None]
    return max([0.1, *ends])
