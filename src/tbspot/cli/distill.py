"""`tbspot distill`: a student from films, a teacher and, if wanted, image labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tbspot.choices import MapTarget, TeacherMap, TeacherView
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

__all__ = ["distill"]


def distill(
    *,
    teacher: Annotated[
        list[Path],
        typer.Option(help="Model file of a teacher, .safetensors or .onnx; several are averaged."),
    ],
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
    halves: Annotated[
        float,
        typer.Option(
            help="Chance that a film with TB on one side, by the clean teacher's map, is shown as "
            "one of its halves and that mirrored: films of one source with TB and without.",
            min=0,
            max=1,
        ),
    ] = 0.0,
    teacher_view: Annotated[
        TeacherView, typer.Option(help="same: the student's view; clean: the whole film, cached.")
    ] = "same",
    teacher_map: Annotated[
        TeacherMap,
        typer.Option(
            help="cam: the teacher's own; fused: sharpened by the Layer-CAM of stage 2; refined: "
            "near places that look alike share their evidence."
        ),
    ] = "cam",
    temperature: Annotated[float, typer.Option(help="Softens both scores.", min=0.01)] = 2.0,
    score_weight: Annotated[float, typer.Option(help="Of the score distillation.", min=0)] = 1.0,
    map_weight: Annotated[float, typer.Option(help="Of the map distillation.", min=0)] = 0.0,
    map_target: Annotated[
        MapTarget,
        typer.Option(help="What is held to the teacher's map; overlap suits mean pooling."),
    ] = "probability",
    map_low: Annotated[float, typer.Option(help="Teacher's map up to here is free of TB.")] = 0.0,
    map_high: Annotated[float, typer.Option(help="Teacher's map from here is TB.")] = 1.0,
    label_weight: Annotated[float, typer.Option(help="Of the image labels.", min=0)] = 0.0,
    name: Annotated[str, typer.Option(help="What the model is called in tables.")] = "student",
    precision: Precision = "auto",
    devices: Devices = "auto",
    overwrite: Overwrite = False,
) -> None:
    """Teach a student the scores, and if wanted the maps, of a teacher: OUT/model.safetensors.

    Example: tbspot distill --teacher runs/teacher/model.safetensors --data drawn --init random
    --size 128 --epochs 1 --out runs/student
    """
    given = locals()
    with needing("train"):
        from tbspot.cli._training import run

    run(given)
