"""Charts as numbers, ready for inline SVG.

Takes and gives records whose coordinates are in [0, 1] from left to right and from bottom to top.
What a chart shows is left to report/, calibration/ and audit/, how it is drawn to `parts.html.j2`.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "FAINT",
    "STYLES",
    "Area",
    "Bar",
    "Chart",
    "Line",
    "Points",
    "Span",
    "Tick",
    "ticks",
]

# Okabe and Ito's palette without yellow, told apart by dashes too.
STYLES = (
    ("#0072b2", ""),
    ("#d55e00", "7 4"),
    ("#00795c", "2 3"),
    ("#a3507e", "9 3 2 3"),
    ("#8a6100", "4 2"),
)
# Of lines that only help the eye.
FAINT = ("#8a8a8a", "1 4")
FIFTHS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Tick:
    """A mark on an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Line:
    """A curve; one that only helps the eye has no name."""

    name: str
    points: Points
    colour: str
    dashes: str


@dataclass(frozen=True)
class Area:
    """What a closed line holds, such as the intervals of a curve."""

    points: Points
    colour: str


@dataclass(frozen=True)
class Bar:
    """A rectangle from the bottom, with the text that says what it counts."""

    left: float
    width: float
    height: float
    text: str


@dataclass(frozen=True)
class Span:
    """A point with its interval, and the text that says what it is."""

    at: float
    low: float
    value: float
    high: float
    text: str


@dataclass(frozen=True)
class Chart:
    """A chart.

    Attributes:
        title: above it.
        summary: the same in words, for who does not see it.
        x_label: of the lower axis.
        y_label: of the left axis.
        x_ticks: of the lower axis.
        y_ticks: of the left axis.
        lines: curves.
        areas: behind them.
        bars: of a histogram.
        spans: points with intervals.
        note: below it.
    """

    title: str
    summary: str
    x_label: str
    y_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...] = ()
    areas: tuple[Area, ...] = ()
    bars: tuple[Bar, ...] = ()
    spans: tuple[Span, ...] = ()
    note: str = ""


def ticks() -> tuple[Tick, ...]:
    """Marks of shares from 0 to 1."""
    return tuple(Tick(place, f"{place:.1f}") for place in FIFTHS)
