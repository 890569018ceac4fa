"""The node's folder and the folder that it watches, step by step."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import CTImageStorage

from tbspot.choices import Taking
from tbspot.errors import TbspotError
from tbspot.node.ledger import Ledger
from tbspot.node.objects import Sent, hash_of, read_sent
from tbspot.node.retention import Retention
from tbspot.node.service import Node
from tbspot.node.settings import Pauses
from tbspot.node.store import Store
from tbspot.node.watch import Watch
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
    (tmp_path / "node" / "films" / ".x.dcm.1.0123abcd.part").write_bytes(b"half a film")
    (tmp_path / "node" / "results" / "gone-sc.dcm").write_bytes(b"of a film that is gone")
    again = Store(tmp_path / "node")
    assert again.ledger.counts()["received"] == 1
    assert len(list((tmp_path / "node" / "films").iterdir())) == 1
    assert not list((tmp_path / "node" / "results").iterdir())


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
    store.ledger.bring_forward(1e9)
    assert store.ledger.soonest() == 1e9


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
    refused = sorted(path.name for path in (tmp_path / "in" / "refused").iterdir())
    assert refused == ["1-scan.dcm", "PLANTED.txt", "link.dcm", "scan.dcm"]
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == [
        "being written.tmp",
        "refused",
    ]
    assert told.events() == ["file refused"] * 3
    assert "PLANTED" not in str(list(told))
    assert not store.ledger.films(9)


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
    assert store.path_of(old).is_file()


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


def test_a_copy_that_never_ends_is_put_where_somebody_sees_it(
    store: Store, tmp_path: Path, told: Any
) -> None:
    watch = _watch(store, tmp_path / "in", told)
    whole = study_film(tmp_path).read_bytes()
    (tmp_path / "in" / "film.dcm").write_bytes(whole[:-7])
    watch.work()
    store.clock = lambda: time.time() + 3600
    watch.work()
    assert (tmp_path / "in" / "refused" / "film.dcm").read_bytes() == whole[:-7]
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
    unlink = Path.unlink

    def refuse(path: Path, **options: Any) -> None:
        if path.name == "1.dcm":
            raise PermissionError(13, "Permission denied")
        unlink(path, **options)

    monkeypatch.setattr(Path, "unlink", refuse)
    for _ in range(4):
        watch.work()
    assert store.ledger.counts()["received"] == 2
    assert len(arrived) == 2
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["1.dcm"]
    assert told.events() == ["film new", "file stays", "film new"]
