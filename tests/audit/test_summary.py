from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tbspot.audit.blanking import SHARES, Blanked
from tbspot.audit.changes import CHANGES
from tbspot.audit.per_film import FIELD, TRUTH, Changed, FilmMeasures, ModelMeasures
from tbspot.audit.summary import evidence_of, field_holds, sensitivity_of
from tbspot.records.figures import Drawing
from tbspot.samples.sample import Sample

DRAWING = Drawing(resamples=200, seed=0)
RISING, FLAT = np.array(SHARES), np.full(len(SHARES), 0.25)


def film(
    name: str, label: int, measures: ModelMeasures, held: tuple[float, float] = (0, 0)
) -> FilmMeasures:
    return FilmMeasures(Sample(Path(name), name, label, "a", name), {}, {}, {"m": measures}, held)


def measures(**fields: object) -> ModelMeasures:
    changed = {one.name: Changed(0, 0, False, None) for one in CHANGES}
    plain = ModelMeasures(None, changed, None, None, {}, None)
    return dataclasses.replace(plain, **fields)  # type: ignore[arg-type]


def test_shares_of_evidence_are_means_over_films_that_have_some() -> None:
    films = [
        film("one", 1, measures(energy={TRUTH: (0.4, 0.1), FIELD: (0.9, 0.5)}, hit=1, overlap=0.5)),
        film("two", 1, measures(energy={TRUTH: (0.2, 0.3), FIELD: (0.7, 0.3)}, hit=0, overlap=0.1)),
        film("blank", 1, measures()),
        film("other", 0, measures()),
    ]
    (evidence,) = evidence_of(films, "m", DRAWING)
    assert (evidence.source, evidence.films) == ("a", 3)
    truth, field, border, marker = evidence.regions
    assert truth.energy.value == pytest.approx(0.3)
    assert truth.area.value == pytest.approx(0.2)
    assert field.energy.value == pytest.approx(0.8)
    assert truth.energy.films == 2
    assert border.energy.reason == marker.energy.reason == "no film with evidence has one"
    assert evidence.hit.value == 0.5
    assert evidence.miou.value == pytest.approx(0.3)


def test_blanking_is_compared_film_by_film_and_curves_by_the_area_between_them() -> None:
    films = [
        film(str(number), 1, measures(blanked=Blanked(found, 1, 0.5, FLAT, RISING, RISING, FLAT)))
        for number, found in enumerate((2.0, 4.0))
    ]
    blanking = evidence_of(films, "m", DRAWING)[0].blanking
    assert blanking.found.value == 3
    assert blanking.difference.value == 2
    assert blanking.rest.value == 0.5
    assert blanking.deletion is not None
    assert blanking.deletion.difference.value == pytest.approx(0.25 - 0.5)
    assert blanking.insertion is not None
    assert blanking.insertion.difference.value == pytest.approx(0.5 - 0.25)
    assert blanking.insertion.by_map == SHARES


def test_without_boxes_and_without_finds_there_are_reasons() -> None:
    (evidence,) = evidence_of([film("one", 1, measures())], "m", DRAWING)
    assert evidence.hit.reason == "no film has a truth box"
    assert evidence.blanking.found.reason == "the model finds nothing on any film"
    assert evidence.blanking.deletion is None


def test_a_changes_figures_are_means_over_all_films_and_overlap_over_those_with_boxes() -> None:
    name = CHANGES[0].name
    films = [
        film("one", 1, measures(changed=measures().changed | {name: Changed(1.0, 0.2, True, 0.5)})),
        film(
            "two", 0, measures(changed=measures().changed | {name: Changed(-0.5, 0.1, False, None)})
        ),
    ]
    rows = sensitivity_of(films, "m", DRAWING)
    assert [row.change for row in rows] == [change.name for change in CHANGES]
    assert rows[0].shift.value == 0.25
    assert rows[0].moved.value == pytest.approx(0.15)
    assert rows[0].flipped.value == 0.5
    assert (rows[0].overlap.value, rows[0].overlap.films) == (0.5, 1)
    assert rows[1].overlap.reason == "no film with TB has found boxes"


def test_the_field_holds_a_share_of_the_boxes_area_over_all_films() -> None:
    films = [
        film("one", 1, measures(), held=(30, 60)),
        film("two", 1, measures(), held=(20, 20)),
        film("none", 0, measures()),
    ]
    holds = field_holds(films, DRAWING)
    assert holds.value == pytest.approx(50 / 80)
    assert holds.films == 2
    assert field_holds(films[2:], DRAWING).reason == "no film has a truth box"
