"""The types of audit.json: what `tbspot audit` writes and its page shows.

Takes and gives JSON. A figure without a value says why; how figures are computed is left to
audit/.
"""

from __future__ import annotations

from typing import Literal

from tbspot.records.figures import Figure
from tbspot.records.record import Record

__all__ = [
    "AUDIT_FILE",
    "Audit",
    "Blanking",
    "BlankingCurve",
    "Evidence",
    "ModelRecord",
    "Region",
    "Sensitivity",
    "Shortcuts",
    "SourceAuroc",
]

AUDIT_FILE = "audit.json"


class Shortcuts(Record):
    """How well the label is told, with lungs and without, on some films.

    Attributes:
        source: of the films, or all sources pooled.
        tb: films with TB.
        others: films without TB.
        models: AUROC by model.
        models_erased: AUROC by model, lungs erased.
        probes: AUROC of a logistic regression on what is left, five folds by patient.
        source_label: AUROC of the source's name alone; of pooled films only.
        sentence: what follows.
    """

    source: str
    tb: int
    others: int
    models: dict[str, Figure]
    models_erased: dict[str, Figure]
    probes: dict[str, Figure]
    source_label: Figure | None
    sentence: str


class SourceAuroc(Record):
    """How well a film's source is told from a model's features.

    Attributes:
        films: of which class, in words.
        sources: that are told apart.
        auroc: of a logistic regression, the mean over sources of one against the rest.
    """

    films: str
    sources: tuple[str, ...]
    auroc: Figure


class Region(Record):
    """How much of the positive evidence lies in a part of the film.

    Attributes:
        name: of the part.
        energy: mean share of the positive evidence.
        area: mean share of the film.
    """

    name: str
    energy: Figure
    area: Figure


class BlankingCurve(Record):
    """Mean score by the share of the film that is blanked or kept.

    Attributes:
        shares: of the film.
        by_map: the places of most evidence first.
        by_chance: in a random order as coarse as the map.
        difference: mean over films of the area under the first minus that under the second.
    """

    shares: tuple[float, ...]
    by_map: tuple[float, ...]
    by_chance: tuple[float, ...]
    difference: Figure


class Blanking(Record):
    """What blanking does to the logit of films with TB.

    Attributes:
        found: logit lost when the found boxes are blanked.
        random: when the same form is blanked elsewhere.
        difference: the first minus the second, paired by film.
        rest: when everything but the found boxes is blanked.
        deletion: places blanked; the lower by the map the better.
        insertion: places kept; the higher by the map the better.
    """

    found: Figure
    random: Figure
    difference: Figure
    rest: Figure
    deletion: BlankingCurve | None
    insertion: BlankingCurve | None


class Evidence(Record):
    """Where a model's evidence is, on films with TB of one source.

    Attributes:
        source: of the films.
        films: how many.
        hit: the maximum lies in a truth box.
        miou: mean IoU of the found boxes with the truth, by the model's own rule.
        regions: parts of the film.
        blanking: what it does to the logit.
    """

    source: str
    films: int
    hit: Figure
    miou: Figure
    regions: tuple[Region, ...]
    blanking: Blanking


class Sensitivity(Record):
    """What a change that is not medical does.

    Attributes:
        change: in words.
        shift: mean change of the logit.
        moved: mean size of the change of the score.
        flipped: share of films that are called otherwise.
        overlap: mean IoU of the found boxes before and after, on films with TB.
    """

    change: str
    shift: Figure
    moved: Figure
    flipped: Figure
    overlap: Figure


class ModelRecord(Record):
    """One model.

    Attributes:
        name: of the model.
        version: of the model.
        told: how well its features tell sources.
        evidence: by source.
        sensitivity: to changes.
    """

    name: str
    version: str
    told: tuple[SourceAuroc, ...]
    evidence: tuple[Evidence, ...]
    sensitivity: tuple[Sensitivity, ...]


class Audit(Record):
    """The whole of audit.json.

    Attributes:
        format: version of this file's layout.
        tbspot: version of the program.
        data: sources as given.
        split: name of the split.
        seed: of choices of films, folds, places and resamples.
        resamples: bootstrap samples.
        looked: films on which maps, blanking and changes were measured.
        field_holds: share of the truth boxes' area that lies in the lung field as found.
        answers: is the data set answerable without lungs?
        models: where is the evidence, and does it move when nothing medical moves?
        notes: sentences for the reader.
    """

    format: Literal[1] = 1
    tbspot: str
    data: tuple[str, ...]
    split: str
    seed: int
    resamples: int
    looked: int
    field_holds: Figure
    answers: tuple[Shortcuts, ...]
    models: tuple[ModelRecord, ...]
    notes: tuple[str, ...]
