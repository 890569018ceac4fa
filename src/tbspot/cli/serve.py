"""`tbspot serve`: a DICOM node that answers the films which units send.

Takes a folder and addresses; gives a service that runs until it is ended, or what is wrong with its
set-up. All work is left to tbspot.node.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer

__all__ = ["serve"]

UNITS, RESULTS, MODEL, KEEPING, PAGE, WATCHING = (
    "Units that send", "Results", "Model", "Keeping", "The page", "Looking after it",
)  # fmt: skip


def serve(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Of the node: queue, films, results.")
    ],
    *,
    title: Annotated[
        str,
        typer.Option(
            metavar="AE",
            help="AE title of this node, for units and archive.",
            rich_help_panel=UNITS,
        ),
    ] = "TBSPOT",
    host: Annotated[
        str,
        typer.Option(
            help="Address to listen on; any but this machine's own needs a list of units.",
            rich_help_panel=UNITS,
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, help="To listen on; 0 = any that is free.", rich_help_panel=UNITS
        ),
    ] = 11112,
    titles: Annotated[
        list[str] | None,
        typer.Option(
            "--titles",
            metavar="AE",
            help="AE title of a unit that may send; once for each unit; by default any.",
            rich_help_panel=UNITS,
        ),
    ] = None,
    addresses: Annotated[
        list[str] | None,
        typer.Option(
            "--addresses",
            metavar="IP",
            help="Address of a unit that may send; once for each unit; by default any.",
            rich_help_panel=UNITS,
        ),
    ] = None,
    watch: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Take films from here too, and remove them.", rich_help_panel=UNITS
        ),
    ] = None,
    tls_certificate: Annotated[
        Path | None,
        typer.Option(metavar="PEM", help="Encrypt associations with this.", rich_help_panel=UNITS),
    ] = None,
    tls_key: Annotated[
        Path | None,
        typer.Option(
            metavar="PEM",
            help="Private key of the certificate, without a password.",
            rich_help_panel=UNITS,
        ),
    ] = None,
    tls_authority: Annotated[
        Path | None,
        typer.Option(
            metavar="PEM",
            help="Units, and whoever asks a page that other machines reach, need a "
            "certificate that this has signed.",
            rich_help_panel=UNITS,
        ),
    ] = None,
    associations: Annotated[
        int,
        typer.Option(min=1, max=100, help="At the same time, at the most.", rich_help_panel=UNITS),
    ] = 8,
    film_megabytes: Annotated[
        int, typer.Option(min=1, max=512, help="Of a film at the most.", rich_help_panel=UNITS)
    ] = 128,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Archive: AE@HOST:PORT (C-STORE) or http(s)://... (STOW-RS); without it results "
            "stay here.",
            rich_help_panel=RESULTS,
        ),
    ] = None,
    kinds: Annotated[
        str,
        typer.Option(
            metavar="KINDS",
            help="Of sc (picture), seg (masks) and sr (report).",
            rich_help_panel=RESULTS,
        ),
    ] = "sc,seg,sr",
    model: Annotated[
        Path | None,
        typer.Option(help="Model file; by default the released model.", rich_help_panel=MODEL),
    ] = None,
    threshold_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="threshold.json of `tbspot calibrate` for this model.",
            rich_help_panel=MODEL,
        ),
    ] = None,
    gate: Annotated[
        bool,
        typer.Option(
            "--gate/--no-gate", help="Refuse what is no frontal chest film.", rich_help_panel=MODEL
        ),
    ] = True,
    keep: Annotated[
        float,
        typer.Option(
            min=0,
            max=100_000,  # as `Days` of settings.py, which help does not wait for
            metavar="DAYS",
            help="Then films that are done, and their results, are deleted; without --to also "
            "those whose results were never sent.",
            rich_help_panel=KEEPING,
        ),
    ] = 7.0,
    free_gigabytes: Annotated[
        float,
        typer.Option(min=0, help="Of disk below which films are refused.", rich_help_panel=KEEPING),
    ] = 1.0,
    identities: Annotated[
        bool,
        typer.Option(
            "--identities",
            help="Keep patients' names and numbers for the worklist, on this machine alone; a "
            "start without it removes them.",
            rich_help_panel=KEEPING,
        ),
    ] = False,
    page: Annotated[
        bool,
        typer.Option(
            "--page/--no-page", help="Show the worklist; take STOW-RS.", rich_help_panel=PAGE
        ),
    ] = True,
    page_port: Annotated[
        int,
        typer.Option(min=0, max=65535, help="Of the page; 0 = any.", rich_help_panel=PAGE),
    ] = 8350,
    page_host: Annotated[
        str,
        typer.Option(
            help="Address of the page; any but this machine's own needs the token in FOLDER.",
            rich_help_panel=PAGE,
        ),
    ] = "127.0.0.1",
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Say what is wrong with this set-up, and end.", rich_help_panel=WATCHING
        ),
    ] = False,
    health_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="Port that answers GET /health on this machine; the page does too.",
            rich_help_panel=WATCHING,
        ),
    ] = None,
) -> None:
    """Answer the films that X-ray units send, and store the results beside them.

    A DICOM node: takes CR, DX and secondary captures by C-STORE, or from a
    folder; a film is acknowledged once a power cut would not lose it. Runs
    until it is ended, and goes on where it was.

    Example: tbspot serve node --to ORTHANC@localhost:4242

    What is wrong with a set-up, before films come:
        tbspot serve node --to ORTHANC@localhost:4242 --check

    For units elsewhere in the house:
        tbspot serve node --host 0.0.0.0 --titles XRAY1 --to PACS@10.0.0.7:104
    """  # fmt: skip
    given = locals()
    from tbspot.cli import _serving

    _serving.run(cast("_serving.Given", given))
