"""The types of evaluation.json: what `tbspot evaluate` writes and `tbspot report` reads.

Takes and gives JSON. A figure without a value says why; how figures are computed is left to
evaluation/, how they look to report/.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tbspot.choices import MapRule
from tbspot.files import write_json
from tbspot.images.opening import MOST_PIXELS, may_be_same
from tbspot.parsing import read_json
from tbspot.records.figures import Difference, Figure, remarks_on
from tbspot.records.predictions import LONGEST_SIDE, Prediction, Status
from tbspot.records.record import Record

__all__ = [
    "FILE_NAME",
    "Classification",
    "Contender",
    "Curve",
    "Evaluation",
    "FilmResult",
    "Limit",
    "Localization",
    "Provenance",
    "Role",
    "Rule",
    "RuleResult",
    "SourceFigures",
    "Stratum",
    "classification_remarks",
    "read_evaluation",
    "write_evaluation",
]

FILE_NAME = "evaluation.json"

# How boxes are found in a map; `given` are those of a model that gives boxes and no map.
Rule = Literal[MapRule, "given"]

# Of a row: the model judged, its teacher, or what both are held against.
Role = Literal["judged", "teacher", "control"]

Box = tuple[float, float, float, float]
# Of pages' charts, which span what shares may be.
Share = Annotated[float, Field(ge=0, le=1)]


class RuleResult(Record):
    """Mean IoU under one threshold rule.

    Attributes:
        rule: `tuned` (one share of the maximum for all films, or one least score of boxes), `otsu`
            (per film), `quantile` (one share of the film's area) or `given` (every box).
        value: of the rule, for rectangles.
        raw_value: of the rule, for the raw mask.
        origin: where the value comes from, in words.
        miou: mean IoU of the union of rectangles.
        raw_miou: mean IoU of the thresholded map itself.
    """

    rule: Rule
    value: float | None
    raw_value: float | None
    origin: str
    miou: Figure
    raw_miou: Figure


class Stratum(Record):
    """Mean IoU of a part of the films.

    Attributes:
        group: what divides the films.
        name: of the part.
        miou: of its films.
    """

    group: str
    name: str
    miou: Figure


class Localization(Record):
    """Where a map points, judged on every TB film with a box, by the protocol's primary rule.

    Attributes:
        rule: the primary threshold rule of this contender.
        miou: mean IoU of the union of rectangles with the union of truth boxes.
        raw_miou: the same without the rectangles.
        rules: all three rules.
        hit: the map's maximum lies in a truth box.
        hit_tolerant: or within 15 pixels of one.
        side: the half with the greater sum is the true one, on one-sided films.
        energy: share of the positive map in truth boxes.
        second_lesion: share of truth boxes found with IoU of at least 0.3, on films with several.
        detected_and_hit: the film is called TB and its maximum lies in a truth box.
        detected_miou: mean IoU where a film that is not called TB counts 0.
        box_ap: COCO's average precision by IoU.
        froc: share of truth boxes found (IoU of at least 0.25) by false boxes a film; as `box_ap`
            of these films alone, none of which is without TB.
        false_boxes: boxes a film on films without TB.
        false_boxes_called: boxes a film on films without TB, counting those called TB only.
        strata: mean IoU of parts of the films.
    """

    rule: Rule
    miou: Figure
    raw_miou: Figure
    rules: tuple[RuleResult, ...]
    hit: Figure
    hit_tolerant: Figure
    side: Figure
    energy: Figure
    second_lesion: Figure
    detected_and_hit: Figure
    detected_miou: Figure
    box_ap: dict[str, Figure]
    froc: dict[str, Figure]
    false_boxes: Figure
    false_boxes_called: Figure
    strata: tuple[Stratum, ...]


class SourceFigures(Record):
    """Classification within one source, or of all sources pooled.

    Attributes:
        source: its name.
        tb: films with TB that have a score.
        others: films without TB that have a score.
        auroc: with DeLong's interval.
        average_precision: without interpolation.
        sensitivity: at 90 % specificity.
        specificity: at 90 % sensitivity.
        roc: 1 - specificity and sensitivity from corner to corner; empty where undefined.
    """

    source: str
    tb: int
    others: int
    auroc: Figure
    average_precision: Figure
    sensitivity: Figure
    specificity: Figure
    roc: tuple[tuple[Share, Share], ...] = ()


class Classification(Record):
    """TB or not, by the film's score.

    Attributes:
        sources: within each source.
        pooled: over all sources; means nothing unless it is far above `source_label`.
        source_label: AUROC of the source's name alone.
    """

    sources: tuple[SourceFigures, ...]
    pooled: SourceFigures
    source_label: Figure

    @property
    def rows(self) -> tuple[SourceFigures, ...]:
        """Each source, and of several what is pooled; of one, all films are its own."""
        return (*self.sources, self.pooled) if len(self.sources) > 1 else self.sources


class Contender(Record):
    """One row of the table.

    Attributes:
        name: what the row is called.
        role: the model judged, its teacher, or a control.
        uses_boxes: whether boxes were used to make or tune it; true for one threshold for all
            films that the model carries, as its card alone says what chose that; null where what a
            model was trained on is not known, as of other programs' predictions.
        note: what it is, in words.
        model: name of the model, if it is one.
        version: of the model.
        localization: its figures.
        classification: null for a control without scores.
        difference: mean IoU of the judged model minus this one's.
    """

    name: str
    role: Role
    uses_boxes: bool | None
    note: str
    model: str | None
    version: str | None
    localization: Localization
    classification: Classification | None
    difference: Difference | None

    @property
    def mark(self) -> str:
        """By which tables tell what knows boxes, or may, from what does not."""
        return "†" if self.uses_boxes is None else "*" if self.uses_boxes else ""


class Curve(Record):
    """Mean IoU by threshold: a share of the map's maximum, or a least score of boxes.

    Attributes:
        films: what it is of, in words.
        role: whose it is.
        thresholds: in rising order.
        miou: of the union of rectangles.
        raw_miou: of the thresholded map.
    """

    films: str
    role: Literal["judged", "teacher"] = "judged"
    thresholds: tuple[Share, ...]
    miou: tuple[Share, ...]
    raw_miou: tuple[Share, ...]

    @model_validator(mode="after")
    def _is_even(self) -> Self:
        if not len(self.thresholds) == len(self.miou) == len(self.raw_miou) >= 1:
            raise ValueError("a curve has a figure for each threshold")
        return self


class Limit(Record):
    """Mean IoU of the judged model if one kind of error were mended by the truth.

    Attributes:
        mended: which, in words.
        miou: of all boxed films.
        parts: the same by area of the lesions.
    """

    mended: str
    miou: Figure
    parts: tuple[Stratum, ...]


class FilmResult(Record):
    """One film of the split as the judged model sees it; boxes are on the protocol's grid.

    Attributes:
        image: name within its source.
        source: data set.
        label: 1 = TB, 0 = not.
        status: of the prediction, or `missing`.
        score: probability of TB.
        called: whether the score reaches the operating threshold.
        width: of the film in pixels, if known.
        height: of the film in pixels, if known.
        heatmap: file of the map, relative to the predictions folder.
        iou: of the union of rectangles; null where there is no truth box.
        hit: share of the maximum in truth boxes; null where there is no truth box.
        found: boxes by the primary rule.
        truth: boxes.
        prediction: what the prediction calls the film; null where there is none, and in earlier
            versions.
        sha256: of the file that the prediction was made from, if it says so.
    """

    image: str
    source: str
    label: Literal[0, 1]
    status: Literal[Status, "missing"]
    score: Share | None
    called: bool | None
    width: int | None = Field(ge=1, le=MOST_PIXELS)
    height: int | None = Field(ge=1, le=MOST_PIXELS)
    heatmap: str | None
    iou: Share | None
    hit: Share | None
    found: tuple[Box, ...]
    truth: tuple[Box, ...]
    prediction: str | None = None
    sha256: str | None = None

    def is_of(self, prediction: Prediction) -> bool:
        """Whether the film is still the one of a prediction, or may be, where it is not known.

        Another film may have been located under its name since it was judged.
        """
        return may_be_same(self.sha256, prediction.sha256)


class Provenance(Record):
    """From what and how the figures were made.

    Attributes:
        tbspot: version of the program.
        predictions: the judged folder, relative to evaluation.json.
        data: sources as given.
        split: name of the split judged.
        truth: fingerprint of the films, labels and boxes judged.
        side: of the grid in pixels.
        tolerance: of the pointing game in pixels of the grid.
        resamples: bootstrap samples and sign flips.
        seed: of them.
    """

    tbspot: str
    predictions: str
    data: tuple[str, ...]
    split: str
    truth: str
    side: int = Field(ge=1, le=LONGEST_SIDE)
    tolerance: float
    resamples: int
    seed: int


class Evaluation(Record):
    """The whole of evaluation.json.

    Attributes:
        format: version of this file's layout.
        provenance: from what and how.
        notes: sentences for the reader about films and settings.
        counts: films by what they are used for.
        contenders: rows of the table, the judged model first.
        curves: mean IoU by threshold of the judged model, and of its teacher if there is one; empty
            without a boxed film.
        films: every film of the split.
        limits: what limits the judged model's mean IoU; empty without a boxed film.
    """

    format: Literal[1] = 1
    provenance: Provenance
    notes: tuple[str, ...]
    counts: dict[str, int]
    contenders: tuple[Contender, ...] = Field(min_length=1)
    curves: tuple[Curve, ...]
    films: tuple[FilmResult, ...]
    limits: tuple[Limit, ...] = ()

    @model_validator(mode="after")
    def _has_rows_alike(self) -> Self:
        # Tables have a column for each figure of the first row.
        if len({_columns(row.localization) for row in self.contenders}) > 1:
            raise ValueError("rows have the same figures and parts")
        if len({tuple((one.group, one.name) for one in row.parts) for row in self.limits}) > 1:
            raise ValueError("limits have the same parts")
        return self


def _columns(row: Localization) -> tuple[tuple[str, ...], ...]:
    """What a row's figures are called, as far as that is not its type."""
    parts = (f"{one.group}: {one.name}" for one in row.strata)
    return tuple(sorted(row.box_ap)), tuple(sorted(row.froc)), tuple(parts)


def write_evaluation(folder: Path, evaluation: Evaluation) -> Path:
    """Write evaluation.json into `folder`, whole or not at all; gives its path.

    Raises:
        TbspotError: it cannot be written.
    """
    path = folder / FILE_NAME
    write_json(path, evaluation.model_dump(mode="json"))
    return path


def classification_remarks(contenders: Sequence[Contender]) -> list[str]:
    """Why figures of TB or not have no value or no interval, each reason once."""
    return remarks_on(
        {
            f"{name} of {source.source} ({row.name})": figure
            for row in contenders
            if row.classification is not None
            for source in row.classification.rows
            for name, figure in (
                ("AUROC", source.auroc),
                ("average precision", source.average_precision),
                ("sensitivity", source.sensitivity),
                ("specificity", source.specificity),
            )
        }
    )


def read_evaluation(folder: Path, remedy: str = "make one with `tbspot evaluate`") -> Evaluation:
    """Read the evaluation.json of a folder.

    Args:
        folder: that it lies in.
        remedy: what to do where it is none.

    Raises:
        TbspotError: there is none, or it is not one.
    """
    what = "an evaluation of this version of tbspot"
    return read_json(folder / FILE_NAME, Evaluation, what, remedy)
