"""What `tbspot locate` says of films at its end: a table of few, the numbers of many.

Takes predictions; gives what a console prints. Files keep scores in [0, 1].
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from tbspot.locating.folder import overlay_of
from tbspot.records.predictions import Prediction
from tbspot.scores import shown_score

__all__ = ["summary_of", "table_of"]


def table_of(predictions: Iterable[Prediction], folder: Path) -> Table:
    """A row a film: its score, whether it is called TB, its boxes, what to know, its picture."""
    table = Table(
        "film",
        title="scores from 0 to 100; research use only, not a diagnosis",
        box=SIMPLE_HEAD,
    )
    table.add_column("score", justify="right")
    table.add_column("called TB")
    table.add_column("boxes", justify="right")
    table.add_column("to know", overflow="fold")
    table.add_column("picture", overflow="fold")
    for one in predictions:
        overlay = overlay_of(folder, one)
        table.add_row(
            one.image,
            shown_score(one.score, one.threshold),
            {True: "yes", False: "no", None: ""}[one.called],
            str(len(one.boxes)) if one.status == "ok" else one.status,
            one.reason or "",
            str(overlay) if overlay else "",
        )
    return table


def summary_of(predictions: Iterable[Prediction], new: int, seconds: float) -> str:
    """How many films were called TB, refused or failed, and how fast this call was."""
    counts: Counter[str] = Counter()
    for one in predictions:
        counts[one.status] += 1
        counts["called"] += bool(one.called)
    rate = f"; {new / seconds:.1f} films a second" if new > 1 else ""
    return (
        f"ok {counts['ok']:,}, refused {counts['refused']:,}, failed {counts['failed']:,}; "
        f"called TB {counts['called']:,}{rate}"
    )
