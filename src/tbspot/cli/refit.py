"""`tbspot refit`: a head for the score alone, which handling of films changes less."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tbspot.cli._options import Data, Overwrite, Precision, Seed, Split, SplitFile
from tbspot.extras import needing

__all__ = ["refit"]


def refit(
    model: Annotated[
        Path,
        typer.Argument(
            help="A model with mean pooling, .safetensors or .onnx; of a student taught maps, one "
            "of --map-target overlap."
        ),
    ],
    *,
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
    split_file: SplitFile = None,
    split: Split = "train",
    looks: Annotated[int, typer.Option(help="Changed looks at each film.", min=1)] = 2,
    steadiness: Annotated[
        float,
        typer.Option(
            help="What changes by handling count, against changes on films as they are.", min=0
        ),
    ] = 3.0,
    ridge: Annotated[float, typer.Option(help="Of the head's own change.", min=0)] = 0.5,
    sharpness: Annotated[
        float | None,
        typer.Option(
            help="Of log-sum-exp over places; 0 = their mean, in which small lesions count little; "
            "as before.",
            min=0,
        ),
    ] = None,
    from_map: Annotated[
        bool, typer.Option("--from-map", help="Begin with the map's head, not the score's own.")
    ] = False,
    seed: Seed = 0,
    name: Annotated[
        str | None, typer.Option(help="What the model is called in tables; as before.")
    ] = None,
    precision: Precision = "auto",
    overwrite: Overwrite = False,
) -> None:
    """Give a model a head for its score that cropping, letters and compression change less.

    No label is read, and the map stays as it is: OUT/model.safetensors.

    Example: tbspot refit runs/student/model.safetensors --data drawn --out runs/refitted
    """
    with needing("train"):
        from tbspot.console import open_console
        from tbspot.training.devices import launch_fabric
        from tbspot.training.score_head import ScoreHeadSettings
        from tbspot.training.score_head import refit as run

    settings = ScoreHeadSettings(
        model=model,
        data=tuple(data),
        split_file=split_file,
        split=split,
        looks=looks,
        steadiness=steadiness,
        ridge=ridge,
        sharpness=sharpness,
        from_map=from_map,
        seed=seed,
        name=name,
    )
    path = run(settings, out, launch_fabric(precision, 1), overwrite=overwrite)
    open_console().print(f"model: {path}")
