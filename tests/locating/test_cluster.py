from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engines import bright_engine
from tbspot.errors import ModelError, TbspotError
from tbspot.locating import Counts, Item, LocateSettings, find_items, locate
from tbspot.locating.run import Answers, Kept, Work
from tbspot.records.predictions import FILE_NAME, read_predictions

distributed = pytest.importorskip("distributed", reason="the extra cluster is not installed")
clusters = pytest.importorskip("clusters")
cluster_module = pytest.importorskip("tbspot.locating.cluster")

pytestmark = pytest.mark.slow
FILMS = 24


@pytest.fixture(scope="module")
def cluster() -> Iterator[clusters.Running]:
    with clusters.running() as cluster:
        yield cluster


@pytest.fixture
def films(drawn: Path, tmp_path: Path) -> Path:
    """Films of which one is broken, called by a relative path as users do."""
    folder = tmp_path / "films"
    folder.mkdir()
    for number in range(FILMS):
        path = drawn / "imgs" / "tb" / f"tb{number % 16 + 1:04}.png"
        shutil.copy(path, folder / f"{number:02}.png")
    (folder / "05.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    return folder


def _settings(films: Path, **changes: object) -> LocateSettings:
    changed = {"gate": False, **changes}
    return LocateSettings((str(films),), "", "bright v1", "fake", "cam", **changed)  # type: ignore[arg-type]


def _locate(films: Path, out: Path, answers: Answers | None = None) -> Counts:
    return locate(find_items([films], out), bright_engine(), _settings(films), out, answers=answers)


def _through(address: str, films: Path, out: Path, *, then: object = None) -> Counts:
    """Located by a cluster's workers; `then` is done after the third film."""
    opening = clusters.Bright(settings=_settings(films))
    with cluster_module.answers_of(address, opening) as answers:

        def watched(items: Iterable[Item], work: Work) -> Iterator[Kept]:
            for number, kept in enumerate(answers(items, work)):
                if number == 2 and callable(then):
                    then()
                yield kept

        return _locate(films, out, watched)


def _content(out: Path) -> dict[str, bytes]:
    """Every file but run.json and stamps, of which the first says when it was made."""
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name != "run.json"
    }


def _pids(address: str) -> dict[str, int]:
    with distributed.Client(address, set_as_default=False) as client:
        return dict(client.run(os.getpid))


def test_answers_of_workers_are_those_of_one_machine_to_the_byte(
    cluster: clusters.Running, films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    whole, found = Path("whole"), Path("found")
    assert _locate(Path("films"), whole) == Counts(FILMS - 1, 0, 1)
    assert _through(cluster.address, Path("films"), found) == Counts(FILMS - 1, 0, 1)
    assert _content(found) == _content(whole)
    assert (found / "run.json").read_bytes() == (whole / "run.json").read_bytes()
    assert films.is_dir()


def test_a_worker_killed_in_the_middle_loses_and_doubles_nothing(
    cluster: clusters.Running, films: Path, tmp_path: Path
) -> None:
    whole, found = tmp_path / "whole", tmp_path / "found"
    _locate(films, whole)

    def kill() -> None:
        os.kill(next(iter(_pids(cluster.address).values())), signal.SIGKILL)

    assert _through(cluster.address, films, found, then=kill) == Counts(FILMS - 1, 0, 1)
    assert _content(found) == _content(whole)


def test_a_film_that_ends_its_worker_three_times_is_failed_and_the_run_goes_on(
    cluster: clusters.Running, films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "TASK_SECONDS", 1e9)  # in a task of several films
    Image.fromarray(np.zeros((128, 128), np.uint8)).save(films / "09.png")
    found = tmp_path / "found"
    assert _through(cluster.address, films, found) == Counts(FILMS - 2, 0, 2)
    lines = {one.image: one for one in read_predictions(found)}
    reason = lines["09.png"].reason
    assert reason is not None
    assert "09.png ended the process of a worker 3 times, each time with no other film" in reason
    assert list(lines) == [f"{number:02}.png" for number in range(FILMS)]


def test_a_scheduler_that_goes_away_is_one_sentence_and_the_same_command_goes_on(
    films: Path, tmp_path: Path, cluster: clusters.Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "CONNECT_SECONDS", 2)
    whole, found = tmp_path / "whole", tmp_path / "found"
    _locate(films, whole)
    with (
        clusters.running(1) as lost,
        pytest.raises(TbspotError, match=f"scheduler at {lost.address} is gone; what was finished"),
    ):
        _through(lost.address, films, found, then=lost.end)
    assert 0 < len((found / FILE_NAME).read_bytes().splitlines()) < FILMS
    _through(cluster.address, films, found)
    assert _content(found) == _content(whole)


def test_a_worker_of_another_release_or_model_is_one_sentence(
    cluster: clusters.Running, films: Path, tmp_path: Path
) -> None:
    opening = replace(clusters.Bright(settings=_settings(films)), identity="tbspot 9 with other")
    with (
        cluster_module.answers_of(cluster.address, opening) as answers,
        pytest.raises(ModelError, match=r"would run tbspot .* bright v1 .* of tbspot 9 with other"),
    ):
        _locate(films, tmp_path / "found", answers)


def test_films_that_take_little_time_go_to_workers_by_several(
    cluster: clusters.Running, films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    ask = cluster_module._Cluster._ask

    def counted(self: object, items: tuple[Item, ...]) -> object:
        sizes.append(len(items))
        return ask(self, items)

    monkeypatch.setattr(cluster_module._Cluster, "_ask", counted)
    for seconds, most in ((1e9, cluster_module.MOST_FILMS), (0, 1)):
        sizes.clear()
        monkeypatch.setattr(cluster_module, "TASK_SECONDS", seconds)
        _through(cluster.address, films, tmp_path / str(most))
        assert (sizes[0], max(sizes), sum(sizes)) == (1, most, FILMS)


def test_what_nobody_foresaw_of_a_film_ends_the_run_and_films_before_it_are_kept(
    cluster: clusters.Running, films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "TASK_SECONDS", 1e9)
    Image.fromarray(np.full((128, 128), 255, np.uint8)).save(films / "20.png")
    found = tmp_path / "found"
    with pytest.raises(RuntimeError, match="nobody foresaw it"):
        _through(cluster.address, films, found)
    assert [one.image for one in read_predictions(found)] == [f"{one:02}.png" for one in range(20)]


@pytest.mark.parametrize(("seconds", "films_a_task"), [(0, 1), (1e9, 2)])
def test_no_more_films_are_in_hand_than_workers_need(
    cluster: clusters.Running,
    films: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    films_a_task: int,
) -> None:
    monkeypatch.setattr(cluster_module, "TASK_SECONDS", seconds)
    monkeypatch.setattr(cluster_module, "MOST_FILMS", films_a_task)
    opening = clusters.Bright(settings=_settings(films))
    taken: list[str] = []

    def counted() -> Iterator[Item]:
        for item in find_items([films], None):
            taken.append(item.name)
            yield item

    work = Work(pytest.importorskip("tbspot").Model(bright_engine()), _settings(films))
    with cluster_module.answers_of(cluster.address, opening) as answers:
        for given, _ in enumerate(answers(counted(), work)):
            assert len(taken) - given <= cluster_module.AT_LEAST * films_a_task
    assert len(taken) == FILMS
    assert tmp_path.is_dir()


def test_an_address_where_no_scheduler_answers_is_one_sentence(
    films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "CONNECT_SECONDS", 1)
    opening = clusters.Bright(settings=_settings(films))
    for address in ("tcp://127.0.0.1:9", "nothing://here", "no address"):
        with (
            pytest.raises(TbspotError, match="no scheduler of Dask answers at"),
            cluster_module.answers_of(address, opening),
        ):
            pass
