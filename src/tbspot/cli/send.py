"""`tbspot send`: results as DICOM to an archive.

Takes a run's folder and an address; gives what the archive has confirmed. All work is left to
tbspot.hospital.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated

import typer

from tbspot.errors import TbspotError
from tbspot.extras import needing

__all__ = ["send"]


def send(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="Folder that `tbspot locate --dicom` wrote.")
    ],
    *,
    to: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="AE@HOST:PORT (C-STORE) or http(s)://... (STOW-RS)."),
    ],
    calling: Annotated[
        str, typer.Option(metavar="AE", help="AE title of this side, towards AE@HOST:PORT.")
    ] = "TBSPOT",
    again: Annotated[
        bool, typer.Option("--again", help="Send also what the archive has confirmed before.")
    ] = False,
) -> None:
    """Send a run's results as DICOM to an archive, each until it is confirmed.

    The same command sends what failed and nothing twice. Exit code 1 if the
    archive has not confirmed all.

    Example: tbspot send found --to ORTHANC@localhost:4242

    Over the web:
        tbspot send found --to http://localhost:8042/dicom-web
    """
    from tbspot.console import open_console

    with needing("hospital"):
        from tbspot.hospital.sending import send as send_results

    console = open_console()

    def tell(line: str) -> None:
        console.print(line)

    with warnings.catch_warnings():
        # They repeat what an odd result or answer holds; what matters of it is told.
        warnings.filterwarnings("ignore", module="pydicom")
        sent = send_results(run, to, calling=calling, again=again, tell=tell)
    tell(f"stored {sent.stored:,}, confirmed before {sent.before:,}, failed {len(sent.failed):,}")
    if sent.failed:
        count = sent.stored + sent.before + len(sent.failed)
        raise TbspotError(
            f"{len(sent.failed):,} of {count:,} results were not confirmed by {to}: "
            f"{sent.failed[0][1]}; the same command sends them again"
        )
