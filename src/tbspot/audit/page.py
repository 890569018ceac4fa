"""An audit as one page that opens offline.

Takes an `Audit`; gives audit.html. All figures come from it: nothing is computed anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tbspot.audit.per_film import BORDER, FIELD, MARKER, TRUTH
from tbspot.html import templating
from tbspot.html.charts import FAINT, STYLES, Chart, Line, ticks
from tbspot.records.audit import Audit, BlankingCurve

__all__ = ["PAGE_FILE", "write_page"]

PAGE_FILE = "audit.html"
TEMPLATE = "audit.html.j2"


def write_page(folder: Path, audit: Audit) -> Path:
    """Write audit.html into `folder`; gives its path.

    Raises:
        TbspotError: it cannot be written.
    """
    path = folder / PAGE_FILE
    templating.write_page(
        path,
        TEMPLATE,
        audit=audit,
        names=" and ".join(model.name for model in audit.models),
        regions=(TRUTH, FIELD, BORDER, MARKER),
        charts=list(_charts(audit)),
    )
    return path


def _charts(audit: Audit) -> Iterator[Chart]:
    for model in audit.models:
        for one in model.evidence:
            of = f"{model.name}, {one.source}"
            if one.blanking.deletion is not None:
                yield _chart(f"Deletion: {of}", "share blanked", one.blanking.deletion)
            if one.blanking.insertion is not None:
                yield _chart(f"Insertion: {of}", "share kept", one.blanking.insertion)


def _chart(title: str, x_label: str, curve: BlankingCurve) -> Chart:
    return Chart(
        title=title,
        summary=f"area between the curves {curve.difference.words()}",
        x_label=x_label,
        y_label="mean score",
        x_ticks=ticks(),
        y_ticks=ticks(),
        lines=(
            Line(
                "places of most evidence first",
                tuple(zip(curve.shares, curve.by_map, strict=True)),
                *STYLES[0],
            ),
            Line(
                "places in random order",
                tuple(zip(curve.shares, curve.by_chance, strict=True)),
                *FAINT,
            ),
        ),
    )
