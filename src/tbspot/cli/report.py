"""`tbspot report`: an evaluation as one HTML file.

Takes a folder with evaluation.json; gives a page that opens offline. The page is left to
tbspot.report.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tbspot.errors import TbspotError

__all__ = ["report"]


def report(
    evaluation: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with evaluation.json.")],
    *,
    out: Annotated[Path, typer.Option(help="HTML file to write.")],
    data: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SOURCE", help="The films to show in the gallery; may be given several times."
        ),
    ] = None,
    split_file: Annotated[
        Path | None, typer.Option(help="A split written by `tbspot prepare`.")
    ] = None,
) -> None:
    """Write an evaluation as one HTML file that opens offline, in any browser.

    Films given with --data become part of the file: keep it where they may be kept.

    Example: tbspot report found --data drawn --out report.html
    """
    from tbspot.console import open_console
    from tbspot.report import write_report

    if split_file is not None and not data:
        raise TbspotError("--split-file divides the films of --data; give that too")
    write_report(evaluation, out, data or (), split_file)
    open_console().print(f"report: {out}")
