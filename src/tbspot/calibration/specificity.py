"""The score threshold that no film with TB chooses: by the specificity on films without.

Takes predictions of films without TB, such as a model was trained on; gives the least threshold
that keeps a wanted specificity within every source, and the sentence that a model file carries.
Thresholds by sensitivity are left to choosing.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tbspot.calibration.choosing import percent
from tbspot.calibration.scored import LEAST_FILMS
from tbspot.errors import TbspotError
from tbspot.metrics.resampling import ROUNDING
from tbspot.records.matching import match
from tbspot.samples.loading import in_split, load

__all__ = ["HealthyScores", "SpecificThreshold", "read_healthy_scores", "strictest_threshold"]


class HealthyScores(NamedTuple):
    """Scores of films without TB.

    Attributes:
        by_source: `[n]` of each source.
        version: of the model.
        split: of the films.
        notes: sentences for the reader.
    """

    by_source: dict[str, NDArray[np.float64]]
    version: str
    split: str
    notes: tuple[str, ...] = ()


class SpecificThreshold(NamedTuple):
    """A threshold and how it was chosen.

    Attributes:
        value: a film whose score reaches it counts as TB.
        rule: in words, for `Description.score_rule`.
    """

    value: float
    rule: str


def read_healthy_scores(
    folder: Path, data: Sequence[str], split: str, split_file: Path | None = None
) -> HealthyScores:
    """The scores that `tbspot locate` gave the films without TB of a split.

    Args:
        folder: of predictions; those of films with TB are not looked at.
        data: sources of films and labels.
        split: name of the split.
        split_file: from `tbspot prepare`, if any.

    Raises:
        TbspotError: data or predictions are absent or wrong, or a source has fewer than 20 films
            without TB, by which a specificity cannot be told.
    """
    loaded = load(data, split_file)
    samples = [one for one in in_split(loaded.samples, split) if not one.label]
    if not samples:
        raise TbspotError(
            f"split '{split}' of {', '.join(data)} has no film without TB; name films of people "
            "without TB"
        )
    what = f"a film without TB of split {split}"
    matched = match(folder, samples, what, loaded.every)
    by_source: dict[str, list[float]] = {sample.source: [] for sample in samples}
    for sample, one in zip(samples, matched.predictions, strict=True):
        if one is not None and one.score is not None:
            by_source[sample.source].append(one.score)
    for source, scores in by_source.items():
        if len(scores) < LEAST_FILMS:
            raise TbspotError(
                f"{folder} has scores of {len(scores)} films without TB of source {source}, and a "
                f"specificity needs {LEAST_FILMS} or more; add films, or leave the source out"
            )
    arrays = {source: np.array(scores, np.float64) for source, scores in by_source.items()}
    return HealthyScores(arrays, matched.version, split, (*loaded.notes, *matched.notes))


def strictest_threshold(healthy: HealthyScores, specificity: float) -> SpecificThreshold:
    """The least threshold at which each source keeps the wanted specificity.

    Sources are never pooled: a large one would hide that most films of a small one are called.

    Args:
        healthy: scores of films without TB.
        specificity: the wanted share of them under the threshold, above 0 and under 1.

    Raises:
        TbspotError: so many films of a source share the greatest score that no threshold does it.
    """
    each = {name: _least(name, one, specificity) for name, one in healthy.by_source.items()}
    worst = max(each, key=lambda name: (each[name], name))
    films = ", ".join(f"{len(one)} of {name}" for name, one in sorted(healthy.by_source.items()))
    rule = (
        f"{percent(specificity)} specificity on the films without TB of split {healthy.split} "
        f"within each source, the worst of them ({worst}); films: {films}; no film with TB and no "
        "box was used"
    )
    return SpecificThreshold(each[worst], rule)


def _least(source: str, scores: NDArray[np.float64], specificity: float) -> float:
    """Between the last score that has to lie under the threshold and the next greater one."""
    distinct = np.unique(scores)
    last = np.sort(scores)[ceil((specificity - ROUNDING) * len(scores)) - 1]
    greater = distinct[distinct > last]
    if not len(greater):
        raise TbspotError(
            f"no threshold under the greatest score has a specificity of {percent(specificity)} "
            f"within source {source}: too many of its films without TB share that score; lower "
            "--specificity"
        )
    return float((last + greater[0]) / 2)
