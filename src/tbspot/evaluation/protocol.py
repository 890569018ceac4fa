"""The protocol from its beginning to its end: which films, which thresholds, which rows.

Takes settings; gives an `Evaluation`. Reads like docs/protocol.md; each step is left to the module
beside this one that is named after it, what settings may be to settings.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tbspot.errors import TbspotError
from tbspot.evaluation.classifying import classification_of
from tbspot.evaluation.contenders import (
    Entry,
    box_controls,
    control_entry,
    map_controls,
    model_entry,
    refuse_shared_films,
    share_choice,
    training_films,
    tuning_curve,
)
from tbspot.evaluation.controls import plain_controls
from tbspot.evaluation.foreign import matched
from tbspot.evaluation.limits import limits_of
from tbspot.evaluation.notes import counts_of, notes_of
from tbspot.evaluation.outcomes import evidences_of
from tbspot.evaluation.per_film import Measured, film_results, measure
from tbspot.evaluation.provenance import data_of, predictions_of, provenance_of
from tbspot.evaluation.settings import JUDGED, TEACHER, EvaluationSettings
from tbspot.evaluation.summary import difference_of, localization_of
from tbspot.evaluation.thresholds import curve_of, tuned_choice
from tbspot.evaluation.truth import Truth, truths_of
from tbspot.records.evaluation import (
    Contender,
    Curve,
    Evaluation,
    Role,
    Rule,
)
from tbspot.records.figures import Difference, Drawing
from tbspot.records.matching import Matched
from tbspot.samples.loading import in_split, load
from tbspot.samples.sample import Sample

__all__ = [
    "Tuning",
    "evaluate_files",
    "evaluate_matched",
]

DRAWING = Drawing(resamples=10_000, seed=0)


@dataclass(frozen=True)
class Tuning:
    """Films that thresholds are chosen on, and models' predictions of them.

    Attributes:
        split: what they are called.
        samples: films, none of which is reported on.
        models: predictions of them, by the name of the model.
    """

    split: str
    samples: Sequence[Sample]
    models: Mapping[str, Matched] = field(default_factory=dict)


def evaluate_files(
    settings: EvaluationSettings, tell: Callable[[str], None] = lambda _: None
) -> Evaluation:
    """Evaluate a model by the protocol, from files.

    Args:
        settings: what is evaluated, and against what.
        tell: is told what is being done.

    Raises:
        TbspotError: data or predictions are absent, wrong, or do not belong together.
    """
    loaded = load(settings.data, settings.split_file)
    samples = in_split(loaded.samples, settings.split)
    tuning = _tuning_films(settings, loaded.samples, samples)
    kept_apart = (*samples, *(tuning.samples if tuning else ()))

    def read(path: Path, films: Sequence[Sample], what: str) -> Matched:
        return matched(path, films, what, loaded.every, settings.coco_images)

    models = {
        name: read(path, samples, f"a film of split {settings.split}")
        for name, path in {JUDGED: settings.predictions, **settings.rivals()}.items()
    }
    if tuning:
        on = f"a film of split {tuning.split}"
        given = {name: read(path, tuning.samples, on) for name, path in settings.tuning.items()}
        tuning = replace(tuning, models=given)
    training = None
    if settings.training is not None:
        films = training_films(settings.training, loaded.samples, kept_apart)
        training = read(settings.training, films, "a TB film for training")
    return evaluate_matched(
        models,
        samples,
        split=settings.split,
        tuning=tuning,
        training=training,
        drawing=Drawing(settings.resamples, settings.seed),
        predictions=predictions_of(settings),
        data=data_of(settings),
        notes=loaded.notes,
        tell=tell,
    )


def evaluate_matched(
    models: Mapping[str, Matched],
    samples: Sequence[Sample],
    *,
    split: str = "",
    tuning: Tuning | None = None,
    training: Matched | None = None,
    drawing: Drawing = DRAWING,
    predictions: str = "",
    data: tuple[str, ...] = (),
    notes: Sequence[str] = (),
    tell: Callable[[str], None] = lambda _: None,
) -> Evaluation:
    """Evaluate a model by the protocol, from what is in memory.

    Args:
        models: predictions of the films: of the model judged under `JUDGED`, of its teacher under
            `TEACHER`, of others under their names.
        samples: films reported on, with their truth.
        split: what they are called.
        tuning: films to choose thresholds on, if any.
        training: the judged model's predictions of training films, if any, for what is fitted
            without boxes.
        drawing: of intervals.
        predictions: where those of the model judged come from.
        data: where the films come from.
        notes: sentences on the films, to stand first.
        tell: is told what is being done.

    Raises:
        TbspotError: a map cannot be read, no film of the tuning split has a box, predictions of it
            or of training films are another model's, or two rows would have one name.
    """
    tell("choosing thresholds")
    curves: dict[str, Curve] = {}
    if training:
        _refuse_another_model("--training", training, models[JUDGED])
    if tuning:
        for name, films in tuning.models.items():
            _refuse_another_model("--tuning", films, models[name])
            curves[name] = tuning_curve(films, tuning.samples, tuning.split)
    entries = _models(models, curves, training) + _controls(training, tuning)
    _refuse_one_name(entries)
    judged = models[JUDGED]
    truths = truths_of(samples, judged.predictions)
    rows, first = _rows(entries, truths, drawing, tell)
    primary = entries[0].rules.primary
    tell("drawing threshold curves")
    return Evaluation(
        provenance=provenance_of(samples, predictions, data, split, drawing),
        notes=(*notes, *notes_of(truths, models)),
        counts=counts_of(truths, judged),
        contenders=rows,
        curves=(
            *([curves[JUDGED]] if JUDGED in curves else []),
            *_curves_shown(models, truths, split),
        ),
        films=film_results(truths, judged.predictions, first, primary),
        limits=limits_of(entries[0].outcomes, truths, primary, drawing),
    )


def _refuse_another_model(option: str, films: Matched, judged: Matched) -> None:
    """Refuse a threshold of other maps; of other programs' no version is known."""
    if films.is_foreign or judged.is_foreign or films.version == judged.version:
        return
    raise TbspotError(
        f"the predictions of {option} are of {films.model} {films.version}, and those judged of "
        f"{judged.model} {judged.version}; locate both with one model"
    )


def _curves_shown(
    models: Mapping[str, Matched], truths: Sequence[Truth], split: str
) -> list[Curve]:
    """Of the judged model and its teacher on the films reported on, from which nothing follows.

    There are none where no film has a box: a curve at 0 would say that the model misses all.
    """
    if not any(truth.is_boxed for truth in truths):
        return []
    on = f"the boxed films of split {split}, for show only"
    curves = [curve_of(evidences_of(models[JUDGED]), truths, on)]
    if TEACHER in models:
        theirs = curve_of(evidences_of(models[TEACHER]), truths, f"{on}: the teacher")
        curves.append(theirs.model_copy(update={"role": "teacher"}))
    return curves


def _tuning_films(
    settings: EvaluationSettings, loaded: Sequence[Sample], reported: Sequence[Sample]
) -> Tuning | None:
    if settings.tuning_split is None:
        return None
    samples = in_split(loaded, settings.tuning_split)
    refuse_shared_films(reported, samples, settings.tuning_split)
    return Tuning(settings.tuning_split, samples)


def _models(
    models: Mapping[str, Matched], curves: Mapping[str, Curve], training: Matched | None
) -> list[Entry]:
    """The judged model, its teacher, other models."""
    share = share_choice(training) if training else None
    roles: dict[str, Role] = {JUDGED: "judged", TEACHER: "teacher"}
    return [
        model_entry(
            name or _judged_name(films, models),
            roles.get(name, "control"),
            films,
            tuned_choice(curves[name]) if name in curves else None,
            share,
        )
        for name, films in models.items()
    ]


def _judged_name(films: Matched, models: Mapping[str, Matched]) -> str:
    """That of the model, with its version where another row is called so."""
    return f"{films.model} {films.version[:6]}" if films.model in models else films.model


def _refuse_one_name(entries: Sequence[Entry]) -> None:
    names = [entry.name for entry in entries]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise TbspotError(
            f"two rows would be called {twice!r}; give the control of that name another one"
        )


def _controls(training: Matched | None, tuning: Tuning | None) -> list[Entry]:
    """The controls that look at no film, box-free ones first."""
    controls = plain_controls()
    controls += map_controls(training) if training else []
    controls += box_controls(tuning.samples, tuning.split) if tuning else []
    return [control_entry(control) for control in controls]


def _rows(
    entries: Sequence[Entry],
    truths: Sequence[Truth],
    drawing: Drawing,
    tell: Callable[[str], None],
) -> tuple[tuple[Contender, ...], Measured]:
    """Every entry judged alike, and what was measured of the first, which is the model judged."""
    tell(f"judging {entries[0].name}")
    primary = entries[0].rules.primary
    first = measure(entries[0].outcomes, truths, primary)
    rows = [_row(entries[0], first, None, truths, drawing)]
    for entry in entries[1:]:
        tell(f"judging {entry.name}")
        measured = measure(entry.outcomes, truths, entry.rules.primary)
        note = _difference_note(entry, measured, primary)
        theirs = measured.overlaps(entry.rules.primary)
        difference = difference_of(first.overlaps(primary), theirs, first.patients(), drawing, note)
        rows.append(_row(entry, measured, difference, truths, drawing))
    return tuple(rows), first


def _difference_note(entry: Entry, measured: Measured, primary: Rule) -> str | None:
    """What else makes a row differ from the model judged."""
    notes = []
    if entry.model and entry.rules.primary != primary:
        notes.append(f"thresholds by different rules: {primary} and {entry.rules.primary}")
    if lacking := sum(film.is_missing for film in measured.localized):
        notes.append(f"films without a prediction, which count 0 for this row: {lacking:,}")
    return "; ".join(notes) or None


def _row(
    entry: Entry,
    measured: Measured,
    difference: Difference | None,
    truths: Sequence[Truth],
    drawing: Drawing,
) -> Contender:
    samples = [truth.sample for truth in truths]
    return Contender(
        name=entry.name,
        role=entry.role,
        uses_boxes=entry.uses_boxes,
        note=entry.note,
        model=entry.model,
        version=entry.version,
        localization=localization_of(measured, truths, entry.rules, drawing),
        classification=classification_of(samples, measured.scores, drawing),
        difference=difference,
    )
