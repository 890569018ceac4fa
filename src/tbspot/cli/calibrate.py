"""`tbspot calibrate`: scores and truth to a threshold, and what it means in a programme.

Takes a CSV file, or a folder that `tbspot locate` wrote and its films' truth; gives a folder. All
figures are left to tbspot.calibration.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from tbspot.calibration import Calibration

__all__ = ["calibrate"]


def calibrate(
    scores: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.csv|DIR",
            help="A CSV file with the columns score and reference (1 = TB, 0), any others being "
            "sub-groups; or a folder that `tbspot locate` wrote.",
        ),
    ],
    *,
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    prevalence: Annotated[
        float, typer.Option(help="Share of people with TB among those to be filmed.")
    ] = 0.01,
    sensitivity: Annotated[
        float, typer.Option(help="Least share of cases to find; by default WHO's for triage.")
    ] = 0.9,
    specificity: Annotated[
        float, typer.Option(help="Wanted beside it; by default WHO's for triage.")
    ] = 0.7,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Judge this threshold instead of choosing one, as scores in files: of tbspot in "
            "[0, 1]."
        ),
    ] = None,
    film_cost: Annotated[
        float | None, typer.Option(help="Of one film, in any currency, for the cost of a case.")
    ] = None,
    test_cost: Annotated[
        float | None, typer.Option(help="Of one confirmatory test, in the same currency.")
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SOURCE", help="With DIR: folder or CSV with the films' truth; several times."
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="With DIR: films that the model was not trained on."),
    ] = None,
    split_file: Annotated[
        Path | None, typer.Option(help="A split written by `tbspot prepare`.")
    ] = None,
    resamples: Annotated[int, typer.Option(min=100, help="Bootstrap samples.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Of the resampling.")] = 0,
    overwrite: Annotated[bool, typer.Option(help="Replace another calibration.")] = False,
) -> None:
    """Choose the threshold of a score, and say what every threshold gives.

    Writes calibration.json, thresholds.csv, calibration.html and threshold.json, which
    `tbspot locate --threshold-file` takes.

    Example:
        tbspot calibrate found --data drawn --split val --out calibrated

    From a CSV file of any product's scores, with costs:
        tbspot calibrate scores.csv --prevalence 0.02 --film-cost 2 --test-cost 10 --out calibrated
    """
    from tbspot import calibration
    from tbspot.calibration.page import write_page
    from tbspot.console import open_console, print_notes, showing_status
    from tbspot.files import check_run, open_run
    from tbspot.lock import holding
    from tbspot.samples.loading import films_of

    settings = calibration.CalibrationSettings(
        scores=scores,
        prevalence=prevalence,
        sensitivity=sensitivity,
        specificity=specificity,
        threshold=threshold,
        film_cost=film_cost,
        test_cost=test_cost,
        data=tuple(data or ()),
        split=split,
        split_file=split_file,
        resamples=resamples,
        seed=seed,
    )
    console = open_console()
    with holding(out) as hold:
        read = films_of(settings.data, settings.split_file)
        check_run(out, "calibrate", settings, overwrite=overwrite, reads=read)
        scored = calibration.read_scored(settings)
        with showing_status(console, "judging every threshold"):
            result, points = calibration.calibrate(scored, settings)
        hold.check()
        read = films_of(settings.data, settings.split_file)
        open_run(out, "calibrate", settings, overwrite=overwrite, reads=read)
        calibration.write_calibration(out, result, points)
        page = write_page(out, result)
    console.print(_chosen(result))
    console.print(result.target.sentence)
    print_notes(console, result.notes)
    console.print(f"calibration: {page}")


def _chosen(result: Calibration) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from tbspot.calibration.choosing import percent
    from tbspot.calibration.page import words

    point = result.chosen
    table = Table(
        "at the threshold",
        "",
        title=f"threshold {point.written}: {result.rule}",
        caption=f"prevalence {percent(result.plan.prevalence)}; 95 % intervals",
        box=SIMPLE_HEAD,
    )
    for name, figure in (
        ("sensitivity", point.sensitivity),
        ("specificity", point.specificity),
        ("of those who reach it, with TB (PPV)", point.ppv),
        ("of those who do not, without TB (NPV)", point.npv),
        ("confirmatory tests for a case found", point.number_needed_to_test),
        ("cost of a case found", point.cost_per_case),
        ("AUROC", result.auroc),
        ("Brier score", result.reliability.brier),
        ("expected calibration error", result.reliability.ece),
        ("temperature", result.reliability.temperature),
    ):
        table.add_row(name, words(figure))
    return table
