"""`tbspot export`: a checkpoint of training to the one file that is released.

Takes a safetensors model; gives an ONNX file that runs without torch. All work is left to
tbspot.export.onnx_file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tbspot.choices import MapRule, Refinement
from tbspot.errors import TbspotError
from tbspot.extras import needing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tbspot.calibration.specificity import HealthyScores

__all__ = ["export"]

DRAWN_FILMS = 8
# Options that say something of the films of --healthy.
OF_HEALTHY = ("specificity", "data", "split", "split_file")


def export(
    checkpoint: Annotated[
        Path,
        typer.Argument(help="model.safetensors of a training, or an .onnx of before."),
    ],
    *,
    out: Annotated[Path, typer.Option(help="ONNX file to write.")],
    films: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE|FOLDER",
            help="Films to compare the answers on, and to measure the ranges for int8; several "
            "times; by default drawn ones.",
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the model.")] = None,
    size: Annotated[
        int | None, typer.Option(help="Side at which films are seen, if not as in training.")
    ] = None,
    mirror: Annotated[
        bool | None,
        typer.Option("--mirror/--no-mirror", help="Average the mirrored film in, always."),
    ] = None,
    refinement: Annotated[
        Refinement | None,
        typer.Option(help="affinity: near places that look alike share their evidence."),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(help="By which the logit is divided, as `tbspot calibrate` fits it."),
    ] = None,
    score_threshold: Annotated[
        float | None, typer.Option(help="Score from which a film counts as TB, in [0, 1].")
    ] = None,
    score_rule: Annotated[str | None, typer.Option(help="How it was chosen, in words.")] = None,
    healthy: Annotated[
        Path | None,
        typer.Option(
            help="Predictions by this same file, of films without TB: they choose the score "
            "threshold by --specificity."
        ),
    ] = None,
    specificity: Annotated[
        float | None,
        typer.Option(
            help="On them, within the worst of their sources; by default 0.9.", min=0.5, max=0.999
        ),
    ] = None,
    data: Annotated[
        list[str] | None, typer.Option(help="Sources of those films; several times.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Split of those films; by default train.")
    ] = None,
    split_file: Annotated[
        Path | None, typer.Option(help="Of those films, written by `tbspot prepare`.")
    ] = None,
    map_rule: Annotated[MapRule | None, typer.Option(help="How boxes are cut.")] = None,
    map_threshold: Annotated[
        float | None, typer.Option(help="The rule's share of the maximum or of the area.")
    ] = None,
    map_note: Annotated[
        str | None, typer.Option(help="How it was chosen, and whether boxes were used.")
    ] = None,
    area_share: Annotated[
        float | None, typer.Option(help="Share of area for the box-free rule `quantile`.")
    ] = None,
    recipe: Annotated[str | None, typer.Option(help="The commands that made the model.")] = None,
    terms: Annotated[str | None, typer.Option(help="Of use.")] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace the file.")] = False,
) -> None:
    """Write a model as ONNX, checked against torch, with its description inside.

    What no option says stays as it was. Thresholds that were chosen since training travel in the
    file; --healthy chooses that of the score by films without TB alone. Beside it lies what
    `tbspot selftest` compares with.

    Example: tbspot export runs/student/model.safetensors --out student.onnx
    """
    given = locals()
    from tbspot.console import open_console, print_notes

    with needing("train"):
        from tbspot.export.onnx_file import export as write

    ours = ("checkpoint", "out", "films", "overwrite", "healthy", *OF_HEALTHY)
    notes: tuple[str, ...] = ()
    changes = {key: value for key, value in given.items() if key not in ours and value is not None}
    if healthy is None:
        _refuse_without_healthy({option: given[option] for option in OF_HEALTHY})
    else:
        _refuse_moving(changes)
        scores = _healthy_scores(checkpoint, healthy, data or [], split or "train", split_file)
        notes = scores.notes
        changes |= _specific(scores, specificity or 0.9)
    written = write(checkpoint, out, _pixels(films or [], out), changes, overwrite=overwrite)
    console = open_console()
    console.print(f"model: {out} ({written.size / 1e6:.1f} MB)")
    console.print(f"name and version: {written.description.title}")
    console.print(f"to torch with the same 16-bit weights: {written.exact.words()}")
    console.print(f"to torch with the checkpoint's weights: {written.rounding.words()}")
    refused = "" if written.description.ranges else "; too far apart, so it is not offered"
    console.print(f"int8 to float32: {written.int8.words()}{refused}")
    console.print(f"{written.automatic_name} to float32: {written.automatic.words()}")
    console.print(f"reference: {written.reference}")
    print_notes(console, notes)


def _refuse_without_healthy(given: dict[str, Any]) -> None:

    for option, value in given.items():
        if value is not None:
            named = option.replace("_", "-")
            raise TbspotError(f"--{named} is of the films of --healthy; name them, or leave it out")


def _refuse_moving(changes: dict[str, Any]) -> None:

    for option in ("size", "mirror", "temperature", "score_threshold", "score_rule"):
        if option in changes:
            raise TbspotError(
                f"--{option.replace('_', '-')} changes what --healthy chooses by; export first "
                "with it, run `tbspot locate` with that file, then export that file with --healthy"
            )


def _healthy_scores(
    checkpoint: Path, healthy: Path, data: list[str], split: str, split_file: Path | None
) -> HealthyScores:
    """The scores of the films without TB, by this very model."""
    from tbspot.calibration.specificity import read_healthy_scores
    from tbspot.nets.weights import load_classifier

    if not data:
        raise TbspotError("--healthy needs --data, the sources of the films it was made on")
    scores = read_healthy_scores(healthy, data, split, split_file)
    version = load_classifier(checkpoint)[1].version
    if scores.version != version:
        raise TbspotError(
            f"{healthy} is of model version {scores.version}, and {checkpoint} is {version}; run "
            f"`tbspot locate --model {checkpoint}` on those films"
        )
    return scores


def _specific(scores: HealthyScores, specificity: float) -> dict[str, Any]:
    """The threshold that films without TB choose, and in what words the file says so."""
    from tbspot.calibration.specificity import strictest_threshold

    chosen = strictest_threshold(scores, specificity)
    return {"score_threshold": chosen.value, "score_rule": chosen.rule}


def _pixels(films: list[Path], out: Path) -> list[NDArray[np.float32]]:
    import numpy as np

    from tbspot.drawings import draw_film
    from tbspot.images import read_pixels
    from tbspot.locating import find_items

    if films:
        items = find_items(films, out)
        for fault in (item.fault for item in items if item.fault):
            raise TbspotError(fault)
        return [read_pixels(item.path) for item in items]
    drawn = [draw_film("tb", 512, (seed,)).pixels for seed in range(DRAWN_FILMS)]
    return [film.astype(np.float32) / np.float32(255) for film in drawn]
