"""`tbspot prepare`: check sources, count their films, write the split.

Takes sources as typed; gives a split file and a table of counts. All reading is left to
tbspot.samples.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from tbspot.samples.sample import Sample

__all__ = ["prepare"]


def prepare(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE",
            help="Folders (TBX11K, TBX11K simplified, Shenzhen or with a labels.csv), CSV files.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Split file to write.")],
    seed: Annotated[int, typer.Option(help="Of the division by patient.")] = 0,
    overwrite: Annotated[bool, typer.Option(help="Replace another split file.")] = False,
) -> None:
    """Check data, count films per source, class and split, and write the split to a file.

    Films that come with an official split keep it; the others are
    divided by patient into train, tune and test. Copies across splits
    and shared patients are reported.

    Example:
        tbspot draw drawn && tbspot prepare drawn --out split.json

    Options of a source follow a question mark; quote them:

        "TBX11K?lists=all" adds Shenzhen, Montgomery, DA and DB.

        "labels.csv?label=finding&positive=pneumonia": path, label,
        patient, split, source and boxes name columns of a CSV file,
        positive the label that means TB, root the folder of its films,
        out of which no path may lead.
    """
    from tbspot.console import open_console, print_notes
    from tbspot.samples.counting import balance_notes
    from tbspot.samples.loading import load
    from tbspot.samples.splitting import check_split_target, write_split

    check_split_target(out)
    loaded = load(sources, seed=seed)
    write_split(out, (*loaded.samples, *loaded.dropped), seed, overwrite=overwrite)
    console = open_console()
    console.print(_table(loaded.samples))
    print_notes(console, (*loaded.notes, *balance_notes(loaded.samples)))
    console.print(f"split of {len(loaded.samples) + len(loaded.dropped):,} films: {out}")


def _table(samples: Sequence[Sample]) -> Table:
    from rich.table import Table

    from tbspot.samples.counting import count

    splits = sorted({one.split for one in samples})
    table = Table("source", "class")
    for heading in (*splits, "all"):
        table.add_column(heading, justify="right")
    for (source, label), counts in count(samples).items():
        cells = [f"{counts[split]:,}" for split in splits]
        table.add_row(source, "TB" if label else "not TB", *cells, f"{counts.total():,}")
    return table
