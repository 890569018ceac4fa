"""Curves and bars as numbers ready for inline SVG.

Takes an evaluation; gives charts whose coordinates are in [0, 1] from left to right and from
bottom to top. How they are drawn is left to the template.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tbspot.html.charts import FAINT, STYLES, Bar, Chart, Line, Points, Tick, ticks
from tbspot.records.evaluation import Classification, Curve, Evaluation, RuleResult
from tbspot.scores import shown_threshold

__all__ = ["histogram_chart", "roc_chart", "threshold_chart"]

HISTOGRAM_BINS = 20


def roc_chart(evaluation: Evaluation) -> Chart | None:
    """ROC curves within each source of the judged model, and of its teacher if there is one.

    `None` where no source has both classes.
    """
    models = [row for row in evaluation.contenders if row.role != "control"]
    lines: list[Line] = []
    for row in models:
        for source in row.classification.sources if row.classification else ():
            if source.roc:
                whose = f"{row.name}, " if len(models) > 1 else ""
                name = f"{whose}{source.source}: AUROC {source.auroc.words()}"
                lines.append(Line(name, source.roc, *STYLES[len(lines) % len(STYLES)]))
    if not lines:
        return None
    return Chart(
        title="ROC within each source",
        summary="; ".join(line.name for line in lines),
        x_label="1 - specificity",
        y_label="sensitivity",
        x_ticks=ticks(),
        y_ticks=ticks(),
        lines=(*lines, Line("", ((0.0, 0.0), (1.0, 1.0)), *FAINT)),
        note=_left_out(evaluation.contenders[0].classification),
    )


def _left_out(figures: Classification | None) -> str:
    sources = [one.source for one in figures.sources if not one.roc] if figures else []
    return f"Without films of both classes: {', '.join(sources)}." if sources else ""


def histogram_chart(evaluation: Evaluation) -> Chart | None:
    """How many boxed films have which IoU; `None` without boxed films."""
    overlaps = np.array([film.iou for film in evaluation.films if film.iou is not None])
    if not len(overlaps):
        return None
    counts, edges = np.histogram(overlaps, HISTOGRAM_BINS, (0, 1))
    most = int(counts.max())
    step = max(1, -(-most // 5))
    mean = float(overlaps.mean())
    return Chart(
        title="IoU of each film",
        summary=f"{len(overlaps)} films, mean {mean:.3f}, median {np.median(overlaps):.3f}, "
        f"{int((overlaps == 0).sum())} films with 0",
        x_label="IoU",
        y_label="films",
        x_ticks=ticks(),
        y_ticks=tuple(Tick(count / most, str(count)) for count in range(0, most + 1, step)),
        lines=(Line(f"mean {mean:.3f}", ((mean, 0.0), (mean, 1.0)), *STYLES[1]),),
        bars=tuple(_bars(counts, edges, most)),
    )


def _bars(counts: NDArray[np.int_], edges: NDArray[np.float64], most: int) -> list[Bar]:
    return [
        Bar(
            float(left),
            float(right - left),
            float(count / most),
            f"{count} films with IoU {left:.2f} to {right:.2f}",
        )
        for count, left, right in zip(counts, edges[:-1], edges[1:], strict=True)
        if count
    ]


def threshold_chart(evaluation: Evaluation) -> Chart | None:
    """Mean IoU by threshold on tuning films, if there are any, and on the films reported on.

    `None` where none of them has a box.
    """
    if not evaluation.curves:
        return None
    judged = evaluation.contenders[0].localization
    top = _round_up(max(max((*curve.miou, *curve.raw_miou)) for curve in evaluation.curves))
    named = [
        (curve, f"{curve.films}{ending}", values)
        for curve in evaluation.curves
        for ending, values in (("", curve.miou), (" (raw mask)", curve.raw_miou))
        # A teacher's raw mask would be one line more than can be told apart.
        if curve.role == "judged" or not ending
    ]
    lines = [
        Line(name, _curve(curve, values, top), *style)
        for (curve, name, values), style in zip(named, STYLES, strict=False)
    ]
    tuned = [one for one in judged.rules if one.rule == "tuned" and one.value is not None]
    return Chart(
        title="Mean IoU by threshold",
        summary="; ".join(
            f"highest on {curve.films}: {max(curve.miou):.3f}" for curve in evaluation.curves
        ),
        x_label=_scale(evaluation),
        y_label="mean IoU",
        x_ticks=ticks(),
        y_ticks=tuple(Tick(share / 5, f"{top * share / 5:.2f}") for share in range(6)),
        lines=(*lines, *(_chosen(rule) for rule in tuned)),
        note="A threshold is never chosen on the films it is reported on.",
    )


def _scale(evaluation: Evaluation) -> str:
    """What a threshold is of the models that have a curve: some give maps, some boxes alone."""
    whose = {curve.role for curve in evaluation.curves}
    give_boxes = {
        any(rule.rule == "given" for rule in row.localization.rules)
        for row in evaluation.contenders
        if row.role in whose
    }
    words = {False: "share of the map's maximum", True: "least score of a box"}
    return f"threshold, {' or '.join(words[one] for one in sorted(give_boxes))}"


def _chosen(rule: RuleResult) -> Line:
    at = rule.value or 0.0
    return Line(f"threshold used: {shown_threshold(at)}", ((at, 0.0), (at, 1.0)), *FAINT)


def _curve(curve: Curve, values: Sequence[float], top: float) -> Points:
    return tuple((x, y / top) for x, y in zip(curve.thresholds, values, strict=True))


def _round_up(value: float) -> float:
    """The next tenth, so that ticks are round."""
    return max(0.1, float(np.ceil(value * 10) / 10))
