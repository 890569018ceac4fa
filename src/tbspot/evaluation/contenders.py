"""What enters the table: models by their predictions, and controls, each with its thresholds.

Takes folders and films; gives entries that are all judged alike. Films used to choose thresholds
or to fit controls are never those reported on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tbspot.errors import TbspotError
from tbspot.evaluation.controls import Control, Mask, fitted_controls
from tbspot.evaluation.outcomes import (
    Choice,
    Outcomes,
    all_evidence,
    evidences_of,
    fixed_outcomes,
    model_outcomes,
    thresholded,
)
from tbspot.evaluation.thresholds import (
    OTSU,
    Rules,
    curve_of,
    rules_of,
    rules_of_boxes,
    share_above_otsu,
)
from tbspot.evaluation.truth import truths_of
from tbspot.records.evaluation import Curve, Role
from tbspot.records.matching import Matched
from tbspot.records.predictions import Prediction
from tbspot.samples.duplicates import copies
from tbspot.samples.sample import Sample

__all__ = [
    "Entry",
    "box_controls",
    "control_entry",
    "map_controls",
    "model_entry",
    "refuse_shared_films",
    "share_choice",
    "training_films",
    "tuning_curve",
]


@dataclass(frozen=True)
class Entry:
    """A row to be.

    Attributes:
        name: what the row is called.
        role: the model judged, its teacher, or a control.
        note: what it is, in words.
        uses_boxes: whether boxes were used to make or tune it; `None` where that is not known.
        outcomes: by place in the split.
        rules: by which boxes are found.
        model: name of the model, if it is one.
        version: of the model.
    """

    name: str
    role: Role
    note: str
    uses_boxes: bool | None
    outcomes: Outcomes
    rules: Rules
    model: str | None = None
    version: str | None = None


def model_entry(
    name: str, role: Role, films: Matched, tuned: Choice | None, share: Choice | None
) -> Entry:
    """A model as its predictions show it.

    Args:
        name: of the row.
        role: of the row.
        films: its predictions of the films of the split.
        tuned: threshold chosen on the tuning split, if any.
        share: of area, from training films, if any.

    Raises:
        TbspotError: its predictions were made with several thresholds.
    """
    carried = _carried(name, films)
    rules = rules_of_boxes(tuned) if films.gives_boxes else rules_of(carried, tuned, share)
    primary = rules.choices[rules.primary]
    unknown = "; what it was trained on is not known" if films.is_foreign else ""
    return Entry(
        name=name,
        role=role,
        note=f"threshold rule {rules.primary}: {primary.origin}{unknown}",
        uses_boxes=primary.uses_boxes or (None if films.is_foreign else primary.uses_boxes),
        outcomes=model_outcomes(films, list(rules.choices.values())),
        rules=rules,
        model=films.model,
        version=films.version,
    )


def _carried(name: str, films: Matched) -> Prediction | None:
    """A usable prediction: what it says of thresholds, all of them say."""
    usable = [one for one in films.predictions if one and one.status == "ok"]
    if len({(one.threshold, one.map_rule, one.map_threshold) for one in usable}) > 1:
        raise TbspotError(
            f"the predictions of {name} were made with several thresholds, as those of two runs "
            "are; locate all of the films with the same ones, into a new folder"
        )
    return usable[0] if usable else None


def control_entry(control: Control) -> Entry:
    """A control that looks at no film."""
    choice = control.choice
    return Entry(
        name=control.name,
        role="control",
        note=control.note,
        uses_boxes=choice.uses_boxes,
        outcomes=fixed_outcomes(control.normalised, choice),
        rules=Rules({choice.rule: choice}, {}, choice.rule),
    )


def refuse_shared_films(samples: Sequence[Sample], others: Sequence[Sample], split: str) -> None:
    """Refuse to choose thresholds on films that are reported on, or on copies of them.

    Raises:
        TbspotError: a film is among both.
    """
    for other, same in _shared(samples, others):
        alias = "" if other.path == same.path else f", as {same.path},"
        raise TbspotError(
            f"{other.path} is in split {split} and{alias} among the films reported on; a threshold "
            "is never chosen on the films it is reported on: name another --tuning-split"
        )


def _shared(samples: Sequence[Sample], others: Sequence[Sample]) -> Iterator[tuple[Sample, Sample]]:
    """Those of `others` that are in `samples`, or a copy of one, each with that one."""
    paths, other_paths = {one.path for one in samples}, {one.path for one in others}
    for group in copies((*samples, *others)):
        same = next((one for one in group if one.path in paths), None)
        if same is not None:
            yield from ((one, same) for one in group if one.path in other_paths)


def tuning_curve(films: Matched, samples: Sequence[Sample], split: str) -> Curve:
    """Mean IoU by threshold on the boxed films of the tuning split.

    Raises:
        TbspotError: no film of it has a box.
    """
    truths = truths_of(samples, films.predictions)
    boxed = sum(truth.is_boxed for truth in truths)
    if not boxed:
        raise TbspotError(f"no TB film of split {split} has a box to tune on; name another split")
    return curve_of(evidences_of(films), truths, f"the {boxed} boxed films of split {split}")


def box_controls(samples: Sequence[Sample], split: str) -> list[Control]:
    """The fitted controls for the boxes of the tuning split; none if it has no boxes."""
    truths = truths_of(samples, [None] * len(samples))
    boxed = [truth for truth in truths if truth.is_boxed and len(truth.boxes)]
    if not boxed:
        return []

    def masks() -> Iterator[Mask]:
        return (truth.mask() for truth in boxed)

    return fitted_controls(masks, f"the {len(boxed)} boxed films of {split}", uses_boxes=True)


def training_films(
    path: Path, loaded: Sequence[Sample], kept_apart: Sequence[Sample]
) -> tuple[Sample, ...]:
    """TB films that are in no split reported on or tuned on, nor copies of one that is.

    Args:
        path: of predictions of them, for errors.
        loaded: all films of the data.
        kept_apart: films reported on and films tuned on.

    Raises:
        TbspotError: there is none.
    """
    apart = {sample.path for sample in kept_apart}
    training = tuple(one for one in loaded if one.label == 1 and one.path not in apart)
    apart = {one.path for one, _ in _shared(kept_apart, training)}
    training = tuple(one for one in training if one.path not in apart)
    if not training:
        raise TbspotError(
            "the data hold no TB film outside the splits reported on and tuned on, so "
            f"{path} cannot be used as --training; add the training films with --data"
        )
    return training


def share_choice(films: Matched) -> Choice | None:
    """The share of area for the quantile rule, from maps alone."""
    if films.gives_boxes:
        return None
    shares = [share_above_otsu(evidence.normalised) for evidence in all_evidence(films)]
    share = float(np.mean(shares)) if shares else 0.0
    if not 0 < share < 1:
        return None
    origin = f"mean share above Otsu's threshold on {len(shares)} training films"
    if films.is_foreign:
        return Choice("quantile", share, share, origin, uses_boxes=None)
    return Choice("quantile", share, share, f"{origin}, box-free")


def map_controls(films: Matched) -> list[Control]:
    """The fitted controls for the rectangles that Otsu's rule finds on training films."""

    def masks() -> Iterator[Mask]:
        return (thresholded(evidence, OTSU).mask for evidence in all_evidence(films))

    on = f"the model's own boxes (Otsu) on {films.usable} training films"
    uses_boxes = None if films.is_foreign else False
    return fitted_controls(masks, on, uses_boxes=uses_boxes) if films.usable else []
