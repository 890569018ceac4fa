"""Options that training of every kind shares, as typer reads them.

Takes and gives nothing; imports nothing that is slow. What they are for is left to train.py,
distill.py and refit.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tbspot import choices

__all__ = [
    "Average",
    "BatchNorm",
    "BatchSize",
    "BodyRate",
    "Data",
    "Devices",
    "DrawLesions",
    "DrawnWeight",
    "Epochs",
    "Erase",
    "FrozenStages",
    "Handling",
    "HeadRate",
    "Init",
    "LabelSmoothing",
    "LabelSources",
    "Out",
    "OutputStride",
    "Overwrite",
    "Pooling",
    "Precision",
    "Seed",
    "Size",
    "Split",
    "SplitFile",
    "Stages",
    "Through",
    "TuningSplit",
]

Data = Annotated[
    list[str], typer.Option(help="Folder or CSV with films; may be given several times.")
]
Out = Annotated[Path, typer.Option(help="Folder of the run; the same command resumes it.")]
Init = Annotated[
    str,
    typer.Option(help="'imagenet', 'random', a model of tbspot, or ResNet50 as safetensors."),
]
SplitFile = Annotated[Path | None, typer.Option(help="A split written by `tbspot prepare`.")]
Split = Annotated[str, typer.Option(help="Films to train on.")]
TuningSplit = Annotated[
    str, typer.Option(help="Films to follow the AUROC on, or none; data without `tune` has none.")
]
Size = Annotated[int, typer.Option(help="Side of the input square in pixels.", min=32)]
Through = Annotated[
    int | None,
    typer.Option(
        help="Reduce films to this side in pixels first, so that sharpness tells no source; by "
        "default not."
    ),
]
Stages = Annotated[int, typer.Option(help="Of ResNet50: 4, or 3 for half of the work.")]
OutputStride = Annotated[int, typer.Option(help="Pixels per place of the map: 8, 16 or 32.")]
Pooling = Annotated[choices.Pooling, typer.Option(help="Of the places' logits to the film's.")]
BatchNorm = Annotated[
    choices.BatchNorm | None, typer.Option(help="By default train from random weights only.")
]
FrozenStages = Annotated[
    int | None,
    typer.Option(
        help="Stages that are not trained, with the stem; 0 trains all. By default 1, from random "
        "weights 0.",
        min=0,
    ),
]
Epochs = Annotated[int, typer.Option(help="Passes over the films.", min=1)]
BatchSize = Annotated[int, typer.Option(help="Films a step, over all processes.", min=1)]
BodyRate = Annotated[float, typer.Option(help="Peak learning rate of the body.")]
HeadRate = Annotated[float, typer.Option(help="Peak learning rate of the head.")]
Seed = Annotated[int, typer.Option(help="Of all that is drawn at random.", min=0)]
LabelSources = Annotated[
    choices.LabelSources, typer.Option(help="paired: only sources with films of both labels.")
]
LabelSmoothing = Annotated[
    float, typer.Option(help="Share of one half in each label, less than 1.", min=0, max=1)
]
Average = Annotated[float, typer.Option(help="Decay of the average of the weights; 0 = none.")]
Erase = Annotated[float, typer.Option(help="Chance that a view has a grey rectangle.", max=1)]
Handling = Annotated[
    float,
    typer.Option(
        help="Chance, each, that a view is cropped at its border, lettered, or stored as JPEG.",
        min=0,
        max=1,
    ),
]
DrawLesions = Annotated[
    float,
    typer.Option(
        help="Chance that a film without TB is shown, and taught, with drawn lesions.",
        min=0,
        max=1,
    ),
]
DrawnWeight = Annotated[
    float, typer.Option(help="Of the overlap of the map with drawn lesions.", min=0)
]
Precision = Annotated[str, typer.Option(help="auto, 32-true or bf16-mixed.")]
Devices = Annotated[str, typer.Option(help="Devices of Lightning Fabric, such as 1 or auto.")]
Overwrite = Annotated[bool, typer.Option(help="Replace another run in the folder.")]
