"""A calibration as one page of HTML that needs no network and no script.

Takes a `Calibration`; gives `calibration.html`. What stands on it is left to
templates/calibration.html, which escapes every text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from tbspot.calibration.records import Calibration, OperatingPoint
from tbspot.files import replacing
from tbspot.results import Figure

__all__ = ["PAGE_FILE", "words", "write_page"]

PAGE_FILE = "calibration.html"


@dataclass(frozen=True)
class Axes:
    """Where a chart's values lie on the page: y is a share from 0 to 1.

    Attributes:
        lowest: value at the left end.
        highest: value at the right end.
        width: of the plot, in units of the page.
        height: of the plot.
    """

    lowest: float = 0.0
    highest: float = 1.0
    width: int = 420
    height: int = 240

    def x(self, value: float) -> float:
        """Place of a value, from the left."""
        return round((value - self.lowest) / (self.highest - self.lowest) * self.width, 1)

    def y(self, share: float) -> float:
        """Place of a share, from the top."""
        return round((1 - share) * self.height, 1)

    def line(self, points: Sequence[tuple[float, float]]) -> str:
        """Points of an SVG polyline."""
        return " ".join(f"{self.x(x)},{self.y(y)}" for x, y in points)

    def ticks(self) -> list[float]:
        """Five values evenly spaced."""
        step = (self.highest - self.lowest) / 4
        return [self.lowest + number * step for number in range(5)]


def write_page(folder: Path, calibration: Calibration) -> Path:
    """Write calibration.html into `folder`; gives its path.

    Raises:
        TbspotError: it cannot be written.
    """
    path = folder / PAGE_FILE
    with replacing(path) as temporary:
        temporary.write_text(_page(calibration), "utf-8")
    return path


def _page(calibration: Calibration) -> str:
    environment = Environment(
        loader=PackageLoader("tbspot"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["words"] = words
    points = calibration.points
    axes = Axes(points[0].threshold, points[-1].threshold)
    return environment.get_template(PAGE_FILE).render(
        calibration=calibration,
        axes=axes,
        curves=[_curve(axes, points, name) for name in ("sensitivity", "specificity")],
        unit=Axes(),
    )


def words(figure: Figure) -> str:
    """A figure, or why there is none."""
    return figure.reason or figure.words()


def _curve(axes: Axes, points: Sequence[OperatingPoint], name: str) -> tuple[str, str, str]:
    """A rate's name, its line, and its intervals as one area."""
    figures: list[tuple[float, Figure]] = [(one.threshold, getattr(one, name)) for one in points]
    line, upper, lower = (
        [(place, getattr(figure, end) or 0.0) for place, figure in figures]
        for end in ("value", "high", "low")
    )
    return name, axes.line(line), axes.line([*upper, *reversed(lower)])
