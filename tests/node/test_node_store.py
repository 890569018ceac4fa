"""The node's folder and the folder that it watches, step by step."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import threading
import time
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import CTImageStorage

from tbspot.choices import Taking
from tbspot.errors import TbspotError
from tbspot.node.clock import ClockWatch
from tbspot.node.delivery import Delivery
from tbspot.node.folders import HeldFolder
from tbspot.node.identities import Identities
from tbspot.node.ledger import Ledger, NewResult
from tbspot.node.objects import Sent, UnfitError, hash_of, read_sent
from tbspot.node.retention import Retention
from tbspot.node.service import Node
from tbspot.node.settings import Pauses
from tbspot.node.store import Store
from tbspot.node.watch import Watch
from tbspot.node.worker import Worker
from units import send, study_film, wait_for

Start = Callable[..., Node]
MOST = 1 << 20


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "node")


def _watch(store: Store, folder: Path, told: Any) -> Watch:
    folder.mkdir(exist_ok=True)
    return Watch(folder, store, told, lambda: None, MOST)


def test_a_film_is_kept_as_it_came_and_read_back_the_same(store: Store, tmp_path: Path) -> None:
    sent = read_sent(study_film(tmp_path), MOST)
    assert store.take(sent, "UNIT") == "new"
    (film,) = store.ledger.films(9)
    kept = read_sent(store.path_of(film), MOST)
    assert (kept.instance, kept.kind, kept.syntax) == (sent.instance, sent.kind, sent.syntax)
    assert bytes(kept.data) == bytes(sent.data)
    assert kept.digest == film.digest
    assert dcmread(store.path_of(film)).AccessionNumber == "ACC-1"


def test_films_without_a_line_are_queued_at_the_next_start(store: Store, tmp_path: Path) -> None:
    store.take(read_sent(study_film(tmp_path), MOST), "UNIT")
    (film,) = store.ledger.films(9)
    store.close()
    # As after a kill before the line was written, or a queue from an older back-up.
    for file in (tmp_path / "node").glob("queue*"):
        file.unlink()
    double = tmp_path / "node" / "films" / "double.dcm"
    double.write_bytes((tmp_path / "node" / "films" / film.file).read_bytes())
    (tmp_path / "node" / "films" / ".x.dcm.tbspot-0123abcd.part").write_bytes(b"half a film")
    (tmp_path / "node" / "results" / "gone-sc.dcm").write_bytes(b"of a film that is gone")
    again = Store(tmp_path / "node")
    assert again.ledger.counts()["received"] == 1
    assert len(list((tmp_path / "node" / "films").iterdir())) == 1
    assert not list((tmp_path / "node" / "results").iterdir())


def _without_queue(store: Store) -> None:
    store.close()
    for file in store.folder.glob("queue*"):
        file.unlink()


def test_films_of_a_node_that_took_larger_ones_are_queued_too(store: Store, tmp_path: Path) -> None:
    sent = read_sent(study_film(tmp_path), MOST)
    store.take(sent, "UNIT")
    _without_queue(store)
    again = Store(tmp_path / "node", film_bytes=1000)
    assert again.ledger.counts()["received"] == 1
    # What is here is known, and others are not taken.
    assert again.take(sent, "UNIT") == "known"
    with pytest.raises(UnfitError, match="more than 1,000 bytes"):
        again.take(read_sent(study_film(tmp_path, 2), MOST), "UNIT")


def test_a_film_of_which_nothing_can_be_read_any_more_is_set_aside_and_told(
    store: Store, tmp_path: Path
) -> None:
    store.take(read_sent(study_film(tmp_path), MOST), "UNIT")
    (film,) = store.ledger.films(9)
    path = store.path_of(film)
    _without_queue(store)
    path.write_bytes(b"\0" * 300)
    (path.parent / "folder.dcm").mkdir()
    for _ in range(2):
        with closing(Store(tmp_path / "node")) as again:
            (line,) = again.ledger.films(9)
            assert (line.state, line.file) == ("aside", path.name)
            assert "cannot be read" in (line.reason or "")
            assert path.exists()


@pytest.mark.parametrize(
    ("uid", "said"),
    [("", "does not name its instance"),
     ("1.2.826.0.01.5.7", r"an illegal SOP Instance UID \(a part with a 0 in front\)"),
     ("1..2", "an illegal SOP Instance UID"), ("1." + "2" * 64, "an illegal SOP Instance UID"),
     ("PLANTED", "an illegal SOP Instance UID")],
)  # fmt: skip
def test_a_film_that_could_not_be_taken_over_again_is_not_taken(
    store: Store, tmp_path: Path, uid: str, said: str
) -> None:
    sent = replace(read_sent(study_film(tmp_path), MOST), instance=uid)
    with pytest.raises(UnfitError, match=said):
        store.take(sent, "UNIT")
    with pytest.raises(UnfitError, match="CR, DX"):
        store.take(replace(sent, kind=CTImageStorage), "UNIT")
    assert not list((tmp_path / "node" / "films").iterdir())


@pytest.mark.usefixtures("small_disk")
def test_a_disk_without_room_for_a_result_is_one_line(store: Store, tmp_path: Path) -> None:
    store.take(read_sent(study_film(tmp_path), MOST), "UNIT")
    large = dcmread(study_film(tmp_path, 9))
    large.PixelData = b"\0" * (1 << 22)
    with pytest.raises(TbspotError, match=r"cannot write .*; free space") as caught:
        store.keep(store.ledger.films(9)[0], "{}", {"sc": large})
    assert "\n" not in str(caught.value)
    assert "Traceback" not in str(caught.value)


def _full(*_: object) -> None:
    raise TbspotError("the disk is full")


def test_a_try_that_a_full_disk_cannot_even_uncount_is_no_fault_of_the_film(
    store: Store, tmp_path: Path, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.take(read_sent(study_film(tmp_path), MOST), "UNIT")
    model: Any = SimpleNamespace(
        locate=lambda *_, **__: SimpleNamespace(status="failed", reason="torn")
    )
    worker = Worker(store, model, ("sc",), told, lambda: None)
    with monkeypatch.context() as patched:
        for step in ("put_off", "take_back"):
            patched.setattr(store.ledger, step, _full)
        for _ in range(4):
            with pytest.raises(TbspotError, match="the disk is full"):
                worker.work()
    worker.work()
    (film,) = store.ledger.films(9)
    assert (film.state, film.attempts, film.reason) == ("received", 1, "torn")
    assert told.events() == ["film put off"]


def test_a_film_whose_line_has_no_room_takes_none_of_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = read_sent(study_film(tmp_path), MOST)
    with monkeypatch.context() as patched:
        patched.setattr(store.ledger, "add", _full)
        for _ in range(2):
            with pytest.raises(TbspotError, match="the disk is full"):
                store.take(sent, "UNIT")
    assert not list(store.folder.glob("films/*"))
    assert store.take(sent, "UNIT") == "new"


def _gone(store: Store, _: pytest.MonkeyPatch) -> str:
    store.folder.rename(store.folder.with_name("away"))
    return "No such file or directory"


def _replaced(store: Store, patched: pytest.MonkeyPatch) -> str:
    _gone(store, patched)
    shutil.copytree(store.folder.with_name("away"), store.folder)
    for path in store.folder.glob("*/*.dcm"):
        path.unlink()
    return "has another queue than when"


def _crowded(_: Store, patched: pytest.MonkeyPatch) -> str:
    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    patched.setattr(os, "scandir", refuse)
    return r"Too many open files\); allow more"


@pytest.mark.parametrize("trouble", [_gone, _replaced, _crowded])
def test_while_the_folder_is_away_no_film_and_no_result_is_given_up(
    store: Store, tmp_path: Path, told: Any, trouble: Callable[..., str]
) -> None:
    sent = read_sent(study_film(tmp_path), MOST)
    store.take(sent, "UNIT")
    store.take(read_sent(study_film(tmp_path, 2), MOST), "UNIT")
    results = [NewResult("sr", "1-sr.dcm", "1")]
    store.ledger.locate(2, "{}", results, None, 5.0)
    films = [replace(film, due=5.0) for film in store.ledger.films(9)]
    before = films, store.ledger.waiting_results()
    model: Any = SimpleNamespace(
        locate=lambda *_, **__: SimpleNamespace(status="failed", reason="it does not exist")
    )
    worker = Worker(store, model, ("sc",), told, lambda: None)
    delivery = Delivery(store, "ARCHIVE@127.0.0.1:1", "TBSPOT", told)
    retention = Retention(store, -1, undelivered=True, tell=told)
    with pytest.MonkeyPatch.context() as patched:
        why = trouble(store, patched)
        for step in (worker.work, delivery.work, retention.work, lambda: store.take(sent, "UNIT")):
            for _ in range(4):
                with pytest.raises(TbspotError, match=why):
                    step()
    films = [
        replace(film, due=before[0][place].due) for place, film in enumerate(store.ledger.films(9))
    ]
    assert (films, store.ledger.waiting_results()) == before
    assert not told.events()


def test_a_film_that_came_anew_since_its_try_has_none_to_uncount(
    store: Store, tmp_path: Path
) -> None:
    store.take(read_sent(study_film(tmp_path), MOST), "UNIT")
    (film,) = store.ledger.films(9)
    store.ledger.take_back(film.id, film.received)
    assert store.ledger.films(9)[0].attempts == 0


def test_elements_without_number_in_a_watched_folder_are_not_kept_in_memory(
    store: Store, tmp_path: Path, told: Any
) -> None:
    watch = _watch(store, tmp_path / "in", told)
    film = study_film(tmp_path).read_bytes()
    place = film.index(b"\x10\x00\x10\x00PN")
    empty = b"\x09\x00\x10\x00LO\x00\x00" * 600_000
    (tmp_path / "in" / "film.dcm").write_bytes(film[:place] + empty + film[place:])
    watch.film_bytes = 1 << 24
    tracemalloc.start()
    try:
        watch.work()
        watch.work()
        # The file, what is read of it, and its copy to be walked: three times 5 MB.
        assert tracemalloc.get_traced_memory()[1] < 25 << 20
    finally:
        tracemalloc.stop()
    assert not store.ledger.films(9)


def test_a_film_that_was_set_aside_is_tried_anew_when_it_is_sent_again(
    store: Store, tmp_path: Path
) -> None:
    sent = read_sent(study_film(tmp_path), MOST)
    store.take(sent, "UNIT")
    store.ledger.set_aside(1, "why", None, 5.0)
    assert store.take(sent, "UNIT") == "again"
    film = store.ledger.film(1)
    assert film is not None
    assert (film.state, film.attempts) == ("received", 0)


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"half")])
def test_a_film_that_the_disk_has_lost_is_kept_when_it_is_sent_again(
    store: Store, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    sent = read_sent(study_film(tmp_path), MOST)
    store.take(sent, "UNIT")
    damage(store.path_of(store.ledger.films(9)[0]))
    store.ledger.set_aside(1, "it cannot be read", None, 5.0)
    assert store.take(sent, "UNIT") == "again"
    (film,) = store.ledger.films(9)
    assert read_sent(store.path_of(film), MOST).digest == sent.digest
    assert [path.name for path in store.folder.glob("films/*.*")] == [film.file]
    # From now on it is the one that is here.
    assert store.take(sent, "UNIT") == "known"


def test_a_film_that_cannot_be_read_for_its_results_is_tried_again(
    store: Store, tmp_path: Path, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was short for a moment does not leave it without results for good."""

    def refuse(*_: object) -> None:
        raise TbspotError("film cannot be opened") from OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("tbspot.node.worker.results_of", refuse)
    store.take(read_sent(study_film(tmp_path), MOST), "UNIT")
    finding = SimpleNamespace(status="ok", prediction=None, evidence=None)
    model: Any = SimpleNamespace(locate=lambda *_, **__: finding)
    Worker(store, model, ("sr",), told, lambda: None).work()
    (film,) = store.ledger.films(9)
    assert (film.state, film.attempts) == ("received", 1)
    assert "cannot be read (Too many open files)" in str(film.reason)
    assert told.events() == ["film put off"]


def test_a_line_whose_file_is_gone_acknowledges_no_film(store: Store, tmp_path: Path) -> None:
    sent = read_sent(study_film(tmp_path), MOST)
    store.take(sent, "UNIT")
    store.path_of(store.ledger.films(9)[0]).unlink()
    other = replace(sent, data=bytes(sent.data) + b"more")
    assert store.take(other, "UNIT") == "other"
    assert store.take(sent, "UNIT") == "again"
    (film,) = store.ledger.films(9)
    assert (film.state, store.path_of(film).exists()) == ("received", True)
    assert store.take(sent, "UNIT") == "known"


def test_nothing_of_a_film_is_left_whose_results_were_made_anew_of_fewer_kinds(
    store: Store, tmp_path: Path
) -> None:
    store.take(read_sent(study_film(tmp_path), MOST), "UNIT")
    made = dcmread(study_film(tmp_path, 9))
    store.keep(store.ledger.films(9)[0], "{}", {"sc": made, "seg": made, "sr": made})
    assert store.make_anew(1)
    store.keep(store.ledger.films(9)[0], "{}", {"sr": made})
    assert store.forget(store.ledger.films(9)[0])
    assert not list(store.folder.glob("*/*"))


def test_a_film_that_was_set_aside_and_mended_replaces_what_it_was(
    store: Store, tmp_path: Path
) -> None:
    first, mended = (
        read_sent(study_film(tmp_path / name, PatientName=name), MOST) for name in ("a", "b")
    )
    store.take(first, "UNIT")
    assert store.take(mended, "UNIT") == "other"
    old = store.ledger.films(9)[0]
    (store.folder / "maps" / f"{Path(old.file).stem}.npy").write_bytes(b"of what it was")
    store.ledger.set_aside(1, "why", "{}", 5.0)
    store.clock = lambda: 1e9
    assert store.take(mended, "OTHER") == "again"
    (film,) = store.ledger.films(9)
    assert (film.state, film.source, film.received) == ("received", "OTHER", 1e9)
    assert film.reason is film.prediction is None
    assert read_sent(store.path_of(film), MOST).digest == film.digest == mended.digest
    assert [path.name for path in store.folder.glob("*/*.*")] == [film.file]
    # What it was is another film now.
    assert store.take(first, "UNIT") == "other"


def test_a_film_that_was_replaced_leaves_no_name(store: Store, tmp_path: Path, told: Any) -> None:
    first, mended = (study_film(tmp_path / name, PatientName=name) for name in ("ALICE", "BOB"))
    store.take(read_sent(first, MOST), "UNIT")
    old = store.ledger.films(9)[0]
    with closing(Identities(store.folder)) as identities:
        identities.keep(store.path_of(old))
        store.ledger.set_aside(1, "why", None, time.time())
        store.take(read_sent(mended, MOST), "UNIT")
        identities.keep(store.path_of(store.ledger.films(9)[0]))
        Retention(store, 7, undelivered=False, tell=told, identities=identities).work()
        assert not identities.find("alice")
        assert len(identities.find("bob")) == 1


def test_a_film_that_cannot_be_read_is_set_aside_after_its_tries_with_its_reason(
    start: Start, tmp_path: Path, told: Any
) -> None:
    node = start()
    broken = dcmread(study_film(tmp_path))
    broken.PixelData = b"\0\0"
    assert send(node.receiver.port, broken, study_film(tmp_path, 2)) == [0, 0]
    wait_for(lambda: node.store.ledger.counts()["aside"] == 1)
    wait_for(lambda: node.store.ledger.counts()["located"] == 1)
    film = node.store.ledger.film(1)
    assert film is not None
    assert film.attempts == 3
    assert film.reason
    assert told.events().count("film put off") == 2


def test_a_film_that_cannot_be_deleted_keeps_no_other_from_it(
    store: Store, tmp_path: Path, told: Any
) -> None:
    for number in (1, 2, 3):
        store.take(read_sent(study_film(tmp_path, number), MOST), "UNIT")
        store.ledger.set_aside(number, "why", None, 5.0)
    stuck = store.ledger.film(1)
    assert stuck is not None
    # As a file of a disk that can only be read: nobody can unlink it.
    path = store.path_of(stuck)
    path.unlink()
    path.mkdir()
    retention = Retention(store, 7, undelivered=False, tell=told)
    for _ in range(2):
        with pytest.raises(TbspotError, match="film 1 cannot be deleted"):
            retention.work()
    assert store.ledger.films(9) == [stuck]
    path.rmdir()
    retention.work()
    assert not store.ledger.films(9)


def test_the_next_result_costs_the_same_however_many_wait(store: Store, tmp_path: Path) -> None:
    store.take(read_sent(study_film(tmp_path), MOST), "UNIT")
    steps = []
    for count in (10, 5000):
        results = [NewResult("sr", f"{number}.dcm", str(number)) for number in range(count)]
        store.ledger.locate(1, "{}", results, None, 5.0)
        with store.ledger._base.held() as base:
            asked: list[int] = []
            base.set_progress_handler(lambda asked=asked: asked.append(1), 10)
            assert store.ledger.next_result(6.0) is not None
            base.set_progress_handler(None, 0)
        steps.append(len(asked))
    # Of SQLite's machine, by tens; a look at each result would be thousands.
    assert max(steps) < 50


def test_a_node_that_ends_leaves_what_it_has_not_begun(
    store: Store, tmp_path: Path, told: Any
) -> None:
    folder = tmp_path / "watched"
    watch = _watch(store, folder, told)
    watch.ending = lambda: "film new" in told.events()
    for number in (1, 2, 3):
        study_film(folder, number)
    watch.work()
    watch.work()
    assert told.events() == ["film new"]
    assert len(list(folder.glob("*.dcm"))) == 2
    watch.ending = lambda: False
    watch.work()
    for film in store.ledger.films(9):
        store.ledger.set_aside(film.id, "why", None, 5.0)
    retention = Retention(store, 7, undelivered=False, tell=told)
    retention.ending = lambda: len(store.ledger.films(9)) < 3
    retention.work()
    assert len(store.ledger.films(9)) == 2


def test_what_is_not_done_is_not_deleted_however_old(
    store: Store, tmp_path: Path, told: Any
) -> None:
    for number in (1, 2, 3):
        store.take(read_sent(study_film(tmp_path, number), MOST), "UNIT")
    store.ledger.set_aside(1, "why", None, 5.0)
    store.keep(store.ledger.films(9)[1], "{}", {"sr": dcmread(study_film(tmp_path, 9))})
    store.clock = lambda: 1e12
    Retention(store, 7, undelivered=False, tell=told).work()
    assert [film.id for film in store.ledger.films(9)] == [3, 2]
    # Where no archive is named, nobody waits for the results.
    Retention(store, 7, undelivered=True, tell=told).work()
    assert [film.id for film in store.ledger.films(9)] == [3]
    assert len(list((tmp_path / "node" / "films").iterdir())) == 1


def test_a_queue_of_a_newer_tbspot_and_one_that_is_none_are_one_sentence(
    store: Store, tmp_path: Path
) -> None:
    store.close()
    path = tmp_path / "node" / "queue.sqlite"
    base = sqlite3.connect(path)
    base.execute("PRAGMA user_version = 99")
    base.close()
    with pytest.raises(TbspotError, match="newer tbspot"):
        Ledger(path)
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(TbspotError, match="cannot use"):
        Ledger(path)


def test_a_clock_that_was_wrong_puts_nothing_off_for_ever(store: Store, tmp_path: Path) -> None:
    store.take(read_sent(study_film(tmp_path), MOST), "UNIT")
    store.ledger.put_off(1, "why", 1e12)
    assert store.ledger.bring_forward(1e9, 3600)
    assert store.ledger.soonest() == 1e9
    assert not store.ledger.bring_forward(1e9, 3600)
    # Nor does a film come from the future.
    assert store.ledger.last()["oldest_unread"] == 1e9


@pytest.mark.parametrize(("set_back", "ahead"), [(10_800, 10_900), (600, 700), (0, 3601)])
def test_a_clock_that_is_set_back_at_work_makes_nothing_wait(
    store: Store, tmp_path: Path, set_back: float, ahead: float
) -> None:
    woken: list[None] = []
    now, steady = 1e9, 50.0
    store.clock = lambda: now
    for number in (1, 2):
        store.take(read_sent(study_film(tmp_path, number), MOST), "UNIT")
    store.keep(store.ledger.films(9)[0], "{}", {"sr": dcmread(study_film(tmp_path, 9))})
    clock = ClockWatch(store, 3600, lambda: woken.append(None), lambda: steady)
    (result,) = store.ledger.waiting_results()
    now, steady = now - set_back, steady + 60
    store.ledger.put_off(1, "why", now + 60 + ahead)
    store.ledger.refuse(result, "why", now + 60 + ahead)
    now += 60
    clock.work()
    assert len(woken) == 1
    assert store.ledger.soonest() == store.ledger.soonest_result() == now
    # What is put off by right is left.
    store.ledger.put_off(1, "why", now + 3000)
    clock.work()
    assert store.ledger.soonest() == now + 3000


SECONDS_OF_YEAR = 365 * 24 * 3600


def _done(store: Store, folder: Path) -> None:
    """Two films, the first of which is set aside and the second located."""
    for number in (1, 2):
        store.take(read_sent(study_film(folder, number), MOST), "UNIT")
    store.ledger.set_aside(1, "why", None, store.clock())
    store.keep(store.ledger.films(9)[0], "{}", {"sr": dcmread(study_film(folder, 9))})


def test_films_are_not_old_because_the_clock_was_set(
    store: Store, tmp_path: Path, told: Any
) -> None:
    now, steady = 946_684_800.0, 50.0  # the year 2000: an empty battery
    store.clock = lambda: now
    clock = ClockWatch(store, 3600, lambda: None, lambda: steady)
    retention = Retention(store, 7, undelivered=True, tell=told, now=clock.look)
    clock.start()
    _done(store, tmp_path)
    now, steady = now + 26 * SECONDS_OF_YEAR, steady + 120
    retention.work()
    assert len(store.ledger.films(9)) == 2
    assert store.ledger.last()["received"] == now - 120
    # They grow old from then on.
    now, steady = now + 8 * 86400, steady + 8 * 86400
    retention.work()
    assert not store.ledger.films(9)


@pytest.mark.parametrize("years", [26, -26, 1 / 365 / 24])
def test_films_of_before_the_start_are_not_old_because_the_clock_was_set(
    store: Store, tmp_path: Path, told: Any, years: float
) -> None:
    now, steady = 1.8e9, 50.0
    store.clock = lambda: now
    _done(store, tmp_path)
    now += 60
    clock = ClockWatch(store, 3600, lambda: None, lambda: steady)
    retention = Retention(store, 7, undelivered=True, tell=told, now=clock.look)
    clock.start()
    for change in (years, -years):
        now += change * SECONDS_OF_YEAR
        retention.work()
        assert len(store.ledger.films(9)) == 2
        assert (store.ledger.last()["finished"] or 0) <= now


def test_films_that_a_wrong_clock_dated_are_not_old_at_the_next_start(
    store: Store, tmp_path: Path, told: Any
) -> None:
    now = 946_684_800.0
    store.clock = lambda: now
    _done(store, tmp_path)
    now += 26 * SECONDS_OF_YEAR
    ClockWatch(store, 3600, lambda: None).start()
    retention = Retention(store, 7, undelivered=True, tell=told)
    retention.work()
    assert len(store.ledger.films(9)) == 2
    # Another start does not begin anew.
    now += 8 * 86400
    ClockWatch(store, 3600, lambda: None).start()
    retention.work()
    assert not store.ledger.films(9)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _half_copied(store: Store, place: Path, told: Any) -> tuple[Watch, Path]:
    """A watch that has seen a film of which the end is still to come, and the film."""
    watch, path = _watch(store, place / "in", told), place / "in" / "film.dcm"
    path.write_bytes(study_film(place).read_bytes()[:-7])
    watch.work()
    return watch, path


def test_a_copy_is_not_given_up_because_the_clock_was_set(
    store: Store, tmp_path: Path, told: Any
) -> None:
    watch, path = _half_copied(store, tmp_path, told)
    store.clock = lambda: time.time() + 3600
    watch.work()
    assert path.exists()


def test_pauses_grow_to_the_longest() -> None:
    pauses = Pauses(first=5, longest=3600)
    assert [pauses.after(tries) for tries in (1, 2, 3, 11, 10**6)] == [5, 10, 20, 3600, 3600]


def test_a_watched_file_is_taken_once_its_size_stands_still(
    store: Store, tmp_path: Path, told: Any
) -> None:
    watch = _watch(store, tmp_path / "in", told)
    whole = study_film(tmp_path).read_bytes()
    path = tmp_path / "in" / "film.dcm"
    for share in (100, 5000, len(whole)):
        path.write_bytes(whole[:share])
        watch.work()
        assert path.exists()
    watch.work()
    assert not path.exists()
    assert store.ledger.counts()["received"] == 1
    # Killed before it was removed, it is there once more.
    path.write_bytes(whole)
    watch.work()
    watch.work()
    assert not path.exists()
    assert store.ledger.counts()["received"] == 1


def test_what_is_no_film_in_a_watched_folder_is_put_where_somebody_sees_it(
    store: Store, tmp_path: Path, told: Any
) -> None:
    watch = _watch(store, tmp_path / "in", told)
    scan = dcmread(study_film(tmp_path))
    scan.SOPClassUID = scan.file_meta.MediaStorageSOPClassUID = CTImageStorage
    scan.save_as(tmp_path / "in" / "scan.dcm")
    (tmp_path / "in" / "PLANTED.txt").write_text("no film")
    (tmp_path / "in" / "refused").mkdir()
    (tmp_path / "in" / "refused" / "scan.dcm").write_text("of yesterday")
    (tmp_path / "in" / "link.dcm").symlink_to(study_film(tmp_path, 2))
    (tmp_path / "in" / "being written.tmp").write_text("half")
    watch.work()
    watch.work()
    refused = tmp_path / "in" / "refused"
    assert _names(refused) == ["1-scan.dcm", "scan.dcm"]
    # What is not of DICOM yet may be in ten minutes.
    watch.clock = lambda: time.monotonic() + 3600
    watch.work()
    assert _names(refused) == ["1-scan.dcm", "PLANTED.txt", "link.dcm", "scan.dcm"]
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == [
        "being written.tmp",
        "refused",
    ]
    assert told.events() == ["file refused"] * 3
    assert "is not stored as CR, DX or secondary capture" in told[0]["reason"]
    assert "PLANTED" not in str(list(told))
    assert not store.ledger.films(9)


def test_a_film_whose_head_is_still_to_come_is_waited_for(
    store: Store, tmp_path: Path, told: Any
) -> None:
    watch = _watch(store, tmp_path / "in", told)
    wholes = [study_film(tmp_path, number).read_bytes() for number in range(1, 5)]
    # The first packet of a copy, of the head alone, its size before its bytes, and not even that.
    begun = [wholes[0][:100], wholes[1][:300], b"\0" * len(wholes[2]), b"\0"]
    for number, content in enumerate(begun):
        (tmp_path / "in" / f"{number}.dcm").write_bytes(content)
    for _ in range(3):
        watch.work()
    assert _names(tmp_path / "in") == ["0.dcm", "1.dcm", "2.dcm", "3.dcm"]
    assert not told
    for number, content in enumerate(wholes):
        (tmp_path / "in" / f"{number}.dcm").write_bytes(content)
    watch.work()
    watch.work()
    assert told.events() == ["film new"] * 4


def test_a_place_for_refused_files_that_leads_elsewhere_is_told_and_not_used(
    store: Store, tmp_path: Path, told: Any
) -> None:
    watch = _watch(store, tmp_path / "in", told)
    (tmp_path / "home").mkdir()
    (tmp_path / "in" / "refused").symlink_to(tmp_path / "home")
    (tmp_path / "in" / "planted.py").write_text("no film")
    watch.work()
    watch.clock = lambda: time.monotonic() + 3600
    watch.work()
    watch.work()
    assert not _names(tmp_path / "home")
    assert _names(tmp_path / "in") == ["planted.py", "refused"]
    assert told.events() == ["file stays"]
    assert "cannot be put into `refused`" in told[0]["reason"]


def test_a_folder_that_becomes_a_link_while_it_is_looked_into_is_not_followed(
    store: Store, tmp_path: Path, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = _watch(store, tmp_path / "in", told)
    room, other = tmp_path / "in" / "room", tmp_path / "other"
    room.mkdir()
    shutil.copytree(study_film(room).parent, other)
    watch.work()
    look = watch._look

    def look_and_swap() -> Any:
        yield from look()
        room.rename(tmp_path / "gone")
        room.symlink_to(other)

    monkeypatch.setattr(watch, "_look", look_and_swap)
    watch.work()
    assert _names(other) == ["1.dcm"]
    assert told.events() == ["file stays"]
    assert not store.ledger.films(9)


def test_a_folder_that_cannot_be_looked_into_keeps_no_other_waiting(
    store: Store, tmp_path: Path, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = _watch(store, tmp_path / "in", told)
    for number, name in enumerate(("closed", "room/refused", "/".join("a" * 400)), 1):
        (tmp_path / "in" / name).mkdir(parents=True)
        study_film(tmp_path / "in" / name, number)
    scandir = os.scandir

    def closed(path: Any) -> Any:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr("os.scandir", closed)
    for _ in range(3):
        watch.work()
    assert sorted(told.events()) == ["film new", "folder stays", "folder stays"]
    assert not (tmp_path / "in" / "room" / "refused" / "2.dcm").exists()


def test_a_folder_is_watched_beside_the_network(start: Start, tmp_path: Path) -> None:
    (tmp_path / "in" / "room 2").mkdir(parents=True)
    node = start(watched=tmp_path / "in")
    study_film(tmp_path / "in" / "room 2")
    wait_for(lambda: node.store.ledger.counts()["located"] == 1)
    assert node.store.ledger.films(1)[0].source == "folder"


def test_a_watched_folder_that_is_gone_is_a_trouble_and_no_end(
    start: Start, tmp_path: Path
) -> None:
    node = start(watched=tmp_path / "absent")
    wait_for(lambda: any("absent" in one for one in node.health().troubles))
    assert send(node.receiver.port, study_film(tmp_path)) == [0]


def test_a_film_that_is_sent_again_while_it_is_deleted_is_not_lost(
    store: Store, tmp_path: Path, told: Any
) -> None:
    sent = [read_sent(study_film(tmp_path, number), MOST) for number in range(1, 41)]
    for number, one in enumerate(sent, 1):
        store.take(one, "UNIT")
        store.ledger.set_aside(number, "why", None, 5.0)
    store.clock = lambda: 1e9
    retention = Retention(store, 7, undelivered=False, tell=told)
    deleting = threading.Thread(target=retention.work)
    deleting.start()
    taken = [store.take(one, "UNIT") for one in sent]
    deleting.join()
    assert set(taken) <= {"new", "again"}
    for one in sent:
        film = store.ledger.film_of(hash_of(one.instance))
        assert film is not None
        assert film.state == "received"
        assert store.path_of(film).is_file()


def test_a_film_that_was_queued_anew_meanwhile_is_not_deleted(store: Store, tmp_path: Path) -> None:
    sent = read_sent(study_film(tmp_path), MOST)
    store.take(sent, "UNIT")
    store.ledger.set_aside(1, "why", None, 5.0)
    old = store.ledger.film(1)
    assert old is not None
    assert store.take(sent, "UNIT") == "again"
    assert not store.forget(old)
    now = store.ledger.film(1)
    assert now is not None
    assert store.path_of(now).is_file()


def _restore_queue(folder: Path, after: Callable[[Store], object]) -> Store:
    """What a node finds whose queue is from before `after`."""
    for path in folder.glob("queue.sqlite*"):
        shutil.copy(path, folder.parent)
    later = Store(folder)
    after(later)
    later.close()
    for path in folder.glob("queue.sqlite*"):
        path.unlink()
    for path in folder.parent.glob("queue.sqlite*"):
        shutil.copy(path, folder)
    return Store(folder)


def test_a_queue_from_a_back_up_loses_no_film_that_came_again_since(
    store: Store, tmp_path: Path
) -> None:
    sent = read_sent(study_film(tmp_path), MOST)
    store.take(sent, "UNIT")
    store.ledger.set_aside(1, "why", None, 5.0)
    store.close()

    def delete_and_send_again(later: Store) -> None:
        (film,) = later.ledger.films(9)
        assert later.forget(film)
        assert later.take(sent, "UNIT") == "new"

    restored = _restore_queue(tmp_path / "node", delete_and_send_again)
    (film,) = restored.ledger.films(9)
    assert (film.state, film.attempts) == ("received", 0)
    assert read_sent(restored.path_of(film), MOST).digest == sent.digest == film.digest


@pytest.mark.parametrize("film_is_there", [True, False])
def test_results_of_a_queue_from_a_back_up_whose_files_are_gone_are_waited_for_no_more(
    store: Store, tmp_path: Path, film_is_there: bool
) -> None:
    store.take(read_sent(study_film(tmp_path), MOST), "UNIT")
    store.keep(store.ledger.films(9)[0], "{}", {"sr": dcmread(study_film(tmp_path, 9))})
    store.close()
    next((tmp_path / "node" / "results").iterdir()).unlink()
    if not film_is_there:
        next((tmp_path / "node" / "films").iterdir()).unlink()
    again = Store(tmp_path / "node")
    (film,) = again.ledger.films(9)
    assert film.state == ("received" if film_is_there else "aside")
    assert again.ledger.soonest_result() is None
    assert again.ledger.last()["oldest_unfinished"] == (film.received if film_is_there else None)


def test_a_copy_that_stalls_is_not_taken_by_half(store: Store, tmp_path: Path, told: Any) -> None:
    watch = _watch(store, tmp_path / "in", told)
    whole = study_film(tmp_path).read_bytes()
    path = tmp_path / "in" / "film.dcm"
    with path.open("wb", buffering=0) as writer:
        writer.write(whole[: len(whole) // 2])
        for _ in range(5):
            watch.work()
        assert path.exists()
        writer.write(whole[len(whole) // 2 :])
    watch.work()
    watch.work()
    (film,) = store.ledger.films(9)
    assert store.path_of(film).stat().st_size > len(whole) // 2
    assert not path.exists()


@pytest.mark.parametrize("behind", [b"\xfe\xff\xdd\xe0\0\0\0\0", b"REST" * 99])
def test_a_film_with_rests_behind_its_pixels_is_taken(
    store: Store, tmp_path: Path, told: Any, behind: bytes
) -> None:
    watch, path = _watch(store, tmp_path / "in", told), tmp_path / "in" / "film.dcm"
    path.write_bytes(study_film(tmp_path).read_bytes() + behind)
    watch.work()
    watch.work()
    assert len(store.ledger.films(9)) == 1
    assert not path.exists()


def test_a_copy_that_never_ends_is_put_where_somebody_sees_it(
    store: Store, tmp_path: Path, told: Any
) -> None:
    watch, path = _half_copied(store, tmp_path, told)
    half = path.read_bytes()
    watch.clock = lambda: time.monotonic() + 3600
    watch.work()
    assert (tmp_path / "in" / "refused" / "film.dcm").read_bytes() == half
    assert not store.ledger.films(9)


def test_a_file_that_changed_while_it_was_taken_stays(
    store: Store, tmp_path: Path, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = _watch(store, tmp_path / "in", told)
    path = study_film(tmp_path / "in")
    take = store.take

    def take_slowly(sent: Sent, source: str) -> Taking:
        path.write_bytes(path.read_bytes() + b"\0")
        return take(sent, source)

    monkeypatch.setattr(store, "take", take_slowly)
    watch.work()
    watch.work()
    assert path.exists()


def test_a_file_that_cannot_be_removed_is_taken_once_and_stops_no_other(
    store: Store, tmp_path: Path, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived: list[None] = []
    watch = _watch(store, tmp_path / "in", told)
    watch.arrived = lambda: arrived.append(None)
    for number in (1, 2):
        study_film(tmp_path / "in", number)
    remove = HeldFolder.remove

    def refuse(folder: HeldFolder, name: str) -> None:
        if name == "1.dcm":
            raise PermissionError(13, "Permission denied")
        remove(folder, name)

    monkeypatch.setattr(HeldFolder, "remove", refuse)
    for _ in range(4):
        watch.work()
    assert store.ledger.counts()["received"] == 2
    assert len(arrived) == 2
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["1.dcm"]
    assert told.events() == ["film new", "file stays", "film new"]
