"""`tbspot audit`: what models look at, and whether a data set is answerable without lungs.

Takes model files and a data set; gives audit.json and a page. All figures are left to
tbspot.audit.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tbspot.extras import needing

if TYPE_CHECKING:
    from rich.table import Table

    from tbspot.audit import Audit

__all__ = ["audit"]


def audit(
    *,
    model: Annotated[
        list[Path],
        typer.Option(metavar="FILE", help="Model file; several times, as teacher and student."),
    ],
    data: Annotated[
        list[str],
        typer.Option(
            metavar="SOURCE", help="Folder or CSV with films; several times, judged one by one."
        ),
    ],
    split: Annotated[str, typer.Option(metavar="NAME", help="Films to audit on.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write.")],
    split_file: Annotated[
        Path | None, typer.Option(help="A split written by `tbspot prepare`.")
    ] = None,
    films: Annotated[
        int,
        typer.Option(min=1, help="Of each source and label, how many to look at closely."),
    ] = 40,
    resamples: Annotated[int, typer.Option(min=100, help="Bootstrap samples.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is drawn.")] = 0,
    overwrite: Annotated[bool, typer.Option(help="Replace another audit.")] = False,
) -> None:
    """Ask what a model's score depends on: lungs, or what goes with the label.

    Can the label be told without lungs, where is the evidence, and does it
    move when nothing medical moves? Writes audit.json and audit.html.

    Example:
        tbspot audit --model student.onnx --data drawn --split val --out audit
    """
    from rich.progress import Progress

    from tbspot.console import open_console, print_notes

    with needing("audit"):
        from tbspot.audit import AUDIT_FILE, AuditSettings
        from tbspot.audit import audit as run_audit
    from tbspot.audit.page import write_page
    from tbspot.files import check_run, open_run, write_json
    from tbspot.lock import holding
    from tbspot.samples.loading import films_of

    settings = AuditSettings(
        models=tuple(model),
        data=tuple(data),
        split=split,
        split_file=split_file,
        films=films,
        resamples=resamples,
        seed=seed,
    )
    console = open_console()
    with holding(out) as hold:
        read = films_of(settings.data, settings.split_file)
        check_run(out, "audit", settings, overwrite=overwrite, reads=read)
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task("looking", total=None)
            result = run_audit(
                settings, lambda done, of: progress.update(task, completed=done, total=of)
            )
        hold.check()
        # Not before: a wrong path, or an interruption, must not cost an earlier audit.
        read = films_of(settings.data, settings.split_file)
        open_run(out, "audit", settings, overwrite=overwrite, reads=read)
        write_json(out / AUDIT_FILE, result.model_dump(mode="json"))
        page = write_page(out, result)
    for shortcuts in result.answers:
        console.print(shortcuts.sentence)
    console.print(_evidence(result))
    print_notes(console, result.notes)
    console.print(f"audit: {page}")


def _evidence(result: Audit) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(
        "model",
        "source",
        title="Share of the evidence on films with TB (of the film's area)",
        caption="logit lost: by blanking the found boxes, minus the same form elsewhere",
        box=SIMPLE_HEAD,
    )
    for heading in ("truth boxes", "lung field", "outer border", "logit lost"):
        table.add_column(heading, justify="right")
    for model in result.models:
        for one in model.evidence:
            shares = [
                f"{region.energy.words(interval=False)} ({region.area.words(interval=False)})"
                for region in one.regions[:3]
            ]
            lost = one.blanking.difference.words()
            table.add_row(model.name, one.source, *shares, lost)
    return table
