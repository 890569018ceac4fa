"""Broken copies of run folders, model files and tables: an answer or one sentence, no traceback.

`TBSPOT_ATTACK=50 pytest tests/attacks/test_mutated_records.py` tries 5,000 in the place of 100.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from mutations import TIMES, broken, broken_json, broken_table
from pages import write_model, write_run
from tbspot.calibration.scored import read_scores
from tbspot.engine.engine import open_engine
from tbspot.errors import TbspotError
from tbspot.evaluation import EvaluationSettings as Judging
from tbspot.evaluation import evaluate_files
from tbspot.records.evaluation import write_evaluation
from tbspot.report import write_report
from tbspot.samples.loading import load
from tbspot.viewer.app import create_app
from tbspot.viewer.runs import Run
from tbspot.viewer.site import Site

pytestmark = pytest.mark.attack

RUNS, MODELS, TABLES = 40, 30, 30
Mutate = Callable[[bytes, np.random.Generator], bytes]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, drawn: Path) -> Path:
    """A run of drawn films that was judged."""
    base = tmp_path_factory.mktemp("mutated")
    films, out = base / "films", base / "run"
    for sample in load([str(drawn)]).samples:
        if sample.split == "val":
            (films / sample.name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(sample.path, films / sample.name)
    write_run(out, write_model(base / "model.onnx", "m", 1), films)
    judging = Judging(predictions=out, out=out, data=(str(drawn),), split="val", resamples=100)
    write_evaluation(out, evaluate_files(judging))
    return out


def _outcomes(
    count: int, seed: int, attempt: Callable[[np.random.Generator], None]
) -> tuple[int, int]:
    """How many attempts ended well and how many in one sentence; anything else is raised."""
    random, well = np.random.default_rng(seed), 0
    sentences: list[str] = []
    for _ in range(count):
        try:
            attempt(random)
        except TbspotError as error:
            sentences.append(str(error))
        else:
            well += 1
    print(f"{count} mutated: {well} answered, {len(sentences)} refused")  # noqa: T201
    assert not [text for text in sentences if "\n" in text or len(text) > 20_000]
    return well, len(sentences)


def _ask(app: Any, path: str) -> int:
    """The status of an answer of the page."""
    status = []

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            status.append(message["status"])

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(),
             "query_string": b"", "root_path": "", "headers": [(b"host", b"here")],
             "scheme": "http", "http_version": "1.1", "server": ("here", 80),
             "client": ("here", 1)}  # fmt: skip
    asyncio.run(app(scope, receive, send))
    return int(status[0])


def _look(folder: Path) -> None:
    """What `view` does of a run: every page of three films."""
    site = Site(Run(folder), None, None, "", None)
    app = create_app(site, {"here"}, None)
    try:
        paths = ["/"]
        for number in range(3):
            film = f"/film/{number}"
            paths += [film, f"{film}/overlay.png", f"{film}/boxes", f"{film}/report.html",
                      f"{film}/result.json", f"{film}/heatmap.png"]  # fmt: skip
        for path in paths:
            assert _ask(app, path) < 500, path
    finally:
        site.close()


@pytest.mark.slow
def test_every_mutated_run_folder_is_shown_or_refused(
    run: Path, drawn: Path, tmp_path: Path
) -> None:
    lines = (run / "predictions.jsonl").read_bytes().splitlines()
    whole = {name: (run / name).read_bytes() for name in ("evaluation.json", "run.json")}
    maps = sorted(run.glob("heatmaps/*.npy"))
    folder = tmp_path / "run"
    shutil.copytree(run, folder)

    def attempt(random: np.random.Generator) -> None:
        for name, content in whole.items():
            (folder / name).write_bytes(content)
        kept = list(lines)
        match random.integers(0, 4):
            case 0 | 1:
                at = int(random.integers(0, len(kept)))
                kept[at] = broken_json(kept[at], random)
            case 2:
                name = sorted(whole)[int(random.integers(0, 2))]
                (folder / name).write_bytes(broken_json(whole[name], random))
            case _:
                path = maps[int(random.integers(0, len(maps)))]
                (folder / "heatmaps" / path.name).write_bytes(broken(path.read_bytes(), random))
        (folder / "predictions.jsonl").write_bytes(b"\n".join(kept) + b"\n")
        _look(folder)
        if random.random() < 0.8:  # what follows takes ten times as long
            return
        write_report(folder, tmp_path / "report.html", (str(drawn),))
        evaluate_files(
            Judging(predictions=folder, out=folder, data=(str(drawn),), split="val", resamples=100)
        )

    _, told = _outcomes(RUNS * TIMES, 1, attempt)
    assert told > 0


@pytest.mark.slow
def test_every_mutated_model_file_answers_or_is_refused(tmp_path: Path) -> None:
    path = write_model(tmp_path / "model.onnx", "m", 1)
    whole = path.read_bytes()
    films = np.zeros((1, 64, 64), np.float32)

    def attempt(random: np.random.Generator) -> None:
        if random.random() < 0.5:
            path.write_bytes(broken(whole, random))
        else:
            model = onnx.load_from_string(whole)
            (entry,) = model.metadata_props
            entry.value = broken_json(entry.value.encode(), random).decode("utf-8", "replace")
            onnx.save(model, path)
        logits, maps = open_engine(path, threads=1)(films)
        assert logits.shape == (1,)
        assert maps.ndim == 3

    _, told = _outcomes(MODELS * TIMES, 2, attempt)
    assert told > 0


TABLES_OF: tuple[tuple[str, str, Callable[[Path], Any]], ...] = (
    ("labels.csv", "path,label,patient,split,boxes\na.png,1,p,train,\nb.png,0,q,val,[]\n",
     lambda path: load([str(path)])),
    ("scores.csv", "id,score,reference,site\n" + "".join(
        f"f{number},0.{number:02},{number % 2},s\n" for number in range(60)), read_scores),
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("name", "text", "read"), TABLES_OF, ids=["labels", "scores"])
def test_every_mutated_table_is_read_or_refused(
    tmp_path: Path, film_path: Path, name: str, text: str, read: Callable[[Path], Any]
) -> None:
    for film in ("a.png", "b.png"):
        shutil.copy(film_path, tmp_path / film)

    def attempt(random: np.random.Generator) -> None:
        (tmp_path / name).write_bytes(broken_table(text.encode(), random))
        read(tmp_path / name)

    well, told = _outcomes(TABLES * TIMES // 2, 3, attempt)
    assert told > 0
    assert well > 0


def test_a_mutation_is_valid_json_most_of_the_time() -> None:
    random = np.random.default_rng(0)
    content = json.dumps({"a": [1, {"b": "c"}], "d": None}).encode()
    valid = 0
    for _ in range(50):
        try:
            json.loads(broken_json(content, random))
        except ValueError:
            continue
        valid += 1
    assert valid > 30
