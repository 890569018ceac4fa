"""`tbspot view`: a local page to look at a run, or at films dropped on it.

Takes a run folder or a film; gives an address and serves it. All work is left to tbspot.viewer.
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["view"]


def view(
    shown: Annotated[
        Path | None,
        typer.Argument(
            metavar="RUN|FILM",
            help="Folder that `tbspot locate` wrote, or one film; without it, drop films.",
        ),
    ] = None,
    *,
    beside: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Another model's run of the same films, side by side."),
    ] = None,
    films: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where the run's films are now, if they were moved."),
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="What `tbspot calibrate` wrote: what a threshold means."),
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="For dropped films; by default the released model.")
    ] = None,
    gate: Annotated[
        bool,
        typer.Option("--gate/--no-gate", help="Refuse dropped films that are no chest films."),
    ] = True,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="To listen on; 0 = any that is free.")
    ] = 8350,
    host: Annotated[
        str,
        typer.Option(help="Address to listen on; any but this machine's own needs a token."),
    ] = "127.0.0.1",
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")
    ] = True,
) -> None:
    """Look at films, heat maps and boxes on a page that only this machine sees.

    Ends with Ctrl+C. A run that `tbspot evaluate` has judged shows its truth
    too. Films dropped on the page are not stored.

    Example: tbspot view found

    The student beside its teacher:
        tbspot view found --beside found-teacher
    """
    from tbspot import viewer
    from tbspot.console import open_console
    from tbspot.interruption import Interrupted

    console = open_console()
    settings = viewer.ViewSettings(
        shown=shown,
        beside=beside,
        films=films,
        calibration=calibration,
        model=model,
        gate=gate,
        host=host,
        port=port,
        browser=browser,
    )

    def announce(address: str) -> None:
        console.print(address)
        console.print("Ctrl+C ends it")

    try:
        viewer.serve(settings, announce)
    except Interrupted as asked:
        # Ctrl+C is how a page is ended, not an interruption.
        if asked.number != signal.SIGINT:
            raise
