"""A calibration as one page that opens offline.

Takes a `Calibration`; gives calibration.html. All figures come from it: nothing is computed anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tbspot.calibration.digits import told_apart
from tbspot.calibration.reliability import BINS
from tbspot.calibration.run import MOST_POINTS
from tbspot.html import templating
from tbspot.html.charts import FAINT, STYLES, Area, Chart, Line, Span, Tick, ticks
from tbspot.records.calibration import Calibration, OperatingPoint, Reliability, ReliabilityBin
from tbspot.records.figures import Figure, remarks_on

__all__ = ["PAGE_FILE", "words", "write_page"]

PAGE_FILE = "calibration.html"
TEMPLATE = "calibration.html.j2"


def write_page(folder: Path, calibration: Calibration) -> Path:
    """Write calibration.html into `folder`; gives its path.

    Raises:
        TbspotError: it cannot be written.
    """
    charts = [_thresholds(calibration)]
    if calibration.reliability.bins:
        charts.append(_reliability(calibration.reliability.bins))
    path = folder / PAGE_FILE
    templating.write_page(
        path,
        TEMPLATE,
        calibration=calibration,
        charts=charts,
        remarks=_remarks(calibration.reliability),
        words=words,
        most=MOST_POINTS,
    )
    return path


def words(figure: Figure) -> str:
    """A figure with what must be known of it, or why there is none."""
    return figure.reason or figure.words() + (f" ({figure.note})" if figure.note else "")


def _remarks(reliability: Reliability) -> list[str]:
    return remarks_on(
        {
            "expected calibration error": reliability.ece,
            "Brier score": reliability.brier,
            "temperature": reliability.temperature,
            "expected calibration error after scaling": reliability.ece_scaled,
            "Brier score after scaling": reliability.brier_scaled,
        }
    )


def _thresholds(calibration: Calibration) -> Chart:
    points, chosen = calibration.points, calibration.chosen
    lowest, highest = points[0].threshold, points[-1].threshold
    lines: list[Line] = []
    areas = []
    for name, (colour, dashes) in zip(("sensitivity", "specificity"), STYLES, strict=False):
        line, high, low = (
            tuple(
                ((one.threshold - lowest) / (highest - lowest), share)
                for one, share in zip(points, _ends(points, name, end), strict=True)
            )
            for end in ("value", "high", "low")
        )
        lines.append(Line(name, line, colour, dashes))
        areas.append(Area((*high, *reversed(low)), colour))
    if lowest <= chosen.threshold <= highest:
        at = (chosen.threshold - lowest) / (highest - lowest)
        name = f"threshold used: {chosen.written}"
        lines.append(Line(name, ((at, 0.0), (at, 1.0)), *FAINT))
    marks = told_apart([lowest + tick / 4 * (highest - lowest) for tick in range(5)], 3)
    return Chart(
        title="Sensitivity and specificity by threshold",
        summary=calibration.target.sentence,
        x_label="threshold",
        y_label="share of films",
        x_ticks=tuple(Tick(tick / 4, mark) for tick, mark in enumerate(marks)),
        y_ticks=ticks(),
        lines=tuple(lines),
        areas=tuple(areas),
        note="Shaded: 95 % intervals.",
    )


def _ends(points: Sequence[OperatingPoint], name: str, end: str) -> list[float]:
    """A rate's values or limits, which exist for every threshold."""
    return [float(getattr(getattr(point, name), end)) for point in points]


def _reliability(bins: Sequence[ReliabilityBin]) -> Chart:
    spans = tuple(
        Span(
            at=one.score,
            low=one.tb.low or 0.0,
            value=one.tb.value or 0.0,
            high=one.tb.high or 0.0,
            text=f"{one.films} films of mean score {one.score:.3f}: {one.tb.words()} with TB",
        )
        for one in bins
    )
    # Where many scores are equal, there are fewer bins, and they are of different sizes.
    each = "about a tenth of the films" if len(bins) == BINS else "films of about the same score"
    return Chart(
        title="Reliability",
        summary="; ".join(span.text for span in spans),
        x_label="mean score",
        y_label="share with TB",
        x_ticks=ticks(),
        y_ticks=ticks(),
        lines=(Line("the score is the share", ((0.0, 0.0), (1.0, 1.0)), *FAINT),),
        spans=spans,
        note=f"Each point is {each}, with its 95 % interval.",
    )
