"""The types of calibration.json: what `tbspot calibrate` writes and its page shows.

Takes and gives JSON. How figures are computed is left to calibration/, the file that `tbspot
locate` takes to threshold.py.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tbspot.records.figures import Figure
from tbspot.records.record import Record

__all__ = [
    "CALIBRATION_FILE",
    "Calibration",
    "Group",
    "OperatingPoint",
    "Plan",
    "Reliability",
    "ReliabilityBin",
    "Target",
]

CALIBRATION_FILE = "calibration.json"


class Plan(Record):
    """Where the score is to be used.

    Attributes:
        prevalence: share of people with TB among those to be filmed.
        film_cost: of one film, in any currency.
        test_cost: of one confirmatory test, in the same currency.
    """

    prevalence: float = Field(gt=0, lt=1)
    film_cost: float | None = Field(default=None, ge=0)
    test_cost: float | None = Field(default=None, ge=0)


class OperatingPoint(Record):
    """What one threshold gives; a film counts as TB when its score reaches it.

    Attributes:
        threshold: on the scale of the scores.
        written: the threshold in as many digits as it takes to divide these films as it does.
        sensitivity: share of films with TB that reach it.
        specificity: share of films without TB that do not.
        ppv: share with TB among those that reach it, at the stated prevalence.
        npv: share without TB among those that do not, at the stated prevalence.
        number_needed_to_test: confirmatory tests for each case found.
        cost_per_case: films and tests for each case found.
    """

    threshold: float
    written: str
    sensitivity: Figure
    specificity: Figure
    ppv: Figure
    npv: Figure
    number_needed_to_test: Figure
    cost_per_case: Figure


class Target(Record):
    """Whether a threshold reaches a wanted sensitivity and specificity together.

    Attributes:
        sensitivity: wanted, at least.
        specificity: wanted, at least.
        met: the lowest and highest score that reach both as thresholds; null when none does. So do
            all thresholds down to the next lower score.
        met_surely: those where the lower ends of both intervals reach them.
        sentence: the same in words.
    """

    sensitivity: float
    specificity: float
    met: tuple[float, float] | None
    met_surely: tuple[float, float] | None
    sentence: str


class Group(Record):
    """A sub-group at the chosen threshold.

    Attributes:
        column: what divides the films.
        name: of the sub-group.
        tb: films with TB.
        others: films without TB.
        few: whether it has too few films of a class to be judged by.
        auroc: within it.
        sensitivity: at the chosen threshold.
        specificity: at the chosen threshold.
    """

    column: str
    name: str
    tb: int
    others: int
    few: bool
    auroc: Figure
    sensitivity: Figure
    specificity: Figure


class ReliabilityBin(Record):
    """Films of about the same score.

    Attributes:
        films: how many.
        score: their mean score.
        tb: share of them with TB.
    """

    films: int
    score: float
    tb: Figure


class Reliability(Record):
    """Whether scores are probabilities, at the share of TB among these films.

    Attributes:
        bins: the reliability curve; empty when scores are not probabilities.
        ece: expected calibration error over those bins.
        brier: mean squared error of the score.
        brier_by_chance: Brier score of the share of TB given to every film.
        temperature: by which to divide the logits.
        ece_scaled: after scaling, each film with a temperature fitted on the others.
        brier_scaled: the same for the Brier score.
    """

    bins: tuple[ReliabilityBin, ...]
    ece: Figure
    brier: Figure
    brier_by_chance: float
    temperature: Figure
    ece_scaled: Figure
    brier_scaled: Figure


class Calibration(Record):
    """The whole of calibration.json.

    Attributes:
        format: version of this file's layout.
        tbspot: version of the program.
        source: what was read, as given.
        model: name of the model, if known.
        version: of the model, if known.
        fingerprint: of scores, truth and settings.
        tb: films with TB.
        others: films without TB.
        plan: where the score is to be used.
        auroc: with DeLong's interval.
        target: WHO's for a triage test, unless another was given.
        rule: how the threshold was chosen, in words.
        chosen: what it gives; its intervals take it as fixed.
        chosen_specificity: the highest at the wanted sensitivity, its interval with the choice of
            the threshold; null when the threshold was given.
        points: thresholds, at most 200 of those in thresholds.csv, evenly spaced.
        groups: sub-groups.
        reliability: whether scores are probabilities.
        notes: sentences for the reader, about films and their number.
    """

    format: Literal[1] = 1
    tbspot: str
    source: str
    model: str | None
    version: str | None
    fingerprint: str
    tb: int
    others: int
    plan: Plan
    auroc: Figure
    target: Target
    rule: str
    chosen: OperatingPoint
    chosen_specificity: Figure | None
    points: tuple[OperatingPoint, ...]
    groups: tuple[Group, ...]
    reliability: Reliability
    notes: tuple[str, ...]
