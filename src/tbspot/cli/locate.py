"""`tbspot locate`: films to scores, heat maps and boxes.

Takes films and a model; gives a folder of predictions. All work is left to tbspot.locating.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

from tbspot.cli._extras import needing

if TYPE_CHECKING:
    from tbspot.calibration import ThresholdFile
    from tbspot.description import Description
    from tbspot.hospital import Kind
    from tbspot.locating import Item

__all__ = ["locate"]


def locate(
    films: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE|FOLDER...", help="Films to judge.")
    ] = None,
    *,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder to write; the same command resumes it.")
    ],
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
        Literal["cam", "grad_cam", "grad_cam_pp", "layer_cam"],
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
        Literal["tuned", "otsu", "quantile"] | None,
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
        Literal["auto", "float32", "bfloat16", "int8"],
        typer.Option(
            help="auto: int8 for .onnx models made for it, or else bfloat16, where the CPU can."
        ),
    ] = "auto",
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
    names: Annotated[
        Literal["auto", "hash", "file"],
        typer.Option(
            help="What heat maps and overlays are called by: the film's name, or a hash of its "
            "pixels; auto: a hash for DICOM."
        ),
    ] = "auto",
    dicom: Annotated[
        str,
        typer.Option(
            metavar="KINDS",
            help="Also results as DICOM, of sc (picture), seg (masks) and sr (report): sc,seg,sr. "
            "They carry the patient's identifiers; needs the extra hospital.",
        ),
    ] = "",
    overwrite: Annotated[bool, typer.Option(help="Replace another run in the folder.")] = False,
) -> None:
    """Score films, show where, and cut boxes: DIR/predictions.jsonl.

    One line a film, and a row in predictions.csv; heat maps and overlays lie
    beside them. Exit code 1 if a film could not be read.

    Example:
        tbspot locate drawn/imgs/tb --out found --no-gate

    The films of a data set, to be judged by `tbspot evaluate`:
        tbspot locate --data drawn --split val --out found-val
    """
    from rich.console import Console

    from tbspot import locating
    from tbspot.engine.engine import open_engine
    from tbspot.errors import TbspotError
    from tbspot.records.predictions import FILE_NAME

    if bool(films) == bool(data):
        raise TbspotError("name films or folders to locate, or a data set with --data")
    if (split or split_file) and not data:
        raise TbspotError("--split and --split-file need a data set; give --data")
    console = Console(highlight=False, soft_wrap=True)
    items, notes = (
        (locating.find_items(films, out), ()) if films else _of_data(data or [], split, split_file)
    )
    for note in notes:
        console.print(f"note: {note}", markup=False)
    # Gradient methods ask for one film at a time, which then gets all cores.
    at_once = locating.films_at_once(len(items)) if method == "cam" else 1
    engine = open_engine(model, precision, at_once=at_once)
    description = engine.description
    chosen = _calibrated(threshold_file, description) if threshold_file else None
    settings = locating.Settings(
        films=tuple(map(str, films or data or ())),
        split=split or "",
        model=f"{description.name} {description.version}",
        engine=engine.name,
        method=method,
        mirror=mirror,
        scales=_scales(scales),
        map_rule=map_rule,
        map_threshold=map_threshold,
        threshold=chosen.threshold if chosen else None,
        calibration=chosen.calibration if chosen else None,
        gate=bool(films) if gate is None else gate,
        # Data sets are often made of links; of other folders a link may lead anywhere.
        follow_links=bool(data),
        overlays=overlays,
        names=names,
        dicom=_kinds(dicom) if dicom else (),
    )
    counts = locating.locate(items, engine, settings, out, console, overwrite=overwrite)
    console.print(f"predictions: {out / FILE_NAME}", markup=False)
    console.print(f"ok {counts.ok:,}, refused {counts.refused:,}, failed {counts.failed:,}")
    if settings.dicom:
        from tbspot.hospital.results import FOLDER

        made = len(list((out / FOLDER).glob("*.dcm")))
        console.print(f"results as DICOM: {made:,} in {out / FOLDER}", markup=False)
    if counts.failed:
        raise TbspotError(
            f"{counts.failed:,} of {len(items):,} films could not be located; their lines in "
            f"{out / FILE_NAME} say why"
        )


def _calibrated(path: Path, description: Description) -> ThresholdFile:
    # Slow to import, and most runs have no such file.
    from tbspot.locating.calibrated import threshold_for_model

    return threshold_for_model(path, description)


def _kinds(text: str) -> tuple[Kind, ...]:
    from tbspot.errors import TbspotError

    with needing("hospital"):
        from tbspot.hospital import Kind

    asked = {part.strip() for part in text.split(",")}
    if not asked <= set(get_args(Kind)):
        raise TbspotError(f"--dicom {text!r} must be of {', '.join(get_args(Kind))}: sc,seg,sr")
    # In one order, so that the same kinds are the same run.
    return tuple(kind for kind in get_args(Kind) if kind in asked)


def _of_data(
    data: list[str], split: str | None, split_file: Path | None
) -> tuple[tuple[Item, ...], tuple[str, ...]]:
    from tbspot.locating import items_of
    from tbspot.samples.loading import in_split, load

    loaded = load(data, split_file)
    return items_of(in_split(loaded.samples, split) if split else loaded.samples), loaded.notes


def _scales(text: str) -> tuple[float, ...]:
    from tbspot.errors import TbspotError

    try:
        scales = tuple(float(part) for part in text.split(","))
    except ValueError:
        scales = ()
    if not scales or not all(0.25 <= scale <= 4 for scale in scales):
        raise TbspotError(f"--scales {text!r} must be numbers from 0.25 to 4, such as 1.0,1.25")
    return scales
