from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tbspot.audit.per_film import FilmMeasures, ModelMeasures
from tbspot.audit.probes import PROBES
from tbspot.audit.shortcuts import POOLED, shortcuts_of, source_aurocs
from tbspot.samples.sample import Sample


def films(
    count: int, told: float, source: str = "a", features: float | None = None, seed: int = 0
) -> list[FilmMeasures]:
    """Films of both classes whose probes differ by `told` deviations; the model knows TB well."""
    random = np.random.default_rng(seed)
    measured = []
    for number in range(count):
        label, name = number % 2, f"{source}{number}"
        by_model = {}
        if features is not None:
            vector = random.normal(features, 1, 8)
            by_model = {"m": ModelMeasures(vector, {}, None, None, {}, None)}
        measured.append(
            FilmMeasures(
                sample=Sample(Path(name), name, label, source, name),
                probes={probe: random.normal(told * label, 1, 4) for probe in PROBES},
                logits={"m": (random.normal(4 * label), random.normal())},
                by_model=by_model,
                held=(0, 0),
            )
        )
    return measured


def value(measured: Sequence[FilmMeasures], source: str, probe: str) -> float | None:
    (answers,) = [one for one in shortcuts_of(measured, 0) if one.source == source]
    return answers.probes[probe].value


def test_what_tells_tb_without_lungs_is_named_and_the_model_is_put_beside_it() -> None:
    (answers,) = shortcuts_of(films(80, told=3), 0)
    assert all(figure.value > 0.95 for figure in answers.probes.values() if figure.value)
    assert answers.models["m"].value > 0.95
    assert 0.3 < answers.models_erased["m"].value < 0.7
    assert "which therefore says nothing of lungs" in answers.sentence


def test_films_that_only_lungs_tell_are_said_to_be_such() -> None:
    (answers,) = shortcuts_of(films(80, told=0), 0)
    assert all(0.2 < figure.value < 0.75 for figure in answers.probes.values() if figure.value)
    assert "which such means do not explain" in answers.sentence


def test_sources_are_judged_each_and_pooled_beside_the_sources_name() -> None:
    measured = films(60, told=0) + [
        one for one in films(60, told=0, source="b") if one.sample.label
    ]
    answers = shortcuts_of(measured, 0)
    assert [one.source for one in answers] == ["a", "b", POOLED]
    assert answers[0].source_label is None
    assert answers[1].models["m"].reason == "there is no film without TB among the 30 films"
    pooled = answers[2].source_label
    assert pooled is not None
    assert pooled.value is not None
    assert pooled.value > 0.6
    assert (pooled.low, pooled.high) == (None, None)
    assert "by the name of the source" in answers[2].sentence


def test_a_model_that_answers_as_well_with_the_lungs_erased_is_named() -> None:
    measured = [replace(one, logits={"m": one.logits["m"][:1] * 2}) for one in films(80, told=0)]
    (answers,) = shortcuts_of(measured, 0)
    assert "by m itself with the lungs erased; " in answers.sentence
    assert "which therefore says nothing of lungs" in answers.sentence


def test_the_name_of_the_source_is_named_where_it_explains_most() -> None:
    clinic = [one for one in films(120, told=0) if one.sample.label or one.sample.name < "a2"]
    screening = [one for one in films(120, told=0, source="b") if not one.sample.label]
    pooled = shortcuts_of(clinic + screening, 0)[-1]
    assert pooled.source_label is not None
    assert (
        f"AUROC {pooled.source_label.value:.3f} by the name of the source alone" in pooled.sentence
    )
    assert "do not explain" not in pooled.sentence


def test_few_films_are_not_asked() -> None:
    (answers,) = shortcuts_of(films(30, told=3), 0)
    assert {figure.reason for figure in answers.probes.values()} == {
        "it needs 20 films of each class"
    }
    assert answers.sentence == "a: too few films of a class to ask; 20 of each are needed."


def test_features_that_know_the_source_are_found_out_within_each_class() -> None:
    measured = films(60, 0, "a", features=0) + films(60, 0, "b", features=2, seed=1)
    with_tb, without = source_aurocs(measured, "m", 0)
    assert (with_tb.films, without.films) == ("with TB", "without TB")
    assert with_tb.sources == ("a", "b")
    assert with_tb.auroc.value > 0.95
    assert with_tb.auroc.films == 60
    alike = films(60, 0, "a", features=0) + films(60, 0, "b", features=0, seed=1)
    assert source_aurocs(alike, "m", 0)[0].auroc.value == pytest.approx(0.5, abs=0.2)


def test_of_three_sources_the_mean_is_given() -> None:
    measured = [
        one
        for number, source in enumerate("abc")
        for one in films(60, 0, source, features=3 * number, seed=number)
    ]
    told = source_aurocs(measured, "m", 0)[0]
    assert told.auroc.note == "mean over sources of one against the rest"
    assert told.auroc.value > 0.7


def of_one_patient(measured: list[FilmMeasures]) -> list[FilmMeasures]:
    return [replace(one, sample=replace(one.sample, patient="one")) for one in measured]


def test_a_source_of_one_patient_is_left_out_of_the_mean_and_named() -> None:
    parts = [films(60, 0, name, features=3 * place) for place, name in enumerate("abc")]
    parts[0] = of_one_patient(parts[0])
    told = source_aurocs([one for part in parts for one in part], "m", 0)[0]
    assert told.auroc.value is not None
    assert told.auroc.note == (
        "mean over sources of one against the rest, of 2 of 3 sources: of the others all films of "
        "a class are of one patient or of few"
    )


def test_where_no_source_can_be_told_there_is_a_reason() -> None:
    measured = [one for name in "abc" for one in of_one_patient(films(60, 0, name, features=0))]
    told = source_aurocs(measured, "m", 0)[0]
    assert told.auroc.value is None
    assert told.auroc.reason == "all films of a class are of one patient or of few"


def test_without_two_sources_or_without_features_there_is_a_reason() -> None:
    one_source = source_aurocs(films(60, 0, features=0), "m", 0)[0]
    assert one_source.auroc.reason == "there are no two sources with 20 such films each"
    bare = ModelMeasures(None, {}, None, None, {}, None)
    measured = films(60, 0, "a", features=0) + films(60, 0, "b", features=0)
    for film in measured:
        film.by_model["m"] = bare
    assert "a comparison of features needs torch; install it" in (
        source_aurocs(measured, "m", 0)[0].auroc.reason or ""
    )
