"""`tbspot locate`: films to scores, heat maps and boxes.

Takes films and a model; gives a folder of predictions. All work is left to tbspot.locating.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer

from tbspot.choices import MapRule, Method, Naming, Precision

__all__ = ["locate"]


def _film(text: str) -> Path:
    path = Path(text)
    # pathlib makes - of ./- too, by which a file of that name is told from standard input.
    return path.absolute() if str(path) == "-" and text != "-" else path


Device = Annotated[
    str,
    typer.Option(help="cpu, cuda[:N] (NVIDIA), gpu[:N] (Intel); auto: a GPU where there is one."),
]


def locate(
    films: Annotated[
        list[Path] | None,
        typer.Argument(
            parser=_film, metavar="FILE|FOLDER...", help="Films to judge; - is standard input."
        ),
    ] = None,
    *,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder to write; the same command resumes it."),
    ] = None,
    json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print a line of JSON a film; without --out nothing else is kept."
        ),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print faults alone.")] = False,
    example: Annotated[
        bool, typer.Option("--example", help="Instead of films: the drawn film of the package.")
    ] = False,
    model: Annotated[
        Path | None,
        typer.Option(help="Model file, .onnx or .safetensors; by default the released model."),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SOURCE", help="Instead of films: a data set; may be given several times."
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option(metavar="NAME", help="Films of the data set; by default all.")
    ] = None,
    split_file: Annotated[
        Path | None, typer.Option(help="A split written by `tbspot prepare`.")
    ] = None,
    method: Annotated[
        Method,
        typer.Option(help="Of the heat map; all but cam need torch."),
    ] = "cam",
    mirror: Annotated[
        bool | None,
        typer.Option(
            "--mirror/--no-mirror",
            help="Average the mirrored film in, for twice the time; by default as the model says, "
            "and the released model does.",
        ),
    ] = None,
    scales: Annotated[
        str, typer.Option(help="Sizes to average over, relative to the model's: 1.0,1.25.")
    ] = "1.0",
    map_rule: Annotated[
        MapRule | None,
        typer.Option(help="How boxes are cut from the map; by default as the model says."),
    ] = None,
    map_threshold: Annotated[
        float | None,
        typer.Option(help="The rule's share: of the maximum (tuned) or of the area (quantile)."),
    ] = None,
    threshold_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="threshold.json of `tbspot calibrate` for this model."),
    ] = None,
    precision: Annotated[
        Precision,
        typer.Option(
            help="auto: int8 for .onnx models made for it, or else bfloat16, where the CPU can."
        ),
    ] = "auto",
    device: Device = "auto",
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Let the workers of a Dask cluster answer the films, such as tcp://host:8786; "
            "needs the extra cluster.",
        ),
    ] = None,
    gate: Annotated[
        bool | None,
        typer.Option(
            "--gate/--no-gate",
            " /--force",
            help="Refuse what is no frontal chest film; by default not with --data.",
        ),
    ] = None,
    overlays: Annotated[
        bool, typer.Option("--overlays/--no-overlays", help="Pictures of film, map and boxes.")
    ] = True,
    pack: Annotated[
        bool,
        typer.Option(
            "--pack",
            help="In the end, put the heat maps of each folder into one .npz: of very many films, "
            "a file for some hundreds.",
        ),
    ] = False,
    names: Annotated[
        Naming,
        typer.Option(
            help="What heat maps and overlays are called by: the film's name, or a hash of its "
            "pixels; auto: a hash for DICOM."
        ),
    ] = "auto",
    coco: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also write the boxes as COCO results, for other tools; outside DIR.",
        ),
    ] = None,
    parquet: Annotated[
        bool,
        typer.Option(
            "--parquet",
            help="Also write DIR/predictions.parquet for pandas, DuckDB and Spark; needs the "
            "extra parquet.",
        ),
    ] = False,
    dicom: Annotated[
        str,
        typer.Option(
            metavar="KINDS",
            help="Also results as DICOM, of sc (picture), seg (masks) and sr (report): sc,seg,sr. "
            "They carry the patient's identifiers; needs the extra hospital.",
        ),
    ] = "",
    overwrite: Annotated[
        bool, typer.Option(help="Replace another run in DIR, and another file at --coco.")
    ] = False,
) -> None:
    """Score films, show where, and cut boxes: DIR/predictions.csv.

    A row a film, and a line in predictions.jsonl; heat maps and overlays lie
    beside them, and `tbspot view DIR` shows them. Exit code 1 if a film could
    not be read.

    Example:
        tbspot locate --example --out shown

    Films of one's own:
        tbspot locate FILMS --out found

    The films of a data set, to be judged by `tbspot evaluate`:
        tbspot locate --data drawn --split val --out found-val

    For a script, from standard input:
        tbspot locate - --json < film.dcm
    """
    given = locals()
    from tbspot.cli import _locating

    _locating.run(cast("_locating.Given", given))
