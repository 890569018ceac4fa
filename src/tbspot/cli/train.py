"""`tbspot train`: a teacher, or a control, from films and image labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tbspot import choices
from tbspot.extras import needing

__all__ = ["train"]

# Options that training of every kind shares; distill.py uses them too.
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
TuningSplit = Annotated[str, typer.Option(help="Films to follow the AUROC on, or none.")]
Size = Annotated[int, typer.Option(help="Side of the input square in pixels.", min=32)]
Through = Annotated[
    int | None,
    typer.Option(help="Reduce films to this side first, so that sharpness tells no source."),
]
Stages = Annotated[int, typer.Option(help="Of ResNet50: 4, or 3 for half of the work.")]
OutputStride = Annotated[int, typer.Option(help="Pixels per place of the map: 8, 16 or 32.")]
Pooling = Annotated[choices.Pooling, typer.Option(help="Of the places' logits to the film's.")]
BatchNorm = Annotated[
    choices.BatchNorm | None, typer.Option(help="By default train from random weights only.")
]
FrozenStages = Annotated[
    int | None, typer.Option(help="Stages not trained; default 1, from random weights 0.", min=0)
]
Epochs = Annotated[int, typer.Option(min=1)]
BatchSize = Annotated[int, typer.Option(help="Films a step, over all processes.", min=1)]
BodyRate = Annotated[float, typer.Option(help="Peak learning rate of the body.")]
HeadRate = Annotated[float, typer.Option(help="Peak learning rate of the head.")]
Seed = Annotated[int, typer.Option(min=0)]
LabelSources = Annotated[
    choices.LabelSources, typer.Option(help="paired: only sources with films of both labels.")
]
LabelSmoothing = Annotated[float, typer.Option(min=0, max=1)]
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


def train(
    *,
    data: Data,
    out: Out,
    init: Init = "imagenet",
    split_file: SplitFile = None,
    split: Split = "train",
    tuning_split: TuningSplit = "tune",
    size: Size = 512,
    through: Through = None,
    stages: Stages = 4,
    output_stride: OutputStride = 32,
    pooling: Pooling = "mean",
    batch_norm: BatchNorm = None,
    frozen_stages: FrozenStages = None,
    epochs: Epochs = 10,
    batch_size: BatchSize = 16,
    body_rate: BodyRate = 6e-5,
    head_rate: HeadRate = 3e-3,
    seed: Seed = 0,
    label_sources: LabelSources = "all",
    label_smoothing: LabelSmoothing = 0.0,
    average: Average = 0.0,
    erase: Erase = 0.0,
    handling: Handling = 0.0,
    draw_lesions: DrawLesions = 0.0,
    drawn_weight: DrawnWeight = 2.0,
    name: Annotated[str, typer.Option(help="What the model is called in tables.")] = "teacher",
    precision: Precision = "auto",
    devices: Devices = "auto",
    overwrite: Overwrite = False,
) -> None:
    """Train a teacher on image labels: OUT/model.safetensors.

    Example: tbspot train --data drawn --init random --size 128 --epochs 1 --out runs/teacher
    """
    given = locals()
    with needing("train"):
        from tbspot.cli._training import run

    run(given)
