"""What a training run is told, in one place.

Takes nothing; gives the frozen `TrainingSettings` that a caller or the command line fills in and
a run folder records. What they do is said here, how it is done in loop.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from tbspot.choices import (
    BatchNorm,
    LabelSources,
    MapTarget,
    OutputStride,
    Pooling,
    Stages,
    StridePlace,
    TeacherMap,
    TeacherView,
)
from tbspot.errors import TbspotError
from tbspot.samples.loading import Source
from tbspot.settings import Amount, Chance, Count, Seed, Settings, Whole

__all__ = ["Strength", "TrainingSettings"]

Temperature = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
Decay = Annotated[float, Field(strict=True, ge=0, lt=1)]


@dataclass(frozen=True)
class Strength(Settings):
    """How far a view may differ from its film; each is the end of a uniform range, or a chance.

    Attributes:
        mirror: chance of a left-right mirror image.
        scale: relative change of scale and, independently, of the aspect.
        rotation: degrees to either side.
        shift: share of the film's side, to either side.
        gamma: the exponent is drawn log-uniformly from 1 / (1 + gamma) to 1 + gamma.
        contrast: relative change of contrast about the film's mean.
        brightness: change of brightness, in units of white.
        blur: deviation of the Gaussian blur in pixels, at most.
        noise: deviation of the added noise in units of white, at most.
        erase: chance that a rectangle of up to a quarter of the film becomes grey.
        handling: chance, each by itself, that a view lacks a part of its border, bears letters,
            or was compressed (handling.py).
    """

    mirror: Chance = 0.5
    scale: Chance = 0.15
    rotation: Amount = 8.0
    shift: Amount = 0.05
    gamma: Amount = 0.35
    contrast: Amount = 0.25
    brightness: Amount = 0.08
    blur: Amount = 1.5
    noise: Amount = 0.03
    erase: Chance = 0.0
    handling: Chance = 0.0


@dataclass(frozen=True)
class TrainingSettings(Settings):
    """Everything that decides the weights.

    Attributes:
        data: sources: folders or CSV files, or readings of another layout.
        split_file: a file of `tbspot prepare`, or None.
        split: films to train on.
        tuning_split: films to follow the AUROC on while training, never trained on; `none`.
        name: of the model.
        init: `random`, `imagenet`, a safetensors file, or a model file to go on from. Random
            weights need `batch_norm="train"` and `frozen_stages=0`, which `tbspot train` sets.
        size: see `Description`; likewise through, stages, output_stride, stride_place and pooling.
        batch_norm: `frozen` folds it into the convolutions, `train` updates it.
        frozen_stages: stem and that many of the `stages` are not trained; 0 trains everything.
        epochs: passes over the films.
        batch_size: films a step, over all processes.
        body_rate: peak learning rate of the body.
        head_rate: peak learning rate of the head.
        weight_decay: of AdamW.
        seed: of the head, the order and the views.
        label_weight: of the loss on image labels; `tbspot distill` has 0.
        label_sources: `all`, or `paired`: only sources with films of both labels, so that the
            source cannot answer for the label.
        label_smoothing: see `losses.label_loss`.
        average: decay of the exponential moving average of the weights; 0 = none.
        teachers: model files; none for a teacher.
        teacher_view: `same`, the teacher sees the student's view (Hinton et al. 2015), or
            `clean`, it sees the whole film once, mirrored and at several scales, and its map
            follows the view's geometry.
        teacher_map: `cam`, the teacher's own map; `fused`, the geometric mean of it and the
            Layer-CAM of stage 2, twice or four times as fine; or `refined`, by affinity of
            features (nets/refinement.py).
        temperature: of the score distillation.
        score_weight: of the score distillation.
        map_weight: of the map distillation.
        map_target: what is held to the teacher's map: each place's `probability`, on all films,
            or the normalised map's `overlap` with it, on films with TB.
        map_low: the teacher's normalised map up to which a place is taught as free of TB.
        map_high: the same from which a place is taught as TB; targets rise linearly between.
        draw_lesions: chance that a film without TB is shown with lesions drawn into it, and is
            then taught as TB (drawn.py).
        drawn_weight: of the overlap of such a film's map with the rectangles of what was drawn.
        halves: chance that a film with TB on one side, by the teacher's clean map, is shown as one
            of its halves and that mirrored, with or without TB (halves.py).
        views: strength of the augmentation.
        minutes_between_checkpoints: besides one at the end of each epoch.
    """

    data: tuple[Source, ...]
    split_file: Path | None = None
    split: str = "train"
    tuning_split: str = "tune"
    name: str = "teacher"
    init: str = "random"
    size: Whole = 512
    through: Whole | None = None
    stages: Stages = 4
    output_stride: OutputStride = 32
    stride_place: StridePlace = "3x3"
    pooling: Pooling = "mean"
    batch_norm: BatchNorm = "frozen"
    frozen_stages: Count = 1
    epochs: Whole = 10
    batch_size: Whole = 16
    body_rate: Amount = 6e-5
    head_rate: Amount = 3e-3
    weight_decay: Amount = 0.01
    seed: Seed = 0
    label_weight: Amount = 1.0
    label_sources: LabelSources = "all"
    label_smoothing: Chance = 0.0
    average: Decay = 0.0
    teachers: tuple[Path, ...] = ()
    teacher_view: TeacherView = "same"
    teacher_map: TeacherMap = "cam"
    temperature: Temperature = 2.0
    score_weight: Amount = 1.0
    map_weight: Amount = 0.0
    map_target: MapTarget = "probability"
    map_low: Chance = 0.0
    map_high: Chance = 1.0
    draw_lesions: Chance = 0.0
    drawn_weight: Amount = 2.0
    halves: Chance = 0.0
    views: Strength = field(default_factory=Strength)
    minutes_between_checkpoints: Amount = 5.0

    def __post_init__(self) -> None:
        """Refuse what no training can be told.

        Raises:
            TbspotError: a value has no meaning, two contradict each other, or nothing would be
                taught.
        """
        super().__post_init__()
        if self.map_low >= self.map_high:
            raise TbspotError("`map_low` must be less than `map_high`")
        if self.frozen_stages > self.stages:
            raise TbspotError(
                f"a net of {self.stages} stages has no {self.frozen_stages} to freeze; "
                f"give `frozen_stages` from 0 to {self.stages}"
            )
        self._refuse_nothing_taught()
        self._refuse_rates_of_nothing()
        self._refuse_options_of_nothing()

    def _refuse_nothing_taught(self) -> None:
        if self.map_weight > 0 and not self.teachers:
            raise TbspotError("no teacher has a map that `map_weight` could be of; give `teachers`")
        labels, maps = self.label_weight > 0, self.map_weight > 0
        scores = self.score_weight > 0 and bool(self.teachers)
        lesions = self.draw_lesions > 0 and self.drawn_weight > 0
        if not (labels or maps or scores or lesions):
            raise TbspotError(
                "nothing is taught: every weight is 0; give `label_weight`, or with teachers "
                "`score_weight` or `map_weight`"
            )
        if self.halves > 0 and not (labels or maps):
            raise TbspotError(
                "nothing is taught on halves of films, of which a teacher's score says nothing; "
                "give `label_weight` or `map_weight`, or `halves=0`"
            )
        if self.draw_lesions > 0 and not (labels or lesions):
            raise TbspotError(
                "nothing is taught on films with drawn lesions; give `label_weight` or "
                "`drawn_weight`, or `draw_lesions=0`"
            )
        if self.label_smoothing == 1:
            raise TbspotError(
                "`label_smoothing` must be less than 1: there every film is taught as half TB"
            )

    def _refuse_rates_of_nothing(self) -> None:
        # A head that begins at zero passes nothing on to the body until it has learnt.
        begins_at_zero = self.init in ("random", "imagenet")
        if self.head_rate == 0 and (self.body_rate == 0 or begins_at_zero):
            raise TbspotError("nothing is learnt at a `head_rate` of 0; give a rate above 0")

    def _refuse_options_of_nothing(self) -> None:
        """Refuse an option of what is not done: it would stand in the record without an effect."""
        scores = self.score_weight if self.teachers else 0.0
        maps, labels = self.map_weight, self.label_weight
        for option, of, weight in (
            ("temperature", "score_weight", scores),
            ("map_target", "map_weight", maps),
            ("map_high", "map_weight", maps),
            # The sides of films are told by these too.
            ("map_low", "map_weight", maps + self.halves),
            ("teacher_map", "map_weight", maps + self.halves),
            ("label_smoothing", "label_weight", labels),
            ("label_sources", "label_weight", labels),
            ("drawn_weight", "draw_lesions", self.draw_lesions),
        ):
            if weight == 0 and getattr(self, option) != getattr(TrainingSettings, option):
                raise TbspotError(
                    f"`{option}` has no effect without `{of}`; leave it out, or give `{of}`"
                )

    @property
    def command(self) -> Literal["train", "distill"]:
        """Of tbspot that these are settings of."""
        return "distill" if self.teachers else "train"
