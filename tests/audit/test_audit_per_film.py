from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tbspot.audit.model import Model
from tbspot.audit.per_film import BORDER, FIELD, MARKER, TRUTH, AuditedFilm, measure
from tbspot.samples.sample import Sample, TruthBox

RANDOM = np.random.default_rng(0)


def tb(*boxes: tuple[float, float, float, float], label: int = 1) -> Sample:
    truth = tuple(TruthBox(*box) for box in boxes)
    return Sample(Path("/films/a.png"), "a.png", label, "a", "a", "test", truth)


def test_all_evidence_in_the_truth_is_all_the_energy(lamp: Model, bright: np.ndarray) -> None:
    measured = measure(AuditedFilm(tb((24, 48, 48, 72)), bright), [lamp], RANDOM, in_detail=True)
    measures = measured.by_model["lamp"]
    energy, area = measures.energy[TRUTH]
    assert energy > 0.9
    assert area == (24 / 128) ** 2
    assert measures.hit == 1
    assert measures.overlap is not None
    assert measures.overlap > 0.5
    assert MARKER not in measures.energy


def test_a_model_that_reads_the_marker_is_found_out(lamp: Model) -> None:
    film = np.full((128, 128), 0.1, np.float32)
    film[0:8, 108:120] = 1
    sample = tb((20, 44, 52, 76))
    measured = measure(AuditedFilm(sample, film, (104, 0, 124, 12)), [lamp], RANDOM, in_detail=True)
    energy = measured.by_model["lamp"].energy
    assert energy[MARKER][0] > 0.8
    assert energy[TRUTH][0] < 0.05
    assert energy[BORDER][0] > energy[BORDER][1]
    assert energy[FIELD][0] < 0.2
    assert measured.by_model["lamp"].hit == 0


def test_erasing_the_lungs_takes_what_is_in_them_and_leaves_the_marker(lamp: Model) -> None:
    inside, outside = (np.full((128, 128), 0.1, np.float32) for _ in range(2))
    inside[50:70, 30:50] = 0.9
    outside[2:12, 110:120] = 0.9
    for film, lost in ((inside, True), (outside, False)):
        plain, erased = measure(AuditedFilm(tb(), film), [lamp], RANDOM, in_detail=False).logits[
            "lamp"
        ]
        assert (plain - erased > 1) == lost


def test_a_film_that_is_not_looked_at_closely_has_scores_and_probes_only(
    lamp: Model, bright: np.ndarray
) -> None:
    measured = measure(AuditedFilm(tb(), bright), [lamp], RANDOM, in_detail=False)
    assert measured.by_model == {}
    assert set(measured.logits) == {"lamp"}
    assert [len(part) for part in measured.probes.values()] == [256, 13, 448, 256]


def test_a_film_without_tb_is_changed_and_not_blanked(lamp: Model, bright: np.ndarray) -> None:
    measures = measure(AuditedFilm(tb(label=0), bright), [lamp], RANDOM, in_detail=True).by_model[
        "lamp"
    ]
    assert measures.blanked is None
    assert measures.energy == {}
    assert measures.hit is None
    assert all(change.overlap is None for change in measures.changed.values())


def test_a_change_of_exposure_moves_what_reads_brightness(lamp: Model, bright: np.ndarray) -> None:
    measures = measure(AuditedFilm(tb(), bright), [lamp], RANDOM, in_detail=True).by_model["lamp"]
    assert measures.changed["darker (gamma 1.25)"].shift < -0.1
    assert measures.changed["lighter (gamma 0.8)"].shift > 0.1
    mirrored = measures.changed["mirrored"]
    assert mirrored.shift == pytest.approx(0, abs=1e-5)
    assert mirrored.overlap == 1
    assert not mirrored.flipped


def test_a_model_in_onnx_gives_no_features(lamp: Model, bright: np.ndarray) -> None:
    measures = measure(AuditedFilm(tb(), bright), [lamp], RANDOM, in_detail=True).by_model["lamp"]
    assert measures.features is None


def test_the_truth_in_the_lung_field_is_counted_in_area(lamp: Model, bright: np.ndarray) -> None:
    nowhere = measure(AuditedFilm(tb(), bright), [lamp], RANDOM, in_detail=False)
    assert nowhere.held == (0, 0)
    corner = measure(AuditedFilm(tb((0, 0, 8, 8)), bright), [lamp], RANDOM, in_detail=False)
    assert corner.held == (0, 32 * 32)


def test_a_threshold_decides_what_is_called_otherwise(lamp: Model, bright: np.ndarray) -> None:
    output = lamp.predict(bright)
    description = lamp.engine.description.model_copy(
        update={"score_threshold": output.score - 0.001}
    )
    engine = type(lamp.engine)(description, "by hand", lamp.engine.ask)
    strict = dataclasses.replace(lamp, engine=engine)
    measures = measure(AuditedFilm(tb(), bright), [strict], RANDOM, in_detail=True).by_model["lamp"]
    assert measures.changed["darker (gamma 1.25)"].flipped
    assert not measures.changed["lighter (gamma 0.8)"].flipped
