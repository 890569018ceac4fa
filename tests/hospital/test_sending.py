"""What counts as sent, and what an archive that answers badly makes of it."""

from __future__ import annotations

import contextlib
import errno
import gc
import gzip
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, get_args

import pytest

from results import Case
from tbspot.choices import ResultKind
from tbspot.errors import TbspotError

hospital = pytest.importorskip("tbspot.hospital", reason="highdicom is not installed")
sending = pytest.importorskip("tbspot.hospital.sending", reason="pynetdicom is not installed")
archives = pytest.importorskip("tbspot.hospital.archives")
c_store = pytest.importorskip("tbspot.hospital.c_store")
stow_rs = pytest.importorskip("tbspot.hospital.stow_rs")
read_result = pytest.importorskip("tbspot.hospital.result_files").read_result
pynetdicom = pytest.importorskip("pynetdicom")
C_STORE = pytest.importorskip("pynetdicom.dimse_primitives").C_STORE
requests = pytest.importorskip("requests")
KINDS = get_args(ResultKind)

Respond = Callable[[str, int], tuple[int, dict[str, Any] | bytes]]


@pytest.fixture
def run(case: Case, tmp_path: Path) -> Path:
    """A run's folder with three results."""
    folder = tmp_path / "run"
    (folder / "dicom").mkdir(parents=True)
    for kind, made in hospital.results_of(KINDS, *case.arguments).items():
        made.save_as(folder / "dicom" / f"{kind}.dcm", enforce_file_format=True)
    return folder


@contextmanager
def _network(store: Callable[[Any], int], **options: Any) -> Iterator[str]:
    """An archive by pynetdicom whose answers are `store`'s; gives its address."""
    entity = pynetdicom.AE(ae_title="FAKE")
    entity.supported_contexts = pynetdicom.StoragePresentationContexts
    entity.require_called_aet = options.get("strict", False)
    if "classes" in options:
        entity.supported_contexts = []
        for kind in options["classes"]:
            entity.add_supported_context(kind)
    handlers = [(pynetdicom.evt.EVT_C_STORE, store)]
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    try:
        yield f"FAKE@127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """A web server of this machine; gives its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/dicom-web"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def _web(respond: Respond) -> Iterator[str]:
    """A web server that answers the request's UID and number by `respond`; gives its address."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self._body()
            start = body.index(b"2.25.")
            uid = body[start : start + 64].split(b"\0")[0].split(b"\x02")[0].decode()
            asked.append(uid)
            code, content = respond(uid, len(asked))
            raw = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/dicom+json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def _body(self) -> bytes:
            if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                return self.rfile.read(int(self.headers["Content-Length"]))
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def log_message(self, *arguments: Any) -> None:
            """Nothing is printed."""

    with _serving(Handler) as address:
        yield address


@contextmanager
def _raw(head: str, drip: bytes, pause: float) -> Iterator[str]:
    """A web server that reads a request, and whose answer does not end; gives its address."""
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.wfile.write(f"HTTP/1.1 200 OK\r\n{head}".encode())
            with contextlib.suppress(OSError):
                while not ended.wait(pause):
                    self.wfile.write(drip)

        def log_message(self, *arguments: Any) -> None:
            """Nothing is printed."""

    with _serving(Handler) as address:
        try:
            yield address
        finally:
            ended.set()


JSON, END = "Content-Type: application/dicom+json", "\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "drip", "pause"),
    [
        (f"{JSON}\r\nContent-Length: 100000{END}", b" ", 0.1),
        (f"{JSON}\r\nTransfer-Encoding: chunked{END}", b"1\r\n \r\n", 0.1),
        (f"{JSON}\r\nContent-Length: 10000000000{END}", b" " * 50_000, 0.01),
        (f"{JSON}\r\nContent-Encoding: gzip{END}", gzip.compress(b" " * (64 << 20)), 0.01),
        # Nor does its head.
        ("X: ", b"a", 0.1),
    ],
)
def test_an_answer_that_does_not_end_is_given_up(
    head: str, drip: bytes, pause: float, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    monkeypatch.setattr(stow_rs, "ANSWER_SECONDS", 1)
    monkeypatch.setattr(stow_rs, "MOST_BYTES", 50_000)
    made = hospital.results_of(["sr"], *case.arguments)["sr"]
    began = time.monotonic()
    with (
        _raw(head, drip, pause) as address,
        contextlib.closing(archives.archive_of(address, "TBSPOT")) as archive,
    ):
        for ask in (archive.ask, lambda: archive.store(made)):
            with pytest.raises(archives.ArchiveLost, match="does not come to an end"):
                ask()
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("begun", [b"", b"\x02\x00\x00\x00\x10\x00"])
def test_a_message_of_the_protocol_that_does_not_end_is_given_up(
    begun: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(c_store, "ANSWER_SECONDS", 1)
    all_sent = threading.Event()

    def drip(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with peer, contextlib.suppress(OSError):
            peer.sendall(begun)
            for _ in range(600):
                peer.sendall(b"\x02")
                time.sleep(0.05)
            all_sent.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        dripping = threading.Thread(target=drip, args=(listener,))
        dripping.start()
        address = f"ARCHIVE@127.0.0.1:{listener.getsockname()[1]}"
        with (
            contextlib.closing(archives.archive_of(address, "TBSPOT")) as archive,
            pytest.raises(archives.ArchiveLost),
        ):
            archive.ask()
        dripping.join()
    # Else it was the archive that had no patience.
    assert not all_sent.is_set()


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        (200, "application/dicom+json", None),
        (200, "application/dicom+xml; charset=utf-8", None),
        (400, "text/plain", None),
        (409, "application/dicom+json", None),
        (415, "text/html", None),
        (200, "text/html", "what answers there is no STOW-RS (text/html): check the path"),
        (204, "", None),
        (422, "application/dicom+json", None),
        (200, "", "no STOW-RS"),
        (406, "text/html", "refuses it (HTTP 406)"),
        (302, "text/html", "leads elsewhere (HTTP 302)"),
        (307, "text/html", "leads elsewhere (HTTP 307)"),
        (500, "text/html", "answers, but cannot take it now (HTTP 500)"),
        (503, "application/dicom+json", "answers, but cannot take it now (HTTP 503)"),
        (418, "text/html", "refuses it (HTTP 418)"),
        (401, "text/html", "HTTP 401"),
        (404, "text/html", "HTTP 404"),
    ],
)
def test_an_address_takes_results_only_if_it_answers_as_stow_rs_does(
    code: int, kind: str, said: str | None
) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Location", "/login")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            raise AssertionError("nobody asked to be led elsewhere")

        def log_message(self, *arguments: Any) -> None:
            """Nothing is printed."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        archive = archives.archive_of(f"http://127.0.0.1:{server.server_port}/x", "TBSPOT")
        try:
            found = archive.ask()
        except archives.ArchiveLost as error:
            found = str(error)
        server.shutdown()
        thread.join()
    assert found == said or (said is not None and said in found)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (requests.exceptions.SSLError("CERTIFICATE_VERIFY_FAILED"), "certificate is not trusted"),
        (requests.exceptions.SSLError("WRONG_VERSION_NUMBER"), "no secure connection"),
        (OSError("invalid path: /no/such"), "REQUESTS_CA_BUNDLE names cannot be read"),
        (requests.exceptions.ConnectTimeout(), "no archive answers there"),
    ],
)
def test_why_an_archive_is_not_reached_is_said(
    error: OSError, said: str, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(requests.Session, "send", fail)
    made = hospital.results_of(["sr"], *case.arguments)["sr"]
    archive = archives.archive_of("https://archive/dicom-web", "TBSPOT")
    for ask in (archive.ask, lambda: archive.store(made)):
        with pytest.raises(archives.ArchiveLost, match=said):
            ask()


def test_an_archive_that_takes_no_class_of_results_is_told_so(run: Path) -> None:
    with _network(lambda _: 0, classes=["1.2.840.10008.1.1"]) as address:
        sent = sending.send(run, address)
    assert {why for _, why in sent.failed} == {
        "the archive takes none of the classes that results have"
    }


def test_what_the_archive_has_already_is_stored(run: Path) -> None:
    with _network(lambda _: 0x0111) as address:
        assert sending.send(run, address).stored == 3
    with _web(lambda uid, _: (409, _failed(uid, 0x0111))) as address:
        assert sending.send(run, address).stored == 3


def _stored(uid: str) -> dict[str, Any]:
    item = {"00081155": {"vr": "UI", "Value": [uid]}}
    return {"00081199": {"vr": "SQ", "Value": [item]}}


def _failed(uid: str, reason: int) -> dict[str, Any]:
    item = {"00081155": {"vr": "UI", "Value": [uid]}, "00081197": {"vr": "US", "Value": [reason]}}
    return {"00081198": {"vr": "SQ", "Value": [item]}}


def test_what_one_archive_has_confirmed_is_sent_to_it_once_and_to_others_too(run: Path) -> None:
    received: list[str] = []

    def store(event: Any) -> int:
        received.append(event.request.AffectedSOPInstanceUID)
        return 0x0000

    with _network(store) as one, _network(store) as other:
        assert sending.send(run, one).stored == 3
        with (run / "dicom" / sending.SENT_FILE).open("ab") as lines:
            lines.write(b"[" * 100_000 + b"\n")  # nested without end, as no line of ours
        assert sending.send(run, one).before == 3
        assert sending.send(run, other).stored == 3
    assert len(received) == 6
    assert len(set(received)) == 3


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_no_pipe_among_results_is_waited_for(run: Path) -> None:
    os.mkfifo(run / "dicom" / "sq.dcm")
    with _network(lambda _: 0x0000) as archive:
        sent = sending.send(run, archive)
        assert (sent.stored, [name for name, _ in sent.failed]) == (3, ["sq.dcm"])
        (run / "dicom" / sending.SENT_FILE).unlink()
        os.mkfifo(run / "dicom" / sending.SENT_FILE)
        with pytest.raises(TbspotError, match=r"cannot read .*sent\.jsonl: not a regular file"):
            sending.send(run, archive)


def test_results_in_numbered_folders_are_sent_too(run: Path) -> None:
    (run / "dicom" / "3f").mkdir()
    (run / "dicom" / "sr.dcm").rename(run / "dicom" / "3f" / "sr.dcm")
    (run / "dicom" / "3f" / "._sr.dcm").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X")  # of macOS
    with _network(lambda _: 0x0000) as archive:
        assert sending.send(run, archive) == sending.Sent(stored=3)
        assert sending.send(run, archive).before == 3


@pytest.mark.parametrize("status", [0xA700, 0xA900, 0xC000, 0x0122, 0x0124, 0xFE00])
def test_an_instance_that_is_refused_is_told_and_sent_again_by_the_same_call(
    run: Path, status: int
) -> None:
    answers = iter([0x0000, status, 0x0000, 0x0000])
    told: list[str] = []
    with _network(lambda _: next(answers)) as address:
        first = sending.send(run, address, tell=told.append)
        assert (first.stored, len(first.failed)) == (2, 1)
        assert told == [f"seg.dcm: the archive answers with status 0x{status:04X}"]
        second = sending.send(run, address)
    assert (second.stored, second.before, second.failed) == (1, 2, [])


@pytest.mark.parametrize("status", [0xB000, 0xB006, 0xB007, 0x0107, 0x0116])
def test_a_warning_of_the_standard_is_a_confirmation(run: Path, status: int) -> None:
    with _network(lambda _: status) as address:
        assert sending.send(run, address).stored == 3


def test_an_answer_that_names_another_instance_confirms_none(run: Path) -> None:
    def store(event: Any) -> int:
        early = C_STORE()
        early.MessageIDBeingRespondedTo = event.request.MessageID
        early.AffectedSOPClassUID = event.request.AffectedSOPClassUID
        early.AffectedSOPInstanceUID = "1.2.3"
        early.Status = 0x0000
        event.assoc.dimse.send_msg(early, event.context.context_id)
        return 0xA700

    with _network(store) as address:
        sent = sending.send(run, address)
    assert sent.stored == 0
    assert {why for _, why in sent.failed} == {
        "the archive answers for another instance than it was sent"
    }


def test_a_class_that_the_archive_does_not_take_fails_alone(run: Path) -> None:
    classes = ["1.2.840.10008.5.1.4.1.1.7"]
    with _network(lambda _: 0, classes=classes) as address:
        sent = sending.send(run, address)
    assert sent.stored == 1
    assert [name for name, _ in sent.failed] == ["seg.dcm", "sr.dcm"]
    assert all("does not take objects of its class" in why for _, why in sent.failed)


def test_an_archive_that_goes_away_leaves_the_rest_for_the_next_call(run: Path) -> None:
    def store(event: Any) -> int:
        event.assoc.abort()
        return 0x0000

    with _network(store) as address:
        sent = sending.send(run, address)
    assert sent.stored == 0
    assert len(sent.failed) == 3


def test_a_title_that_the_archive_does_not_have_is_said(run: Path) -> None:
    with _network(lambda _: 0, strict=True) as address:
        sent = sending.send(run, address.replace("FAKE", "OTHER"))
    assert {why for _, why in sent.failed} == {
        "the archive refuses the connection: check both AE titles"
    }


@pytest.mark.parametrize("address", ["X@127.0.0.1:1", "http://127.0.0.1:1/dicom-web"])
def test_where_nobody_answers_each_result_fails_and_nothing_is_printed(
    run: Path, address: str, capfd: pytest.CaptureFixture[str]
) -> None:
    sent = sending.send(run, address)
    assert (sent.stored, len(sent.failed)) == (0, 3)
    assert all("no archive answers there" in why for _, why in sent.failed)
    assert capfd.readouterr() == ("", "")
    gc.collect()


def test_the_web_confirms_by_the_instances_name(run: Path) -> None:
    with _web(lambda uid, _: (200, _stored(uid))) as address:
        assert sending.send(run, address).stored == 3
        assert sending.send(run, f"{address}/").before == 3


@pytest.mark.parametrize(
    ("respond", "why"),
    [
        (lambda _, __: (200, b""), "does not name it as stored"),
        (lambda _, __: (200, {}), "does not name it as stored"),
        (lambda _, __: (200, _stored("1.2.3")), "does not name it as stored"),
        (lambda uid, _: (202, _failed(uid, 0xA700)), "reason 0xA700"),
        (lambda uid, _: (200, _stored(uid) | _failed(uid, 0xA700)), "reason 0xA700"),
        (lambda uid, _: (409, _failed(uid, 0xA700)), "(HTTP 409, reason 0xA700)"),
        (lambda uid, _: (409, _stored(uid)), "HTTP 409"),
        (lambda _, __: (500, b"oops"), "HTTP 500"),
        (lambda _, __: (503, b""), "HTTP 503"),
        (lambda _, __: (401, b""), "HTTP 401"),
        (lambda _, __: (200, b"<html>"), "cannot be"),
        (lambda _, __: (200, b"[1, 2]"), "cannot be read"),
        (lambda _, __: (200, {"00081199": {"vr": "SQ", "Value": 7}}), "answer"),
    ],
)
def test_an_answer_that_does_not_say_so_is_no_confirmation(
    run: Path, respond: Respond, why: str
) -> None:
    with _web(respond) as address:
        sent = sending.send(run, address)
    assert sent.stored == 0
    assert len(sent.failed) == 3
    assert all(why in said for _, said in sent.failed)
    assert not (run / "dicom" / "sent.jsonl").exists()


@pytest.mark.parametrize(
    "address",
    [
        "", "localhost", "ORTHANC@localhost", "ORTHANC@localhost:0", "ORTHANC@localhost:70000",
        "@localhost:104", "SEVENTEEN-LETTERS@localhost:104", "A\\B@localhost:104", "http://",
        "https://:8042", "http://host:port/", "http://host/path?query", "ftp://host",
    ],
)  # fmt: skip
def test_what_is_no_address_is_one_sentence(run: Path, address: str) -> None:
    with pytest.raises(TbspotError, match="is no address"):
        sending.send(run, address)


def test_a_password_in_the_address_is_refused_and_not_repeated(run: Path) -> None:
    with pytest.raises(TbspotError, match="netrc") as caught:
        sending.send(run, "https://user:SECRET@host/dicom-web")
    assert "SECRET" not in str(caught.value)


def test_a_run_without_results_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TbspotError, match="holds no results as DICOM"):
        sending.send(tmp_path, "X@localhost:104")


@pytest.mark.parametrize("end", [b'{"to": "FAKE', b"\xff\xfe\x00", b"null\n[]\n7\n", b"{}"])
def test_a_record_that_was_cut_off_or_spoilt_sends_again_rather_than_less(
    run: Path, end: bytes
) -> None:
    record = run / "dicom" / "sent.jsonl"
    with _network(lambda _: 0) as address:
        assert sending.send(run, address).stored == 3
        lines = [line for line in record.read_bytes().splitlines() if line]
        record.write_bytes(b"\n".join(lines[:2]) + b"\n" + end)
        assert sending.send(run, address).stored == 1
        assert sending.send(run, address).before == 3


def test_a_result_that_is_broken_fails_alone(run: Path) -> None:
    (run / "dicom" / "seg.dcm").write_bytes(b"no DICOM")
    with _network(lambda _: 0) as address:
        sent = sending.send(run, address)
    assert sent.stored == 2
    assert sent.failed == [("seg.dcm", "is not a whole DICOM file; locate anew with --overwrite")]


@pytest.mark.parametrize("kind", KINDS)
def test_a_result_that_was_cut_off_anywhere_is_not_read(run: Path, kind: str) -> None:
    path = run / "dicom" / f"{kind}.dcm"
    whole = path.read_bytes()
    assert read_result(path) is not None
    for length in (0, 131, 140, 142, 300, 1000, 2500, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert read_result(path) is None


def test_a_result_that_cannot_be_read_now_is_not_said_to_be_cut_off(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object, **__: object) -> Any:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("tbspot.hospital.result_files.dcmread", read)
    with _network(lambda _: 0) as address:
        sent = sending.send(run, address)
    assert sent.stored == 0
    assert {why for _, why in sent.failed} == {
        "cannot be read (Input/output error); mend that, and the same command goes on"
    }


@pytest.mark.parametrize("length", [142, 300, 3000])
def test_results_that_were_cut_off_fail_alone(run: Path, length: int) -> None:
    for kind in ("sc", "sr"):
        path = run / "dicom" / f"{kind}.dcm"
        path.write_bytes(path.read_bytes()[:length])
    with _network(lambda _: 0) as address:
        sent = sending.send(run, address)
    assert sent.stored == 1
    assert [name for name, _ in sent.failed] == ["sc.dcm", "sr.dcm"]
    assert all("is not a whole DICOM file" in why for _, why in sent.failed)


def test_a_fault_with_one_result_leaves_the_others(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = c_store.ByNetwork._store

    def breaks(archive: Any, instance: Any) -> str | None:
        if instance.Modality == "SEG":
            raise KeyError("unforeseen")
        return store(archive, instance)  # type: ignore[no-any-return]

    monkeypatch.setattr(c_store.ByNetwork, "_store", breaks)
    with _network(lambda _: 0) as address:
        sent = sending.send(run, address)
    assert sent.stored == 2
    assert "a fault of tbspot (KeyError)" in sent.failed[0][1]


def test_nothing_that_is_kept_of_sending_names_the_patient(run: Path) -> None:
    with _network(lambda _: 0) as address:
        sending.send(run, address)
    assert b"PLANTED" not in (run / "dicom" / "sent.jsonl").read_bytes()
