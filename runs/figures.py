"""The plots of the documentation: bars with their intervals, as SVG that any page can show.

    python runs/figures.py

Takes docs/figures/figures.json, whose figures stand on the page that each plot is for; gives an SVG
beside it. A plot has a ground of its own, so that it reads the same on a dark page.
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "docs" / "figures"
NAMES, BARS, RIGHT, ROW, TOP = 260, 400, 70, 30, 64
# Of Okabe and Ito's palette, as on the other pages: ours, a control, somebody else's.
COLOURS = {"ours": "#0072b2", "control": "#8a6100", "other": "#6b6b6b"}
KEYS = {"ours": "ours", "control": "control", "other": "others' way"}


def main() -> None:
    """Write every plot."""
    for path, content in plots().items():
        path.write_text(content, "utf-8")


def plots() -> dict[Path, str]:
    """The SVG of each plot by its path."""
    figures = json.loads((FOLDER / "figures.json").read_text("utf-8"))
    return {FOLDER / f"{name}.svg": svg(figure) for name, figure in figures.items()}


def svg(figure: dict[str, Any]) -> str:
    """One plot: a bar a row, with its interval where it has one, and its figure in digits."""
    rows, wide = figure["rows"], NAMES + BARS + RIGHT
    high = TOP + ROW * len(rows) + 46
    summary = "; ".join(f"{row['name']} {told(row['value'], figure)}" for row in rows)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="14" fill="#222222">',
        f"<title>{escape(figure['title'])}: {escape(summary)}</title>",
        f'<rect width="{wide}" height="{high}" rx="8" fill="#ffffff"/>',
        f'<text x="16" y="28" font-size="17" font-weight="bold">{escape(figure["title"])}</text>',
        f'<text x="16" y="48" font-size="12" fill="#555555">{escape(figure["unit"])}</text>',
    ]
    for place, row in enumerate(rows):
        lines += bar(row, TOP + ROW * place, figure)
    kinds = [kind for kind in KEYS if any(row["kind"] == kind for row in rows)]
    lines += key(kinds, high - 16) if len(kinds) > 1 else []
    return "\n".join([*lines, "</svg>", ""])


def bar(row: dict[str, Any], top: int, figure: dict[str, Any]) -> list[str]:
    """A row: its name, its bar, its interval, its figure."""
    middle, end = top + ROW // 2, at(row["value"], figure)
    right = at(row.get("high", row["value"]), figure)
    lines = [
        f'<text x="{NAMES - 10}" y="{middle + 5}" text-anchor="end">{escape(row["name"])}</text>',
        f'<rect x="{NAMES}" y="{top + 5}" width="{end - NAMES:.1f}" height="{ROW - 10}" '
        f'fill="{COLOURS[row["kind"]]}"/>',
        f'<text x="{right + 8:.1f}" y="{middle + 5}">{told(row["value"], figure)}</text>',
    ]
    if "low" in row:
        low = at(row["low"], figure)
        lines.append(
            f'<path d="M{low:.1f} {middle}H{right:.1f}M{low:.1f} {middle - 5}v10'
            f'M{right:.1f} {middle - 5}v10" stroke="#111111" stroke-width="1.5"/>'
        )
    return lines


def key(kinds: list[str], bottom: int) -> list[str]:
    """What the colours mean; the bars' names say it too."""
    return [
        f'<rect x="{NAMES + 110 * place}" y="{bottom - 11}" width="12" height="12" '
        f'fill="{COLOURS[kind]}"/>'
        f'<text x="{NAMES + 110 * place + 18}" y="{bottom}" font-size="12">{KEYS[kind]}</text>'
        for place, kind in enumerate(kinds)
    ]


def at(value: float, figure: dict[str, Any]) -> float:
    """Where a figure lies, in the plot's pixels."""
    return NAMES + BARS * float(value) / float(figure["most"])


def told(value: float, figure: dict[str, Any]) -> str:
    """A figure in as many digits as its page has it."""
    return f"{value:.{figure['digits']}f}"


if __name__ == "__main__":
    main()
