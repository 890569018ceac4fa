"""What a model file says of itself: the frame, the thresholds, where it comes from.

Takes and gives JSON text stored inside the model file (safetensors or ONNX metadata), so a
threshold cannot be parted from the weights it was chosen for. Knows nothing of torch.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from tbspot.choices import (
    MapRule,
    OutputStride,
    Pooling,
    Refinement,
    ScoreHead,
    Stages,
    StridePlace,
)
from tbspot.errors import TbspotError
from tbspot.parsing import LARGEST

__all__ = [
    "METADATA_KEY",
    "Description",
    "moved_threshold",
]

METADATA_KEY = "tbspot"

# Beyond these no model is meant: a batch of 4,096 pixels a side takes a net tens of gigabytes.
MOST_SIDE = 4096
# A logit divided by a greater temperature is 0 for every film, by a smaller one without end.
MOST_LOGIT = 1000.0
# Hundreds of times the released model.
MOST_BYTES = 4_000_000_000
MOST_RANGES = 1000
LONGEST_NAME = 200
# A rule names each source of its films, a recipe grows with each refit.
LONGEST_TEXT = 100_000
NOT_TOLD = "it was not told how it was chosen"
# A threshold is of the scores, or of the maps, that it was chosen on; these change what they mean.
LOOKS = ("size", "through", "mirror", "stages", "output_stride", "stride_place")
OF_SCORES = (*LOOKS, "pooling", "score_head", "score_sharpness")
OF_MAPS = (*LOOKS, "refinement", "evidence", "baseline")

Text = Annotated[str, Field(max_length=LONGEST_TEXT)]


class Description(BaseModel):
    """Everything needed to use a model as it was meant, and to say where it comes from.

    Attributes:
        name: what it is called in tables and predictions.
        version: hash of weights and settings; empty until the file is written.
        size: side of the input square in pixels.
        through: side to which a film is reduced before it is enlarged to `size`, if any.
        stages: of ResNet50 that the net has: 4, or 3 for half of the work.
        output_stride: input pixels per place of the map.
        stride_place: the convolution of a block that holds its stride.
        pooling: how the places' logits become the film's.
        score_head: what the film's logit is read by: `map`, the places' logits pooled, or `own`, a
            head of its own over the same features (training/score_head.py).
        score_sharpness: of the log-sum-exp by which the evidence of a head of its own becomes the
            film's: 0 is the mean over places, infinity would be the greatest.
        evidence: unit of the evidence map: `logit`, the closed form, or `probability`, the
            sigmoid of the closed form plus `bias`.
        refinement: what the net does to its closed-form map: `none`, or `affinity`, the mean over
            near places that look alike (nets/refinement.py); it is for evidence in logits.
        bias: of the net, which every place shares.
        baseline: what is subtracted from a film's map before it counts as evidence: `none`, or
            the film's `median`.
        mirror: whether the mirrored film is averaged in.
        temperature: the logit is divided by it before the sigmoid.
        score_threshold: the score from which a film counts as TB.
        score_rule: how it was chosen, in words.
        map_threshold: for rule `tuned` the share of the map's maximum, for `quantile` the share
            of the film's area, for `otsu` null.
        map_rule: how boxes are cut from the map.
        map_note: how that threshold was chosen, in words, and whether boxes were used.
        area_share: the share of film area for the box-free quantile rule, when known.
        ranges: least and greatest input of each convolution by the name of its weights, for int8
            (engine/quantization.py); empty where int8 would move the maps.
        recipe: the commands that made it.
        data: fingerprint of the training films and labels.
        terms: of use.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    version: str = Field(default="", max_length=LONGEST_NAME)
    size: int = Field(default=512, ge=32, le=MOST_SIDE)
    through: int | None = Field(default=None, ge=16, le=MOST_SIDE)
    stages: Stages = 4
    output_stride: OutputStride = 32
    stride_place: StridePlace = "3x3"
    pooling: Pooling = "mean"
    score_head: ScoreHead = "map"
    score_sharpness: float = Field(default=0.0, ge=0, le=MOST_LOGIT)
    evidence: Literal["logit", "probability"] = "logit"
    refinement: Refinement = "none"
    bias: float = Field(default=0.0, ge=-MOST_LOGIT, le=MOST_LOGIT)
    baseline: Literal["none", "median"] = "median"
    mirror: bool = False
    temperature: float = Field(default=1.0, ge=1 / MOST_LOGIT, le=MOST_LOGIT)
    score_threshold: float = Field(default=0.5, ge=0, le=1)
    score_rule: Text = "0.5, not tuned"
    map_threshold: float | None = Field(default=None, gt=0, lt=1)
    map_rule: MapRule = "otsu"
    map_note: Text = "Otsu per film, box-free"
    area_share: float | None = Field(default=None, gt=0, lt=1)
    ranges: dict[str, tuple[float, float]] = Field(default_factory=dict, max_length=MOST_RANGES)
    recipe: Text = ""
    data: Text = ""
    terms: Text = "research use only, not a medical device"

    @field_validator("refinement")
    @classmethod
    def _is_for_logits(cls, refinement: str, others: ValidationInfo) -> str:
        # A refined map has 0 where nothing speaks for TB, which would be a probability of half.
        if refinement != "none" and others.data.get("evidence") == "probability":
            raise ValueError("the model's evidence is a probability; refine one in logits")
        return refinement

    @field_validator("ranges")
    @classmethod
    def _rises(cls, ranges: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
        # Of an empty one int8 would make the same number of any input.
        if not all(-LARGEST <= low < high <= LARGEST for low, high in ranges.values()):
            raise ValueError("a range goes from its least to its greatest number")
        return ranges

    @model_validator(mode="after")
    def _has_the_stride(self) -> Self:
        if self.stages == 3 and self.output_stride > 16:
            raise ValueError("a net of 3 stages has an output stride of 8 or 16")
        return self

    @model_validator(mode="after")
    def _can_cut(self) -> Self:
        share = self.area_share if self.map_rule == "quantile" else None
        if self.map_rule != "otsu" and self.map_threshold is None and share is None:
            raise ValueError(f"the rule {self.map_rule} needs its share, `map_threshold`")
        return self

    @classmethod
    def of(cls, fields: Mapping[str, Any], what: str) -> Self:
        """A description of these fields.

        Args:
            fields: by their names.
            what: is described, for errors.

        Raises:
            TbspotError: a field, or several together, cannot be so.
        """
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            why = fault["msg"].removeprefix("Value error, ")
            if not fault["loc"]:
                raise TbspotError(f"{what} cannot be so: {why}") from error
            field = str(fault["loc"][0]).replace("_", " ")
            raise TbspotError(f"{what} cannot have {field} {fault['input']}: {why}") from error

    def changed(self, changes: Mapping[str, Any], what: str) -> Description:
        """The description with other fields, checked.

        What was said of a threshold goes with it: another rule for maps does not keep the share of
        the one before, nor another threshold the words on how the one before was chosen; nor does
        a threshold of scores or maps that are others now. With another temperature the threshold
        of the score moves, unless one is given, so that the same films are called.

        Args:
            changes: fields by their names.
            what: is changed, for errors.

        Raises:
            TbspotError: it cannot be so.
        """
        before = self.model_dump()
        given = self.of(before | dict(changes), what)
        anew = _map_said_anew(self, given) | _score_said_anew(self, given, changes)
        return self.of(before | anew | dict(changes), what)

    @property
    def title(self) -> str:
        """Name and version, as records and logs call it."""
        return f"{self.name} {self.version}"

    def refuse_parts_of_places(self) -> None:
        """Refuse a size that is not a whole number of the map's places: no film is seen at it.

        Raises:
            TbspotError: it is not.
        """
        if (whole := self.scaled(1)) != self.size:
            raise TbspotError(
                f"a net with an output stride of {self.output_stride} sees films of {whole} "
                f"pixels, not of {self.size}; use `size={whole}`"
            )

    def scaled(self, scale: float) -> int:
        """Side in pixels of the input `scale` times as large, in whole places of the map."""
        stride = self.output_stride
        return max(stride, round(scale * self.size / stride) * stride)


def diverged_weights(origin: str, name: str) -> TbspotError:
    """What is told of a model whose weights `name` are not all numbers.

    OpenVINO makes 0 of them at the next layer, and an answer that looks sound.
    """
    return TbspotError(
        f"{origin} has weights that are no numbers ({name}): its training diverged, or the file is "
        "broken; copy it again, or give another"
    )


def moved_threshold(threshold: float, ratio: float) -> float:
    """The score that calls the same films once logits are divided by `ratio`."""
    if not 0 < threshold < 1:
        return threshold
    from tbspot.numerics import probability  # loads numpy, for which who reads a threshold waits

    return probability(math.log(threshold / (1 - threshold)) / ratio)


def _map_said_anew(before: Description, given: Description) -> dict[str, Any]:
    """What is said of the threshold of maps, where the changes given do not say it."""
    anew: dict[str, Any] = {}
    if given.map_rule != before.map_rule:
        anew["map_threshold"] = None
    same = (given.map_rule, given.map_threshold) == (before.map_rule, before.map_threshold)
    if not same or _differs(before, given, OF_MAPS):
        otsu = str(Description.model_fields["map_note"].default)
        anew["map_note"] = otsu if given.map_rule == "otsu" else NOT_TOLD
    return anew


def _score_said_anew(
    before: Description, given: Description, named: Container[str]
) -> dict[str, Any]:
    """What is said of the threshold of the score, where the changes given do not say it."""
    anew: dict[str, Any] = {}
    same = before.score_threshold
    if given.temperature != before.temperature:
        same = moved_threshold(same, given.temperature / before.temperature)
        if "score_threshold" not in named:
            anew["score_threshold"] = same
    threshold = anew.get("score_threshold", given.score_threshold)
    was_chosen = before.score_rule != Description.model_fields["score_rule"].default
    if not math.isclose(threshold, same) or (was_chosen and _differs(before, given, OF_SCORES)):
        anew["score_rule"] = NOT_TOLD
    return anew


def _differs(before: Description, given: Description, fields: tuple[str, ...]) -> bool:
    return any(getattr(before, field) != getattr(given, field) for field in fields)
