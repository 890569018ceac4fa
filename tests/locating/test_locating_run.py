from __future__ import annotations

import csv
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

from engines import bright, bright_engine
from tbspot.engine.engine import Answer
from tbspot.errors import ModelError, TbspotError
from tbspot.interruption import Interrupted
from tbspot.locating import Counts, Item, LocateSettings, films_at_once, find_items, locate
from tbspot.locating.run import Kept, Work, here
from tbspot.locating.stream import AHEAD
from tbspot.maps.evidence import Ask
from tbspot.records.predictions import FILE_NAME, read_heatmap, read_predictions

# As this file's `_locate`, but dies in the third film, when the two before it are kept.
KILLED = """
import os, signal, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from engines import bright, bright_engine
from tbspot.engine.engine import Engine
from tbspot.locating import LocateSettings, find_items, locate

asked = []
def ask(films):
    asked.append(1)
    while len(asked) == 3:
        if (out / "predictions.jsonl").read_bytes().count(b"\\n") == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.01)
    return bright(films)

folder, out = Path(sys.argv[1]), Path(sys.argv[2])
settings = LocateSettings((str(folder),), "", "bright v1", "fake", "cam", gate=False)
locate(find_items([folder], out), Engine(bright_engine().description, "fake", ask), settings, out)
"""


def _settings(folder: Path, **changes: object) -> LocateSettings:
    values = {"gate": False, **changes}
    return LocateSettings((str(folder),), "", "bright v1", "fake", "cam", **values)  # type: ignore[arg-type]


def _locate(
    folder: Path, out: Path, ask: Ask = bright, at_once: int = 1, **changes: object
) -> Counts:
    engine = replace(bright_engine(), ask=ask, at_once=at_once)
    return locate(find_items([folder], out), engine, _settings(folder, **changes), out)


@pytest.fixture
def films(drawn: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    folder.mkdir()
    for number in range(1, 6):
        source = drawn / "imgs" / "tb" / f"tb{number:04}.png"
        (folder / f"{number}.png").write_bytes(source.read_bytes())
    return folder


def test_every_film_gets_a_line_a_heat_map_and_an_overlay(films: Path, tmp_path: Path) -> None:
    out = tmp_path / "found"
    assert _locate(films, out) == Counts(ok=5, refused=0, failed=0)
    predictions = list(read_predictions(out))
    assert [one.image for one in predictions] == [f"{number}.png" for number in range(1, 6)]
    assert all(read_heatmap(out, one).shape == (8, 8) for one in predictions)
    assert len(list((out / "overlays").glob("*.jpg"))) == 5
    with (out / "predictions.csv").open(newline="") as table:
        assert [row["image"] for row in csv.DictReader(table)] == [one.image for one in predictions]


def test_after_kill_9_the_same_command_goes_on_without_loss_or_repetition(
    films: Path, tmp_path: Path
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    _locate(films, whole)
    tests = Path(__file__).parents[1]
    command = [sys.executable, "-c", KILLED, str(films), str(killed), str(tests)]
    status = subprocess.run(command, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert status.returncode == -signal.SIGKILL
    assert len(list(read_predictions(killed))) == 2
    with (killed / FILE_NAME).open("ab") as lines:
        lines.write(b'{"image": "3.png", "sta')
    _locate(films, killed)
    assert (killed / FILE_NAME).read_bytes() == (whole / FILE_NAME).read_bytes()


@pytest.mark.parametrize("reason", [Interrupted(signal.SIGINT), KeyboardInterrupt(), ModelError()])
def test_what_others_answered_before_an_interruption_is_kept(
    films: Path, tmp_path: Path, reason: BaseException
) -> None:
    def answers(items: Iterable[Item], work: Work) -> Iterator[Kept]:
        yield from itertools.islice(here(items, work), 3)
        raise reason

    out, settings = tmp_path / "found", _settings(films)
    with pytest.raises(type(reason)):
        locate(find_items([films], out), bright_engine(), settings, out, answers=answers)
    assert [one.image for one in read_predictions(out)] == ["1.png", "2.png", "3.png"]


def test_a_broken_film_is_one_failed_line_with_a_reason_and_the_run_goes_on(
    films: Path, tmp_path: Path
) -> None:
    (films / "3.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    assert _locate(films, tmp_path / "found") == Counts(ok=4, refused=0, failed=1)
    line = list(read_predictions(tmp_path / "found"))[2]
    assert (line.image, line.status, line.score) == ("3.png", "failed", None)
    assert line.reason is not None
    assert "3.png" in line.reason


def test_a_film_that_is_not_to_be_judged_is_a_refused_line(films: Path, tmp_path: Path) -> None:
    assert _locate(films, tmp_path / "found", gate=True) == Counts(ok=0, refused=5, failed=0)
    line = next(read_predictions(tmp_path / "found"))
    assert line.status == "refused"
    assert line.reason == "128 x 128 pixels are too few; 200 a side are needed"


def test_without_overlays_none_is_made(films: Path, tmp_path: Path) -> None:
    _locate(films, tmp_path / "found", overlays=False)
    assert not (tmp_path / "found" / "overlays").exists()


def test_new_films_are_added_and_the_others_are_not_asked_again(
    films: Path, tmp_path: Path
) -> None:
    out = tmp_path / "found"
    _locate(films, out)
    (films / "6.png").write_bytes((films / "1.png").read_bytes())
    asked: list[int] = []

    def ask(batch: np.ndarray) -> Answer:
        asked.append(len(batch))
        return np.zeros(len(batch), np.float32), np.zeros((len(batch), 2, 2), np.float32)

    assert _locate(films, out, ask).ok == 6
    assert asked == [1]


def test_films_answered_at_the_same_time_are_kept_in_their_order(
    films: Path, tmp_path: Path
) -> None:
    _locate(films, tmp_path / "whole")
    together = Barrier(2, timeout=60)
    asked: list[int] = []

    def ask(batch: np.ndarray) -> Answer:
        asked.append(len(batch))
        if len(asked) <= 4:
            together.wait()  # of five films: twice two at a time, or none gets an answer
        return bright(batch)

    _locate(films, tmp_path / "found", ask, at_once=2)
    found, whole = (tmp_path / name / FILE_NAME for name in ("found", "whole"))
    assert found.read_bytes() == whole.read_bytes()


def test_no_more_films_are_read_than_are_needed_soon(films: Path, tmp_path: Path) -> None:
    out, kept_before = tmp_path / "found", []

    def ask(batch: np.ndarray) -> Answer:
        kept_before.append(len((out / FILE_NAME).read_bytes().splitlines()))
        return bright(batch)

    for number in range(6, 31):
        (films / f"{number}.png").write_bytes((films / "1.png").read_bytes())
    _locate(films, out, ask, at_once=2)
    in_hand = [asked - kept for asked, kept in enumerate(kept_before, 1)]
    assert max(in_hand) <= AHEAD + 1


def test_a_fault_of_the_net_ends_the_run_and_keeps_the_films_before(
    films: Path, tmp_path: Path
) -> None:
    asked: list[int] = []

    def ask(batch: np.ndarray) -> Answer:
        asked.append(len(batch))
        if len(asked) == 3:
            raise ZeroDivisionError
        return bright(batch)

    out = tmp_path / "found"
    with pytest.raises(ZeroDivisionError):
        _locate(films, out, ask)
    assert [one.image for one in read_predictions(out)] == ["1.png", "2.png"]
    assert _locate(films, out).ok == 5


def test_a_model_that_cannot_be_run_ends_the_run_and_no_film_is_called_unreadable(
    films: Path, tmp_path: Path
) -> None:
    def ask(_: np.ndarray) -> Answer:
        raise ModelError("not on this processor")

    with pytest.raises(ModelError):
        _locate(films, tmp_path / "found", ask)
    assert list(read_predictions(tmp_path / "found")) == []


def test_a_single_film_gets_every_core_and_many_share_them() -> None:
    assert films_at_once(1) == films_at_once(0) == 1
    assert 1 <= films_at_once(2) <= 2
    assert 1 <= films_at_once(10_000) <= 4


def test_a_folder_of_another_run_is_refused_and_stays(films: Path, tmp_path: Path) -> None:
    out = tmp_path / "found"
    _locate(films, out)
    before = (out / FILE_NAME).read_bytes()
    with pytest.raises(TbspotError, match="holds another run"):
        _locate(films, out, mirror=True)
    assert (out / FILE_NAME).read_bytes() == before


def test_a_net_of_a_fault_stops_no_later_than_its_film(films: Path, tmp_path: Path) -> None:
    def ask(batch: np.ndarray) -> Answer:
        return np.full(len(batch), np.nan, np.float32), np.zeros((len(batch), 2, 2), np.float32)

    counts = _locate(films, tmp_path / "found", ask)
    assert counts == Counts(ok=0, refused=0, failed=5)


def test_the_map_threshold_of_the_model_is_not_used_for_maps_of_another_method(
    films: Path, tmp_path: Path
) -> None:
    from tbspot.description import Description
    from tbspot.engine.engine import engine_of
    from tbspot.nets.classifier import Classifier

    description = Description(name="m", size=32, map_rule="tuned", map_threshold=0.4)
    engine = engine_of(Classifier(description), description)
    out = tmp_path / "found"
    locate(find_items([films], out), engine, _settings(films, scales=(2.0,)), out)
    assert next(read_predictions(out)).map_rule == "tuned"
    other = LocateSettings((str(films),), "", "m", "torch", "grad_cam", gate=False)
    locate(find_items([films], out), engine, other, tmp_path / "other")
    assert next(read_predictions(tmp_path / "other")).map_rule == "otsu"
