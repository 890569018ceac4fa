"""The whole way: from a unit through the node into an archive."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import sys
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import SecondaryCaptureImageStorage

from nodes import SETTINGS
from tbspot.errors import ModelError, TbspotError
from tbspot.hospital.result_files import read_result
from tbspot.node import delivery, line_teller, service
from tbspot.node.health import health_of
from tbspot.node.ledger import ResultLine
from tbspot.node.service import Node, running
from tbspot.node.settings import Pauses
from tbspot.node.store import Store
from units import Archive, archive, bright_model, send, study_film, wait_for

Start = Callable[..., Node]
ALL = ("sc", "seg", "sr")


def _results(node: Node) -> list[ResultLine]:
    return [
        line
        for film in node.store.ledger.films(9)
        for line in node.store.ledger.results_of(film.id)
    ]


class _Unable:
    """A model that can locate no film now."""

    description = bright_model().description

    def locate(self, *_: Any, **__: Any) -> Any:
        raise TbspotError("not now")


def test_a_film_that_is_sent_is_answered_in_the_archive(
    start: Start, peer: Archive, tmp_path: Path
) -> None:
    path = study_film(tmp_path)
    node = start(to=peer.address, kinds=ALL)
    assert send(node.receiver.port, path) == [0x0000]
    wait_for(lambda: node.store.ledger.counts()["delivered"] == 1)
    modalities = sorted(one.Modality for one in peer.objects.values())
    assert modalities == ["DX", "SEG", "SR"]
    assert {one.StudyInstanceUID for one in peer.objects.values()} == {
        "1.2.826.0.1.3680043.8.498.7.2.1"
    }
    assert {one.PatientID for one in peer.objects.values()} == {"PLANTED-ID"}


def test_the_same_film_again_is_acknowledged_and_answered_once(
    start: Start, peer: Archive, tmp_path: Path, told: Any
) -> None:
    path = study_film(tmp_path)
    node = start(to=peer.address)
    assert send(node.receiver.port, path, path) == [0, 0]
    wait_for(lambda: node.store.ledger.counts()["delivered"] == 1)
    assert send(node.receiver.port, path) == [0]
    assert told.events().count("film new") == 1
    assert told.events().count("film known") == 2
    assert len(node.store.ledger.films(10)) == 1
    assert set(peer.stored.values()) == {1}


def test_another_film_under_the_name_of_one_is_refused_and_told(
    start: Start, tmp_path: Path, told: Any
) -> None:
    first, second = study_film(tmp_path / "a"), study_film(tmp_path / "b", PatientName="Other")
    node = start()
    assert send(node.receiver.port, first, second) == [0, 0xC000]
    assert "film other" in told.events()
    assert len(node.store.ledger.films(10)) == 1


def test_results_that_come_back_are_not_answered(
    start: Start, peer: Archive, tmp_path: Path
) -> None:
    node = start(to=peer.address)
    send(node.receiver.port, study_film(tmp_path))
    wait_for(lambda: node.store.ledger.counts()["delivered"] == 1)
    (picture,) = peer.objects.values()
    assert send(node.receiver.port, picture) == [0]
    assert len(node.store.ledger.films(10)) == 1
    # Nor those that another node has made.
    picture.SOPInstanceUID += ".1"
    assert send(node.receiver.port, picture) == [0]
    wait_for(lambda: node.store.ledger.counts()["delivered"] == 2)
    # Nobody has to see to it, and nothing is sent of it.
    assert node.store.ledger.counts()["aside"] == 0
    assert len(peer.objects) == 1


def test_without_an_archive_results_stay_until_one_is_named(
    start: Start, peer: Archive, tmp_path: Path
) -> None:
    node = start()
    send(node.receiver.port, study_film(tmp_path))
    wait_for(lambda: node.store.ledger.counts()["located"] == 1)
    node.close()
    again = start(to=peer.address)
    wait_for(lambda: again.store.ledger.counts()["delivered"] == 1)
    assert len(peer.stored) == 1


class _Journal(io.StringIO):
    """A journal whose disk may be full."""

    full, refused = False, 0

    def write(self, text: str) -> int:
        if self.full:
            self.refused += 1
            raise OSError(28, "No space left on device")
        return super().write(text)


@pytest.mark.parametrize("broken", [False, True])
def test_a_journal_that_cannot_be_written_keeps_no_film_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: bool
) -> None:
    journal = _Journal()
    monkeypatch.setattr(sys, "stdout", journal)
    model = _Unable() if broken else bright_model()
    settings = replace(SETTINGS, folder=tmp_path / "node", film_pauses=Pauses(first=60))
    with running(settings, model, line_teller()) as node:
        journal.full = True
        assert send(node.receiver.port, study_film(tmp_path)) == [0]
        # That it came, and what became of it.
        wait_for(lambda: journal.refused == 2)
        journal.full = False
        assert send(node.receiver.port, study_film(tmp_path, 2)) == [0]
        wait_for(lambda: journal.getvalue().count("film put off" if broken else "film ok") == 1)
        assert not node.health().troubles
    told = [json.loads(line) for line in journal.getvalue().splitlines()]
    assert [one["lines"] for one in told if one["event"] == "lines lost"] == [2]
    assert [one["event"] for one in told][-1] == "ended"


@pytest.mark.skipif(sys.platform == "win32", reason="its pipes cannot be asked")
def test_a_journal_that_nobody_reads_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, b"\n" * 4096)
    os.set_blocking(writing, True)
    with os.fdopen(reading, "rb", 0) as reader, os.fdopen(writing, "w") as journal:
        monkeypatch.setattr(sys, "stdout", journal)
        tell = line_teller()
        teller = threading.Thread(target=lambda: [tell("one"), tell("two")], daemon=True)
        teller.start()
        teller.join(30)
        held = teller.is_alive()
        reader.read(1 << 20)
        teller.join()
        assert not held
        tell("three")
        told = [json.loads(line) for line in reader.read(1 << 20).splitlines()]
    assert [one["event"] for one in told] == ["lines lost", "three"]
    assert told[0]["lines"] == 2


def test_a_film_that_came_before_the_end_is_answered_after_the_next_start(
    start: Start, peer: Archive, tmp_path: Path
) -> None:
    node = start(_Unable(), to=peer.address, film_pauses=Pauses(first=0.3))
    assert send(node.receiver.port, study_film(tmp_path)) == [0]
    wait_for(lambda: node.store.ledger.films(1)[0].reason)
    node.close()
    again = start(to=peer.address)
    wait_for(lambda: again.store.ledger.counts()["delivered"] == 1)


def test_an_archive_that_is_down_is_tried_until_it_is_back(
    start: Start, tmp_path: Path, told: Any
) -> None:
    with archive() as gone:
        port = int(gone.address.rpartition(":")[2])
    node = start(to=gone.address)
    send(node.receiver.port, *(study_film(tmp_path, number) for number in (1, 2)))
    wait_for(lambda: told.events().count("archive lost") >= 3)
    assert not node.health().ok
    assert any("archive" in one for one in node.health().troubles)
    with archive(port=port) as back:
        wait_for(lambda: node.store.ledger.counts()["delivered"] == 2)
        assert set(back.stored.values()) == {1}
    assert node.health().ok


def test_a_result_that_is_refused_waits_alone_and_is_sent_later(
    start: Start, tmp_path: Path
) -> None:
    answers = iter([0xA700, 0, 0, 0xC000])
    with archive(lambda _: next(answers, 0)) as peer:
        node = start(to=peer.address, kinds=ALL)
        send(node.receiver.port, study_film(tmp_path))
        wait_for(lambda: node.store.ledger.counts()["delivered"] == 1)
        lines = node.store.ledger.results_of(1)
    assert sum(line.attempts for line in lines) == 5
    assert all(line.stored and line.reason is None for line in lines)


@pytest.mark.parametrize("length", [300, 1400])
def test_a_result_that_was_cut_off_is_made_anew_and_all_are_sent(
    start: Start, peer: Archive, tmp_path: Path, told: Any, length: int
) -> None:
    node = start(kinds=ALL)
    send(node.receiver.port, study_film(tmp_path))
    wait_for(lambda: len(_results(node)) == 3)
    path = next(node.store.path_of_result(one) for one in _results(node) if one.kind == "sc")
    node.close()
    path.write_bytes(path.read_bytes()[:length])
    node = start(to=peer.address, kinds=ALL)
    wait_for(lambda: node.store.ledger.counts()["delivered"] == 1)
    assert len(peer.stored) == len(_results(node)) == 3
    assert told.events().count("results made anew") == 1


def test_a_result_that_no_disk_keeps_whole_is_made_anew_once_and_others_are_sent(
    start: Start, peer: Archive, tmp_path: Path, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        delivery, "read_result", lambda path: None if "-sc" in path.name else read_result(path)
    )
    node = start(to=peer.address, kinds=ALL)
    send(node.receiver.port, study_film(tmp_path))
    wait_for(lambda: "result refused" in told.events())
    wait_for(lambda: sum(line.stored is not None for line in _results(node)) == 2)
    (left,) = (line for line in _results(node) if not line.stored)
    assert left.kind == "sc"
    assert left.reason == "its file is no longer there, or no longer whole"
    assert told.events().count("results made anew") == 1


def test_a_result_that_is_gone_with_its_film_is_waited_for_no_more(
    start: Start, peer: Archive, tmp_path: Path, told: Any
) -> None:
    node = start()
    send(node.receiver.port, study_film(tmp_path))
    wait_for(lambda: node.store.ledger.counts()["located"] == 1)
    node.close()
    for path in (tmp_path / "node").glob("*/*.dcm"):
        path.write_bytes(b"cut off") if path.parent.name == "results" else path.unlink()
    node = start(to=peer.address)
    wait_for(lambda: node.store.ledger.counts()["aside"] == 1)
    assert not _results(node)
    wait_for(lambda: "film set aside" in told.events())


@pytest.mark.parametrize("is_stored", [False, True])
def test_results_of_kinds_that_are_wanted_no_more_are_not_waited_for(
    start: Start, tmp_path: Path, told: Any, is_stored: bool
) -> None:
    def answer(event: Any) -> int:
        return 0 if event.request.AffectedSOPClassUID == SecondaryCaptureImageStorage else 0xA700

    with archive(answer) as peer:
        node = start(to=peer.address if is_stored else None, kinds=ALL)
        send(node.receiver.port, study_film(tmp_path))
        wait_for(lambda: len(_results(node)) == 3)
        if is_stored:
            wait_for(lambda: any(line.stored for line in _results(node)))
        node.close()
        node = start(to=peer.address)
        wait_for(lambda: node.store.ledger.counts()["delivered"] == 1)
        assert set(peer.stored.values()) == {1}
    assert [line.kind for line in _results(node)] == ["sc"]
    assert len(list((tmp_path / "node" / "results").iterdir())) == 1
    assert [one["results"] for one in told if one["event"] == "results dropped"] == [2]


def test_an_archive_that_takes_what_it_is_sent_and_confirms_nothing_has_stored_nothing(
    start: Start, tmp_path: Path
) -> None:
    def drop(event: Any) -> int:
        event.assoc.abort()
        return 0x0001

    with archive(drop) as peer:
        node = start(to=peer.address, kinds=ALL)
        send(node.receiver.port, study_film(tmp_path))
        # None of the three stands in the way of the others.
        wait_for(lambda: sum(line.attempts > 0 for line in _results(node)) == 3)
        assert node.store.ledger.counts()["located"] == 1
        assert not any(line.stored for line in _results(node))


def test_a_folder_has_one_node(start: Start) -> None:
    start()
    with pytest.raises(TbspotError, match="another run of tbspot is using"):
        start()


def test_a_model_that_cannot_run_here_ends_the_node_and_blames_no_film(
    start: Start, tmp_path: Path
) -> None:
    class Broken:
        description = bright_model().description

        def locate(self, *_: Any, **__: Any) -> Any:
            raise ModelError("this processor cannot run the model")

    node = start(Broken())
    send(node.receiver.port, study_film(tmp_path))
    with pytest.raises(ModelError):
        node.wait()
    (film,) = node.store.ledger.films(10)
    assert (film.state, film.attempts) == ("received", 0)


def test_what_the_node_tells_and_keeps_in_its_queue_names_nobody(
    start: Start, peer: Archive, tmp_path: Path, told: Any
) -> None:
    node = start(to=peer.address, identities=True)
    broken = study_film(tmp_path, 2, SeriesInstanceUID="")
    send(node.receiver.port, study_film(tmp_path), broken)
    wait_for(lambda: node.store.ledger.counts()["delivered"] == 1)
    wait_for(lambda: node.store.ledger.counts()["aside"] == 1)
    node.close()
    assert [told.events().count(event) for event in ("film ok", "film set aside")] == [1, 1]
    queue = b"".join(path.read_bytes() for path in (tmp_path / "node").glob("queue*"))
    for secret in ("PLANTED", "ACC-1", "3680043"):
        assert secret not in str(list(told))
        assert secret.encode() not in queue


def test_identities_are_kept_apart_found_and_forgotten(
    start: Start, peer: Archive, tmp_path: Path
) -> None:
    node = start(to=peer.address, identities=True)
    send(
        node.receiver.port,
        study_film(tmp_path, PatientName="Ω^Ärmel", SpecificCharacterSet="ISO_IR 192"),
    )
    wait_for(lambda: node.store.ledger.counts()["delivered"] == 1)
    assert node.identities is not None
    (film,) = node.store.ledger.films(10)
    assert node.identities.of([film.file, "x.dcm"])[film.file].name == "Ω^Ärmel"
    assert node.identities.find("acc-1") == node.identities.find("PLANTED") == [film.file]
    assert node.identities.find("%") == node.identities.find("x") == []
    assert (tmp_path / "node" / "identities.sqlite").stat().st_mode & 0o077 == 0
    node.close()
    start()
    assert not list((tmp_path / "node").glob("identities*"))


def test_a_queue_that_was_lost_gives_no_film_another_patient_s_name(
    start: Start, peer: Archive, tmp_path: Path
) -> None:
    names = ["ALICE", "BOB", "CAROL", "DAVE"]
    node = start(to=peer.address, identities=True)
    films = [study_film(tmp_path, number, PatientName=name) for number, name in enumerate(names)]
    send(node.receiver.port, *films)
    wait_for(lambda: node.store.ledger.counts()["delivered"] == len(names))
    expected = _names(node)
    assert sorted(expected.values()) == names
    node.close()
    for file in (tmp_path / "node").glob("queue*"):
        file.unlink()
    again = start(to=peer.address, identities=True)
    assert _names(again) == expected


def test_names_of_a_node_that_knew_films_by_their_numbers_are_taken_over(
    start: Start, peer: Archive, tmp_path: Path
) -> None:
    node = start(to=peer.address)
    send(node.receiver.port, study_film(tmp_path, 1), study_film(tmp_path, 2))
    wait_for(lambda: node.store.ledger.counts()["delivered"] == 2)
    second = node.store.ledger.films(10)[0]
    node.close()
    with closing(sqlite3.connect(tmp_path / "node" / "identities.sqlite")) as base, base:
        base.execute(
            "CREATE TABLE identities (film INTEGER PRIMARY KEY, accession TEXT NOT NULL, "
            "patient TEXT NOT NULL, name TEXT NOT NULL)"
        )
        base.execute("INSERT INTO identities VALUES (?, 'A', 'P', 'BOB'), (99, '', '', 'GONE')",
                     (second.id,))  # fmt: skip
    again = start(to=peer.address, identities=True)
    assert _names(again) == {second.file: "BOB"}
    again.close()
    assert _names(start(to=peer.address, identities=True)) == {second.file: "BOB"}


def _names(node: Node) -> dict[str, str]:
    assert node.identities is not None
    files = [film.file for film in node.store.ledger.films(10)]
    return {file: one.name for file, one in node.identities.of(files).items()}


@pytest.mark.parametrize("watched", ["node", ".", "node/films", "node/inbox"])
def test_a_watched_folder_and_the_node_s_own_must_lie_apart(
    start: Start, tmp_path: Path, watched: str
) -> None:
    (tmp_path / watched).mkdir(parents=True, exist_ok=True)
    with pytest.raises(TbspotError, match="of which neither lies in the other"):
        start(watched=tmp_path / watched)


@pytest.mark.parametrize(("waits", "troubled"), [(60, False), (3600, True)])
def test_without_an_archive_only_films_that_are_to_be_located_wait(
    tmp_path: Path, waits: int, troubled: bool
) -> None:
    now = 1e6
    with closing(Store(tmp_path / "node", clock=lambda: now)) as store:
        store.ledger.add("long-ago", "d", "1.dcm", 1, "", now - 3 * 24 * 3600)
        store.ledger.begin(1, 0)
        store.ledger.locate(1, "{}", [], None, now - 3 * 24 * 3600)
        store.ledger.add("new", "d", "2.dcm", 1, "", now - waits)
        health = health_of(store, None, "model", {})
    assert health.oldest_waiting_seconds == waits
    assert any("waiting" in trouble for trouble in health.troubles) == troubled


def test_films_that_are_done_are_deleted_in_time_and_others_kept(
    start: Start, peer: Archive, tmp_path: Path
) -> None:
    node = start(to=peer.address, keep_days=1e5)
    send(node.receiver.port, study_film(tmp_path))
    wait_for(lambda: node.store.ledger.counts()["delivered"] == 1)
    node.close()
    again = start(to=peer.address, keep_days=0, identities=True)
    wait_for(lambda: not again.store.ledger.films(10))
    assert not list((tmp_path / "node").glob("*/*.dcm"))
    assert send(again.receiver.port, study_film(tmp_path, 2)) == [0]


def test_an_address_that_is_none_is_one_sentence(start: Start) -> None:
    with pytest.raises(TbspotError, match="is no address of an archive"):
        start(to="nowhere")


@pytest.mark.parametrize("to", ["http://a b/", "http://*/", "https:///x", "http://a\n/"])
def test_an_address_of_the_web_that_nobody_can_ask_is_one_sentence(start: Start, to: str) -> None:
    with pytest.raises(TbspotError, match="is no address of a DICOMweb service"):
        start(to=to)


@pytest.mark.parametrize("end", ["/studies", "/studies/"])
def test_an_address_of_the_studies_is_not_taken_for_that_of_their_service(
    start: Start, end: str
) -> None:
    with pytest.raises(TbspotError, match="leave /studies out of 'http://a/dicom-web/studies"):
        start(to=f"http://a/dicom-web{end}")


def test_a_file_is_not_watched(start: Start, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("a file")
    with pytest.raises(TbspotError, match="is no folder; name one to take films from"):
        start(watched=tmp_path / "in")
    assert not (tmp_path / "node").exists()


def test_a_film_in_which_the_patient_stands_twice_has_no_result(
    start: Start, peer: Archive, tmp_path: Path
) -> None:
    path = study_film(tmp_path)
    own = b"\x10\x00\x20\x00LO\x0a\x00PLANTED-ID"
    other = own.replace(b"PLANTED-ID", b"OTHER-ID-2")
    assert path.read_bytes().count(own) == 1
    path.write_bytes(path.read_bytes().replace(own, own + other))
    (tmp_path / "in").mkdir()
    path.rename(tmp_path / "in" / "film.dcm")
    node = start(to=peer.address, watched=tmp_path / "in", identities=True)
    wait_for(lambda: node.store.ledger.counts()["aside"] == 1)
    (film,) = node.store.ledger.films(9)
    assert "PatientID twice" in (film.reason or "")
    assert not peer.stored
    assert node.identities is not None
    assert not node.identities.of([film.file])


def test_an_open_address_without_a_list_of_units_is_refused(start: Start) -> None:
    with pytest.raises(TbspotError, match="open to other machines"):
        start(host="0.0.0.0")  # noqa: S104 - refused
    with pytest.raises(TbspotError, match="no address of a unit"):
        start(addresses=("xray",))


def test_a_node_ends_though_its_archive_never_answers(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, over = threading.Event(), threading.Event()

    def never(_: object) -> None:
        asked.set()
        over.wait()

    monkeypatch.setattr(service, "SENDING_SECONDS", 0.1)
    monkeypatch.setattr(service.Delivery, "work", never)
    node = start(to="ARCHIVE@127.0.0.1:1")
    try:
        assert asked.wait(60)
        node.close()
    finally:
        over.set()
