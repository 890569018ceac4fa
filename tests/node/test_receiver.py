"""What units, and others, may do to the node's port."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import CTImageStorage, DeflatedExplicitVRLittleEndian
from pynetdicom import association as association_module

from tbspot.errors import TbspotError
from tbspot.hospital.connections import Entity
from tbspot.node import Health, NodeSettings, Tls, check, health, serve_health
from tbspot.node.health import said_of
from tbspot.node.reach import certificate_of
from tbspot.node.service import Node
from tbspot.node.settings import Limits
from units import bright_model, send, study_film, wait_for

Start = Callable[..., Node]
# Seconds that a unit waits for, on a machine that has much else to do.
PATIENCE = 120
LIMITS = Limits(free_bytes=0, pdu_seconds=0.5, silence_seconds=1, film_bytes=1 << 20)


def _echo(port: int, title: str = "UNIT", called: str = "TBSPOT") -> bool:
    entity = Entity(title, PATIENCE)
    entity.add_requested_context("1.2.840.10008.1.1")
    association = entity.associate("127.0.0.1", port, ae_title=called)
    if not association.is_established:
        return False
    answered = association.send_c_echo().get("Status") == 0
    association.release()
    return answered


def test_an_echo_is_answered_to_those_who_know_the_title(start: Start) -> None:
    node = start()
    assert _echo(node.receiver.port)
    assert not _echo(node.receiver.port, called="OTHER")


def test_why_a_unit_is_rejected_is_told(start: Start, told: Any) -> None:
    node = start(titles=("XRAY1",))
    assert not _echo(node.receiver.port, title="XRAY1", called="OTHER")
    assert not _echo(node.receiver.port, title="XRAY2")
    # The unit may know it before it is told here.
    wait_for(lambda: told.events().count("association rejected") == 2)
    rejected = [one for one in told if one["event"] == "association rejected"]
    assert {(one["source"], one["called"], one["reason"]) for one in rejected} == {
        ("XRAY1", "OTHER", "Called AE title not recognised"),
        ("XRAY2", "TBSPOT", "Calling AE title not recognised"),
    }


def test_only_units_that_are_named_are_answered(start: Start, told: Any) -> None:
    node = start(titles=("XRAY1", "XRAY2"))
    assert _echo(node.receiver.port, title="XRAY2")
    assert not _echo(node.receiver.port, title="XRAY3")
    wait_for(lambda: "association rejected" in told.events())


def test_only_addresses_that_are_named_are_answered(start: Start, told: Any) -> None:
    node = start(addresses=("10.0.0.7",))
    assert not _echo(node.receiver.port)
    assert "connection refused" in told.events()


def test_an_address_that_is_written_otherwise_is_the_same_unit(start: Start) -> None:
    node = start(addresses=("::FFFF:127.0.0.1",))
    assert _echo(node.receiver.port)


def test_classes_and_syntaxes_that_are_not_taken_are_refused_alone(
    start: Start, tmp_path: Path
) -> None:
    node = start()
    scan, film = dcmread(study_film(tmp_path)), study_film(tmp_path, 2)
    scan.SOPClassUID = CTImageStorage
    assert send(node.receiver.port, scan, film) == [None, 0]
    deflated = dcmread(study_film(tmp_path, 3))
    deflated.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    assert send(node.receiver.port, deflated) == [None]
    assert len(node.store.ledger.films(9)) == 1


@pytest.mark.parametrize(
    "words",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x01\x00",
        struct.pack(">BBL", 1, 0, 100) + b"\0" * 50,
        struct.pack(">BBL", 1, 0, 0xFFFFFFFF) + b"\0" * 4096,
        struct.pack(">BBL", 4, 0, 12) + b"\xff" * 12,
        b"\0" * 100_000,
        b"",
    ],
    ids=["http", "half a head", "half a request", "endless", "data first", "zeros", "nothing"],
)
def test_garbage_and_half_an_association_end_and_others_are_answered(
    start: Start, words: bytes
) -> None:
    node = start(limits=LIMITS)
    with socket.create_connection(("127.0.0.1", node.receiver.port), timeout=PATIENCE) as peer:
        peer.sendall(words)
        assert _echo(node.receiver.port)
        # Ended by the node, whether with a word of the protocol or without.
        try:
            while peer.recv(4096):
                pass
        except ConnectionResetError:
            pass


def test_a_unit_that_falls_silent_in_an_association_is_ended(start: Start) -> None:
    node = start(limits=LIMITS)
    entity = Entity("UNIT", PATIENCE)
    entity.add_requested_context("1.2.840.10008.1.1")
    association = entity.associate("127.0.0.1", node.receiver.port, ae_title="TBSPOT")
    assert association.is_established
    wait_for(lambda: not association.is_established)


def test_a_unit_that_sends_a_byte_now_and_then_does_not_keep_its_place(
    start: Start, tmp_path: Path, told: Any
) -> None:
    node = start(limits=replace(LIMITS, silence_seconds=20, request_seconds=0.5))
    film = dcmread(study_film(tmp_path))
    entity = Entity("UNIT", PATIENCE)
    entity.add_requested_context(film.SOPClassUID, film.file_meta.TransferSyntaxUID)
    association = entity.associate("127.0.0.1", node.receiver.port, ae_title="TBSPOT")
    # Between two requests there is no hurry.
    for _ in range(3):
        assert association.send_c_store(film).get("Status") == 0
        time.sleep(0.4)
    # A message of the protocol with a byte of a request, and more of it to come.
    byte = struct.pack(">BBLLBBB", 4, 0, 7, 3, 1, 1, 0)
    until = time.monotonic() + 20
    while association.is_established and time.monotonic() < until:
        with suppress(OSError, AttributeError):
            association.dul.socket.socket.sendall(byte)
        time.sleep(0.1)
    assert not association.is_established
    assert [one["reason"] for one in told if one["event"] == "cut off"] == ["too slow"]
    assert _echo(node.receiver.port)


def test_a_film_that_is_too_large_is_cut_off_and_the_next_one_taken(
    start: Start, tmp_path: Path, told: Any
) -> None:
    node = start(limits=replace(LIMITS, film_bytes=20_000, pdu_bytes=1 << 17))
    assert send(node.receiver.port, study_film(tmp_path, 1, side=600)) == [None]
    assert "cut off" in told.events()
    assert send(node.receiver.port, study_film(tmp_path, 2)) == [0]
    assert not list((tmp_path / "node" / "films").glob("*.part"))


def test_an_association_of_many_small_films_and_echoes_is_not_cut_off(
    start: Start, tmp_path: Path, told: Any
) -> None:
    # Times as in use: a loaded machine must not end it either.
    node = start(limits=Limits(free_bytes=0, film_bytes=20_000, pdu_bytes=1 << 17))
    film = dcmread(study_film(tmp_path))
    entity = Entity("UNIT", PATIENCE)
    entity.add_requested_context("1.2.840.10008.1.1")
    entity.add_requested_context(film.SOPClassUID, film.file_meta.TransferSyntaxUID)
    # In many small messages, of which each has a head.
    entity.maximum_pdu_size = 1 << 14
    association = entity.associate("127.0.0.1", node.receiver.port, ae_title="TBSPOT")
    limit = 20_000 + (1 << 17)
    for _ in range(limit // 400):
        assert association.send_c_store(film).get("Status") == 0
    assert association.send_c_echo().get("Status") == 0
    association.release()
    assert "cut off" not in told.events()


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_a_film_whose_instance_is_no_uid_is_refused_and_told(
    start: Start, tmp_path: Path, told: Any
) -> None:
    node = start()
    odd = dcmread(study_film(tmp_path))
    odd.SOPInstanceUID = "1.2.826.0.01.5.7"
    assert send(node.receiver.port, odd, study_film(tmp_path, 2)) == [0xC000, 0]
    assert "refused" in told.events()
    assert len(node.store.ledger.films(9)) == 1


@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "SOPClassUID"])
def test_a_film_that_is_another_than_its_unit_says_is_refused(
    start: Start, tmp_path: Path, told: Any, keyword: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = start()
    encode = association_module.encode

    def encode_another(data: Any, *how: Any) -> Any:
        setattr(data, keyword, "1.2.3.4")
        return encode(data, *how)

    monkeypatch.setattr(association_module, "encode", encode_another)
    assert send(node.receiver.port, study_film(tmp_path)) == [0xA900]
    assert "refused" in told.events()
    assert not node.store.ledger.films(9)


@pytest.mark.parametrize(
    "title", ["CHEST ROOM NORTH 2", "", "  ", " XRAY", "A\\B", "RÖNTGEN", "A\n"]
)
def test_what_is_no_title_is_one_sentence(start: Start, tmp_path: Path, title: str) -> None:
    for change in ({"title": title}, {"titles": ("XRAY1", title)}):
        with pytest.raises(TbspotError, match="is no AE title"):
            start(**change)
    assert not (tmp_path / "node").exists()


def test_more_units_than_are_answered_at_a_time_are_told_so(start: Start, told: Any) -> None:
    node = start(limits=replace(LIMITS, associations=1, silence_seconds=20))
    entity = Entity("UNIT", PATIENCE)
    entity.add_requested_context("1.2.840.10008.1.1")
    first = entity.associate("127.0.0.1", node.receiver.port, ae_title="TBSPOT")
    second = entity.associate("127.0.0.1", node.receiver.port, ae_title="TBSPOT")
    assert first.is_established
    assert second.is_rejected
    wait_for(lambda: "association rejected" in told.events())
    rejected = next(one for one in told if one["event"] == "association rejected")
    assert rejected["reason"] == "Local limit exceeded"
    first.release()
    wait_for(lambda: _echo(node.receiver.port))


def test_connections_without_number_are_not_kept(start: Start, told: Any) -> None:
    node = start(limits=replace(LIMITS, associations=2, pdu_seconds=1))
    peers = [socket.create_connection(("127.0.0.1", node.receiver.port)) for _ in range(12)]
    wait_for(lambda: "connection refused" in told.events())
    for peer in peers:
        peer.close()
    wait_for(lambda: _echo(node.receiver.port))


def test_a_disk_that_is_nearly_full_refuses_new_films_and_keeps_the_old(
    start: Start, tmp_path: Path, told: Any
) -> None:
    node = start()
    assert send(node.receiver.port, study_film(tmp_path)) == [0]
    node.close()
    full = start(limits=replace(LIMITS, free_bytes=1 << 60))
    assert send(full.receiver.port, study_film(tmp_path, 2)) == [0xA700]
    # What is here already needs no room.
    assert send(full.receiver.port, study_film(tmp_path)) == [0]
    assert "refused" in told.events()
    assert not full.health().ok
    wait_for(lambda: full.store.ledger.counts()["located"] == 1)


def test_a_folder_that_is_gone_is_no_room_and_a_trouble(start: Start, tmp_path: Path) -> None:
    node = start()
    (tmp_path / "node").rename(tmp_path / "away")
    assert send(node.receiver.port, study_film(tmp_path)) == [0xA700]
    status, body = said_of(node.health)
    assert (status, json.loads(body)["free_bytes"]) == (503, 0)
    assert "bring its disk back" in str(json.loads(body)["troubles"])
    (tmp_path / "away").rename(tmp_path / "node")
    assert send(node.receiver.port, study_film(tmp_path)) == [0]


@pytest.mark.parametrize(
    ("error", "said"),
    [(TbspotError("it is gone"), "it is gone"), (KeyError("PLANTED"), "KeyError")],
)
def test_health_that_cannot_be_told_is_told(error: Exception, said: str) -> None:
    def ask() -> Health:
        raise error

    status, body = said_of(ask)
    assert (status, json.loads(body)) == (503, {"ok": False, "troubles": [f"health: {said}"]})


@pytest.mark.usefixtures("small_disk")
def test_a_disk_without_room_for_a_film_refuses_it_and_leaves_nothing(
    start: Start, tmp_path: Path
) -> None:
    node = start()
    large = dcmread(study_film(tmp_path, side=96))
    large.PixelData = b"\0" * (1 << 21)
    assert send(node.receiver.port, large) == [0xA700]
    assert not list((tmp_path / "node" / "films").iterdir())
    assert send(node.receiver.port, study_film(tmp_path, 2)) == [0]


def test_two_units_at_once_lose_nothing(start: Start, tmp_path: Path) -> None:
    node = start()
    films = [study_film(tmp_path, number) for number in range(1, 9)]
    answers: dict[int, list[int | None]] = {}

    def unit(number: int) -> None:
        # Both send all of them, in another order.
        answers[number] = send(node.receiver.port, *films[:: 1 - 2 * number], title=f"UNIT{number}")

    units = [threading.Thread(target=unit, args=(number,)) for number in range(2)]
    for one in units:
        one.start()
    for one in units:
        one.join()
    assert answers == {0: [0] * 8, 1: [0] * 8}
    assert len(node.store.ledger.films(99)) == 8
    assert len(list((tmp_path / "node" / "films").iterdir())) == 8


def test_associations_are_encrypted_where_it_is_asked_for(
    start: Start, certificate: Path, tmp_path: Path, told: Any
) -> None:
    files = (certificate / "certificate.pem", certificate / "key.pem")
    node = start(tls=Tls(*files, authority=files[0]), limits=LIMITS)
    context = ssl.create_default_context(cafile=files[0])
    context.load_cert_chain(*files)
    film = study_film(tmp_path)
    assert send(node.receiver.port, film, tls_args=(context, "localhost")) == [0]
    # Neither plain units are taken, nor those without a certificate of their own.
    assert send(node.receiver.port, film) == [None]
    stranger = ssl.create_default_context(cafile=files[0])
    assert send(node.receiver.port, film, tls_args=(stranger, "localhost")) == [None]
    with socket.create_connection(("127.0.0.1", node.receiver.port)):
        assert send(node.receiver.port, film, tls_args=(context, "localhost")) == [0]
    reasons = [one["reason"] for one in told if one["event"] == "connection refused"]
    # The silent one, which has gone, may be told of already.
    assert len(reasons) in (2, 3)
    assert reasons[1] == "TLS: PEER_DID_NOT_RETURN_A_CERTIFICATE"


@pytest.mark.parametrize("days", [5, 20_000])
def test_a_certificate_that_ends_is_said_weeks_before(
    start: Start, certificate: Path, tmp_path: Path, days: int
) -> None:
    path = tmp_path / "short.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-key", certificate / "key.pem", "-subj", "/CN=localhost",
         "-days", str(days), "-out", path],
        check=True, capture_output=True,
    )  # fmt: skip
    tls = Tls(path, certificate / "key.pem")
    settings = NodeSettings(tmp_path / "node", port=0, tls=tls)
    (found,) = (one for one in check(settings, bright_model) if one.name == "certificate")
    assert found.ok == (days > 5)
    kept = certificate_of(tls)
    assert kept is not None
    assert abs(kept.ends - datetime.now(UTC) - timedelta(days)) < timedelta(hours=1)
    assert "ended on" in str(kept.trouble(kept.ends + timedelta(1)))
    assert "begins on" in str(kept.trouble(kept.begins - timedelta(1)))
    troubles = start(tls=tls).health().troubles
    assert ["ends on" in one for one in troubles] == [True] * (days == 5)


def test_files_that_are_no_certificate_are_one_sentence(start: Start, tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("none")
    with pytest.raises(TbspotError, match="cannot be used for TLS"):
        start(tls=Tls(tmp_path / "x.pem", tmp_path / "x.pem"))


def test_a_key_that_has_a_password_is_one_sentence_and_nobody_is_asked(
    start: Start, certificate: Path, tmp_path: Path
) -> None:
    locked = tmp_path / "locked.pem"
    subprocess.run(
        ["openssl", "pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout", "pass:secret",
         "-in", certificate / "key.pem", "-out", locked],
        check=True, capture_output=True,
    )  # fmt: skip
    with pytest.raises(TbspotError, match="a key must have no password"):
        start(tls=Tls(certificate / "certificate.pem", locked))


def test_a_port_that_is_taken_is_one_sentence(start: Start) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(TbspotError, match="cannot listen"),
    ):
        start(port=taken.getsockname()[1])
    start()


@contextmanager
def _told_health(node: Node) -> Iterator[ThreadingHTTPServer]:
    server = serve_health(node.health, "127.0.0.1", 0)
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def _connected(server: ThreadingHTTPServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.server_address[1]), timeout=PATIENCE)


def test_health_is_told_to_the_next_whoever_is_slow(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "PATIENCE_SECONDS", 2)
    with _told_health(start()) as server, _connected(server) as slow, suppress(ConnectionError):
        slow.sendall(b"GET /health HTTP/1.1\r\nX: ")
        slow.settimeout(0.05)
        for _ in range(600):
            with suppress(TimeoutError):
                assert not slow.recv(1)
                break
            slow.sendall(b"a")
        else:
            pytest.fail("a byte now and then keeps a connection for ever")


def test_health_has_few_connections_at_a_time(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "PATIENCE_SECONDS", 300)
    with _told_health(start()) as server:
        with ExitStack() as stack:
            for _ in range(health.MOST_CONNECTIONS):
                stack.enter_context(_connected(server))
            with _connected(server) as one_more, suppress(ConnectionError):
                assert not one_more.recv(1)

        def is_told() -> bool:
            with _connected(server) as monitor, suppress(ConnectionError):
                monitor.sendall(b"GET /health HTTP/1.0\r\n\r\n")
                return monitor.recv(12).endswith(b"200")
            return False

        wait_for(is_told)


def test_health_is_figures_without_names_and_503_where_somebody_should_look(
    start: Start, tmp_path: Path
) -> None:
    node = start()
    with _told_health(node) as server:
        address = f"http://127.0.0.1:{server.server_address[1]}"
        look = urllib.request.Request(f"{address}/health", method="HEAD")  # noqa: S310 - our own
        with urllib.request.urlopen(look) as answer:  # noqa: S310 - our own
            assert (answer.status, answer.read()) == (200, b"")
        with urllib.request.urlopen(f"{address}/health") as answer:  # noqa: S310 - our own
            assert json.load(answer)["films"]["received"] == 0
        send(node.receiver.port, study_film(tmp_path, StudyInstanceUID=""))
        wait_for(lambda: node.store.ledger.counts()["aside"])
        with pytest.raises(urllib.error.HTTPError) as unwell:
            urllib.request.urlopen(f"{address}/health")  # noqa: S310 - our own
        assert unwell.value.code == 503
        assert json.load(unwell.value)["troubles"] == ["queue: 1 film was set aside"]
        unwell.value.close()
        with pytest.raises(urllib.error.HTTPError) as absent:
            urllib.request.urlopen(f"{address}/other")  # noqa: S310 - our own
        absent.value.close()
