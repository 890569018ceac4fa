"""A run of drawn films, judged, and the page that shows it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pages import Page, Places, serving, write_model, write_run
from tbspot.evaluation import EvaluationSettings, evaluate_files
from tbspot.locating.folder import Keeper
from tbspot.records.evaluation import write_evaluation
from tbspot.records.predictions import Prediction
from tbspot.samples.loading import in_split, load


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory, drawn: Path) -> Places:
    """Films of split val, an empty file and a refused film, located by two models and judged."""
    base = tmp_path_factory.mktemp("viewer")
    films, run, other = base / "films", base / "student", base / "teacher"
    for sample in in_split(load([str(drawn)]).samples, "val"):
        (films / sample.name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(sample.path, films / sample.name)
    (films / "broken.png").touch()
    model = write_model(base / "student.onnx", "student", 1)
    write_run(run, model, films)
    write_run(other, write_model(base / "teacher.onnx", "teacher", 2), films)
    with Keeper(run) as keeper:
        keeper.keep(
            Prediction(
                image="side <b>view</b>.png",
                status="refused",
                reason="tagged as a lateral view",
                model="student",
                version="student-1",
            )
        )
    judging = EvaluationSettings(
        predictions=run, out=run, data=(str(drawn),), split="val", resamples=100
    )
    write_evaluation(run, evaluate_files(judging))
    return Places(model, run, other, films)


@pytest.fixture(scope="session")
def page(places: Places) -> Iterator[Page]:
    """The run, with its films, the other model's run and a model for dropped films."""
    with serving(
        places.run, "--beside", places.other_run, "--model", places.model, "--no-gate"
    ) as served:
        yield served
