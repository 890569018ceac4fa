"""From scores with their truth to a threshold one can defend.

Takes scores and settings; gives a `Calibration` and all its thresholds, and writes them. Reads
like the list of what stands in calibration.json; each step is left to the module named after it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tbspot import __version__
from tbspot.calibration.choosing import precision_notes, reached, threshold_for
from tbspot.calibration.groups import groups_of
from tbspot.calibration.points import point_at, thresholds_of
from tbspot.calibration.reliability import reliability_of
from tbspot.calibration.scored import Scored, read_predicted, read_scores
from tbspot.errors import TbspotError
from tbspot.files import fingerprint, write_json
from tbspot.metrics import delong, numbered, specificity_at
from tbspot.records.calibration import CALIBRATION_FILE, Calibration, Group, OperatingPoint, Plan
from tbspot.records.figures import Drawing, Figure, figure_of
from tbspot.records.threshold import THRESHOLD_FILE, ThresholdFile
from tbspot.samples.counting import patients_in_words
from tbspot.settings import Resamples, Seed, Settings
from tbspot.tables import write_table

__all__ = ["TABLE_FILE", "CalibrationSettings", "calibrate", "read_scored", "write_calibration"]

TABLE_FILE = "thresholds.csv"
GROUPS_FILE = "subgroups.csv"
MOST_POINTS = 200
RATES = ("sensitivity", "specificity")
FIGURES = (*RATES, "ppv", "npv", "number_needed_to_test", "cost_per_case")
GROUP_FIGURES = ("auroc", *RATES)


@dataclass(frozen=True)
class CalibrationSettings(Settings):
    """Which scores, how a threshold is chosen and what it is judged by.

    Attributes:
        scores: CSV file, or folder of predictions.
        prevalence: share of people with TB among those to be filmed.
        sensitivity: least share of cases to be found; the threshold is the highest that does.
        specificity: wanted beside it.
        threshold: to be used whatever the films say.
        film_cost: of one film, in any currency.
        test_cost: of one confirmatory test, in the same.
        data: sources of the truth of predictions.
        split: name of the split of those films.
        split_file: from `tbspot prepare`, if any.
        resamples: bootstrap samples, 100 or more.
        seed: of them.
    """

    scores: Path
    prevalence: float
    sensitivity: float
    specificity: float
    threshold: float | None = None
    film_cost: float | None = None
    test_cost: float | None = None
    data: tuple[str, ...] = ()
    split: str | None = None
    split_file: Path | None = None
    resamples: Resamples = 10_000
    seed: Seed = 0

    def __post_init__(self) -> None:
        """Refuse numbers out of their range."""
        super().__post_init__()
        for name in ("prevalence", "sensitivity", "specificity"):
            if not 0 < getattr(self, name) < 1:
                raise TbspotError(
                    f"--{name} {getattr(self, name)} is not between 0 and 1; write 1 % as 0.01"
                )
        for name in ("film_cost", "test_cost"):
            cost = getattr(self, name)
            if cost is not None and not 0 <= cost < math.inf:
                raise TbspotError(f"--{name.replace('_', '-')} {cost} is not a cost; correct it")
        if (self.film_cost is None) != (self.test_cost is None):
            absent = "--film-cost" if self.film_cost is None else "--test-cost"
            raise TbspotError(
                "the cost per case needs --film-cost and --test-cost together; "
                f"add {absent}, or leave out the other"
            )
        if self.threshold is not None and not math.isfinite(self.threshold):
            raise TbspotError(f"--threshold {self.threshold} is not a number; correct it")


def read_scored(settings: CalibrationSettings) -> Scored:
    """The scores and their truth.

    Raises:
        TbspotError: they are absent, wrong or too few, or truth is given twice or not at all.
    """
    if not settings.scores.is_dir():
        if settings.data or settings.split or settings.split_file:
            raise TbspotError(
                f"{settings.scores} is no folder of predictions, so --data, --split and "
                "--split-file do not apply; the truth of a CSV file stands in its column "
                "reference"
            )
        return read_scores(settings.scores)
    if not settings.data or settings.split is None:
        raise TbspotError(
            f"{settings.scores} holds predictions without their truth; name the films with --data "
            "and --split"
        )
    if settings.threshold is not None and not 0 <= settings.threshold <= 1:
        raise TbspotError(
            f"--threshold {settings.threshold:g} is none of tbspot's scores, which lie in [0, 1]; "
            "write 59.9 of 100, as pages show it, as 0.599"
        )
    return read_predicted(settings.scores, settings.data, settings.split, settings.split_file)


def calibrate(
    scored: Scored, settings: CalibrationSettings
) -> tuple[Calibration, list[OperatingPoint]]:
    """Judge every threshold and choose one.

    Returns:
        What stands in calibration.json, and the operating points of all thresholds, rising.
    """
    scores, labels = scored.scores, scored.labels
    plan = Plan(
        prevalence=settings.prevalence, film_cost=settings.film_cost, test_cost=settings.test_cost
    )
    points = [point_at(one, scores, labels, plan) for one in thresholds_of(scores).tolist()]
    threshold = settings.threshold
    if threshold is None:
        threshold = threshold_for(scores, labels, settings.sensitivity)
    chosen = point_at(threshold, scores, labels, plan)
    if settings.threshold is not None:
        # As it was given, as far as people write numbers; a score that was copied has more digits.
        as_given = (f"{threshold:.15g}", repr(threshold))
        written = next(one for one in as_given if float(one) == threshold)
        chosen = chosen.model_copy(update={"written": written})
    groups, group_notes = groups_of(scored, threshold)
    result = Calibration(
        tbspot=__version__,
        source=scored.source,
        model=scored.model,
        version=scored.version,
        fingerprint=_fingerprint(scored, threshold, plan),
        tb=int(labels.sum()),
        others=int((1 - labels).sum()),
        plan=plan,
        auroc=figure_of(lambda: delong(labels, scores, scored.patients), len(labels)),
        target=reached(points, settings.sensitivity, settings.specificity),
        rule=_rule(scored, settings),
        chosen=chosen,
        chosen_specificity=_specificity(scored, settings),
        points=tuple(_thinned(points)),
        groups=groups,
        reliability=reliability_of(scored, Drawing(settings.resamples, settings.seed)),
        notes=(
            *scored.notes,
            *_notes(scored, settings),
            *precision_notes(chosen),
            *group_notes,
        ),
    )
    return result, points


def write_calibration(
    folder: Path, calibration: Calibration, points: Sequence[OperatingPoint]
) -> None:
    """Write calibration.json, thresholds.csv, subgroups.csv and threshold.json into `folder`.

    Raises:
        TbspotError: a file cannot be written.
    """
    write_json(folder / CALIBRATION_FILE, calibration.model_dump(mode="json"))
    prevalence = calibration.plan.prevalence
    write_table(
        folder / TABLE_FILE,
        ["threshold", *_headings(FIGURES), "prevalence"],
        ([one.threshold, *_cells(one, FIGURES), prevalence] for one in points),
    )
    write_table(
        folder / GROUPS_FILE,
        ["column", "subgroup", "tb", "not_tb", *_headings(GROUP_FIGURES)],
        (
            [one.column, one.name, one.tb, one.others, *_cells(one, GROUP_FIGURES)]
            for one in calibration.groups
        ),
    )
    threshold = ThresholdFile(
        threshold=calibration.chosen.threshold,
        rule=calibration.rule,
        model=calibration.model,
        version=calibration.version,
        calibration=calibration.fingerprint,
    )
    write_json(folder / THRESHOLD_FILE, threshold.model_dump(mode="json"))


def _headings(figures: Sequence[str]) -> list[str]:
    return [f"{figure}{end}" for figure in figures for end in ("", "_low", "_high")]


def _cells(record: OperatingPoint | Group, names: Sequence[str]) -> list[float | None]:
    """Each figure and its interval; what is undefined is an empty cell."""
    figures: list[Figure] = [getattr(record, name) for name in names]
    return [end for figure in figures for end in (figure.value, figure.low, figure.high)]


def _fingerprint(scored: Scored, threshold: float, plan: Plan) -> str:
    return fingerprint(
        scored.fingerprint().encode(),
        f"{scored.version} {threshold!r}".encode(),
        plan.model_dump_json().encode(),
    )


def _specificity(scored: Scored, settings: CalibrationSettings) -> Figure | None:
    """At the sensitivity that the threshold is chosen by; `None` where the threshold is given."""
    if settings.threshold is not None:
        return None
    return figure_of(
        lambda: specificity_at(
            scored.labels,
            scored.scores,
            settings.sensitivity,
            resamples=settings.resamples,
            seed=settings.seed,
            patients=scored.patients,
        ),
        len(scored.labels),
    )


def _rule(scored: Scored, settings: CalibrationSettings) -> str:
    on = f"{int(scored.labels.sum())} films with TB and {int((1 - scored.labels).sum())} without"
    if settings.threshold is not None:
        return f"given, judged on {on}"
    return f"the highest that finds {settings.sensitivity:.6g} of the cases, on {on}"


def _notes(scored: Scored, settings: CalibrationSettings) -> list[str]:
    share = scored.labels.mean()
    notes = [
        f"{share:.1%} of these films are with TB; scores that are right as probabilities here are "
        "too high where TB is rarer",
    ]
    patients = len(np.unique(numbered(scored.patients, len(scored.labels))))
    if patients < len(scored.labels):
        notes.append(
            f"the {len(scored.labels):,} films are of {patients_in_words(patients)}: the intervals "
            "of AUROC (also of sub-groups), Brier score and the specificity at the wanted "
            "sensitivity allow for that; all others take films for independent and are too narrow"
        )
    if settings.threshold is None:
        notes.append("the threshold was chosen on the films it is judged on: confirm it on others")
    if scored.version is None:
        notes.append(
            "the version of the model is not known, so `tbspot locate` will not take "
            f"{THRESHOLD_FILE}; add the columns model and version, as predictions have them"
        )
    return notes


def _thinned(points: Sequence[OperatingPoint]) -> list[OperatingPoint]:
    places = np.linspace(0, len(points) - 1, min(MOST_POINTS, len(points))).round().astype(int)
    return [points[place] for place in places]
