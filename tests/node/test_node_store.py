"""The node's folder and the folder that it watches, step by step."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import CTImageStorage

from tbspot.errors import TbspotError
from tbspot.node.ledger import Ledger
from tbspot.node.objects import read_sent
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
