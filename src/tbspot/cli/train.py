"""`tbspot train`: a teacher, or a control, from films and image labels."""

from __future__ import annotations

from typing import Annotated

import typer

from tbspot.cli._options import (
    Average,
    BatchNorm,
    BatchSize,
    BodyRate,
    Data,
    Devices,
    DrawLesions,
    DrawnWeight,
    Epochs,
    Erase,
    FrozenStages,
    Handling,
    HeadRate,
    Init,
    LabelSmoothing,
    LabelSources,
    Out,
    OutputStride,
    Overwrite,
    Pooling,
    Precision,
    Seed,
    Size,
    Split,
    SplitFile,
    Stages,
    Through,
    TuningSplit,
)
from tbspot.extras import needing

__all__ = ["train"]


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
