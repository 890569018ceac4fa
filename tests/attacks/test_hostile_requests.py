"""Requests that mean no good: nothing is written past the limits, nobody is shut out."""

from __future__ import annotations

import asyncio
import select
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from pages import Page, serving, write_model, write_run
from tbspot import temporary as holding
from tbspot.records.predictions import Prediction
from tbspot.viewer import drops as module
from tbspot.viewer.cases import Case
from tbspot.viewer.drops import BusyError, Drops, Judged, TooLargeError, TooSlowError
from tbspot.viewer.guard import HEADERS

pytestmark = pytest.mark.attack


def _judge(file: Path, name: str) -> Judged:
    said = Prediction(image=name, status="failed", reason="no film", model="", version="")
    return Judged(Case(said, lambda: np.zeros((1, 1), np.float32), None), file.stat().st_size)


@pytest.fixture
def drops() -> Iterator[Drops]:
    queue = Drops(_judge)
    yield queue
    queue.close()


async def _parts(count: int, length: int = 100, wait: float = 0.0) -> AsyncIterator[bytes]:
    for _ in range(count):
        await asyncio.sleep(wait)
        yield bytes(length)


def _files(drops: Drops) -> list[str]:
    return [path.name for path in drops._folder.iterdir()]


def test_bytes_that_arrive_are_counted_whatever_was_declared(
    drops: Drops, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    taken = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            taken.append(100)
            yield bytes(100)

    with pytest.raises(TooLargeError):
        asyncio.run(drops.receive(5, endless()))
    assert sum(taken) == 1100
    assert _files(drops) == []
    asyncio.run(drops.receive(1000, _parts(10)))


def test_a_promise_keeps_no_place(drops: Drops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 3)

    async def idle() -> AsyncIterator[bytes]:
        await asyncio.sleep(600)
        yield b""

    async def all_at_once() -> None:
        promises = [
            asyncio.create_task(drops.receive(module.MOST_BYTES, idle())) for _ in range(20)
        ]
        await asyncio.sleep(0.05)
        await asyncio.wait_for(drops.receive(100, _parts(1)), 5)
        for promise in promises:
            promise.cancel()
        await asyncio.gather(*promises, return_exceptions=True)

    asyncio.run(all_at_once())
    drops._thread.submit(lambda: None).result()
    assert (drops._waiting, drops._waiting_bytes) == (0, 0)
    assert _files(drops) == []


def test_what_has_arrived_of_all_films_together_is_bounded(
    drops: Drops, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_WAITING_BYTES", 450)

    async def two() -> list[object]:
        films = (drops.receive(100, _parts(3, wait=0.01)) for _ in range(2))
        return list(await asyncio.gather(*films, return_exceptions=True))

    assert [type(one) for one in asyncio.run(two())].count(BusyError) == 1


@pytest.mark.parametrize(
    ("count", "wait"), [(1, 60.0), (1000, 0.02)], ids=["nothing comes", "a byte now and then"]
)
def test_a_film_that_does_not_arrive_is_given_up(
    drops: Drops, monkeypatch: pytest.MonkeyPatch, count: int, wait: float
) -> None:
    monkeypatch.setattr(module, "GRACE", 0.3)
    with pytest.raises(TooSlowError):
        asyncio.run(drops.receive(1000, _parts(count, 1, wait)))
    assert _files(drops) == []
    assert (drops._waiting, drops._waiting_bytes) == (0, 0)


def test_a_film_that_came_far_and_then_stops_is_given_up_as_soon(
    drops: Drops, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GRACE", 0.3)

    async def stopping() -> AsyncIterator[bytes]:
        yield bytes(50_000_000)
        await asyncio.sleep(60)

    start = time.monotonic()
    with pytest.raises(TooSlowError):
        asyncio.run(drops.receive(100_000_000, stopping()))
    assert time.monotonic() - start < 20


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, film_path: Path) -> Iterator[Page]:
    """A run of one film, and a model for dropped films."""
    base = tmp_path_factory.mktemp("hostile")
    model = write_model(base / "model.onnx", "m", 1)
    write_run(base / "run", model, film_path)
    with serving(base / "run", "--model", model, "--no-gate") as served:
        yield served


def _raw(page: Page, request: bytes, seconds: float = 30) -> bytes:
    """What the page answers to bytes as they are, until it closes or falls silent."""
    parts = urlsplit(page.address)
    answer = b""
    with socket.create_connection((parts.hostname, parts.port), timeout=seconds) as connection:
        connection.sendall(request)
        try:
            while part := connection.recv(65536):
                answer += part
                if b"\r\n\r\n" in answer:
                    break
        except TimeoutError:
            pass
    return answer


def _head(page: Page, *lines: str) -> bytes:
    host = urlsplit(page.address).netloc
    return "\r\n".join(["POST /drops HTTP/1.1", f"Host: {host}", *lines, "", ""]).encode()


def test_a_length_that_contradicts_chunks_does_not_lift_the_limit(page: Page) -> None:
    # The limit itself is tested above: here, that both headers together harm nothing.
    request = _head(page, "Content-Length: 5", "Transfer-Encoding: chunked")
    answer = _raw(page, request + b"8\r\n12345678\r\n0\r\n\r\n")
    assert answer.split(b" ")[1] in (b"202", b"400"), answer


@pytest.mark.parametrize("length", ["-1", "x", "", "1e3", "9" * 400, "\u0665", "5, 6"])
def test_a_length_that_is_none_is_refused(page: Page, length: str) -> None:
    answer = _raw(page, _head(page, f"Content-Length: {length}"))
    assert answer.split(b" ")[1] in (b"400", b"411"), answer


def test_idle_promises_shut_nobody_out(page: Page) -> None:
    parts = urlsplit(page.address)
    idle = []
    for _ in range(20):
        one = socket.create_connection((parts.hostname, parts.port))
        one.sendall(_head(page, "Content-Length: 512000000"))
        idle.append(one)
    try:
        address = page.drop(b"no film")
        assert page.wait(address)["status"] == "failed"
    finally:
        for one in idle:
            one.close()


@pytest.mark.parametrize(
    "path",
    [
        f"/film/{'9' * 5000}", f"/film/{'9' * 5000}/pixels", f"/film/{'9' * 5000}/result.json",
        f"/beside/{'1' * 5000}/boxes", "/film/-1", "/film/1e3", "/film/00", "/film/0x0",
        "/film/%D9%A3", "/film/%00", "/film/%ff", "/film/0/pixels%00", f"/?page={'9' * 5000}",
        f"/?search={'%00' * 500}", "/film/0/heatmap.png?share=nan", "/film/0/heatmap.png?share=inf",
        f"/film/0/boxes?share={'9' * 5000}", "/film/0/boxes?share=1e-400", "/drop/%0d%0aX:1",
        "/drop/x/progress", "/threshold?score=0.5", "/static/../app.py", "/static/%2e%2e/app.py",
        "/film/0/thumbnail.png?x=%F0", "/nothing/0/report.html", "//film/0", "/%2e%2e/%2e%2e/etc",
    ],
)  # fmt: skip
def test_an_address_that_means_nothing_is_refused_with_the_headers(page: Page, path: str) -> None:
    answer = page.ask(path)
    assert answer.status < 500
    for name, value in HEADERS.items():
        assert answer.headers[name.lower()] == value


@pytest.mark.parametrize(
    "request_line",
    [b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
     b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
     b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\n"],
)  # fmt: skip
def test_what_is_no_request_is_refused_with_the_headers(page: Page, request_line: bytes) -> None:
    answer = _raw(page, request_line)
    assert answer.split(b" ")[1] in (b"400", b"421"), answer
    for name, value in HEADERS.items():
        assert f"{name}: {value}".lower().encode() in answer.lower()
    assert page.ask("/").status == 200


SLOW = """
import sys
import tbspot.viewer.patience as patience
patience.SECONDS = 1.0
sys.argv = ["tbspot", "view", "--no-browser", "--port", "0"]
from tbspot.__main__ import main
main()
"""


@contextmanager
def _connected_to_a_page_of_little_patience() -> Iterator[tuple[socket.socket, bytes]]:
    """A connection to a page whose patience is a second, and the host that requests name."""
    command = [sys.executable, "-c", SLOW]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            parts = urlsplit(process.stdout.readline().strip())
            with socket.create_connection((parts.hostname, parts.port), timeout=60) as one:
                yield one, parts.netloc.encode()
        finally:
            process.terminate()


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHo", b"G"])
def test_a_connection_that_asks_nothing_is_closed(said: bytes) -> None:
    with _connected_to_a_page_of_little_patience() as (one, _):
        one.sendall(said)
        assert one.recv(100) == b""


@pytest.mark.parametrize("path", [b"/", b"/static/absent"])
def test_a_connection_that_goes_on_with_an_answered_request_is_closed(path: bytes) -> None:
    with _connected_to_a_page_of_little_patience() as (one, host):
        one.sendall(b"GET %b HTTP/1.1\r\nHost: %b\r\nContent-Length: 1000\r\n\r\n" % (path, host))
        assert one.recv(1 << 20).startswith(b"HTTP/1.1 ")
        one.sendall(b"x")
        with suppress(ConnectionResetError):
            while one.recv(1 << 20):
                pass


def test_a_connection_that_does_not_take_its_answers_is_closed() -> None:
    with _connected_to_a_page_of_little_patience() as (one, host):
        line = b"GET /static/film.js HTTP/1.1\r\nHost: %b\r\nX: %b\r\n\r\n"
        one.settimeout(1)
        with suppress(TimeoutError, ConnectionError):
            while True:
                one.sendall(line % (host, b"x" * 3000))
        ended = select.poll()
        ended.register(one, 0)
        assert ended.poll(60_000)


def test_a_fault_of_ours_is_500_with_the_headers_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from tbspot.viewer.app import create_app
    from tbspot.viewer.pages import Pages
    from tbspot.viewer.site import Site

    def broken(*_: object) -> None:
        raise ZeroDivisionError("of DOE^JANE")

    monkeypatch.setattr(Pages, "first", broken)
    app = create_app(Site(None, None, None, "", None), {"here"}, None)
    sent = []

    async def ask() -> None:
        async def send(message: dict[str, object]) -> None:
            sent.append(message)

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": b"", "more_body": False}

        scope = {"type": "http", "method": "GET", "path": "/", "raw_path": b"/", "scheme": "http",
                 "query_string": b"", "root_path": "", "headers": [(b"host", b"here")],
                 "http_version": "1.1", "server": ("here", 80), "client": ("here", 1)}  # fmt: skip
        await app(scope, receive, send)  # type: ignore[arg-type]

    asyncio.run(ask())
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}  # type: ignore[attr-defined]
    assert sent[0]["status"] == 500
    assert {name.lower(): value for name, value in HEADERS.items()}.items() <= headers.items()
    assert b"a fault of tbspot (ZeroDivisionError)" in sent[1]["body"]  # type: ignore[operator]
    assert "a report without names" in caplog.text
    assert "DOE" not in caplog.text + str(sent)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of temporary files of the test's own, where leftovers count at once."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(holding, "SECONDS", -60.0)
    return tmp_path


KILLED = """
import os, signal, sys, tempfile
tempfile.tempdir = sys.argv[1]
from tbspot.temporary import held_folder
folder, hold = held_folder()
(folder / "film").write_bytes(b"of a patient")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_page_left_is_gone_at_the_next_start(temporary: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(temporary)]
    assert subprocess.run(command, check=False).returncode == -9
    assert len(list(temporary.rglob("film"))) == 1
    Drops(_judge).close()
    assert list(temporary.iterdir()) == []


def test_the_folder_of_a_page_that_lives_stays(temporary: Path) -> None:
    one = Drops(_judge)
    other = Drops(_judge)
    assert one._folder.is_dir()
    one.close()
    other.close()
    assert list(temporary.iterdir()) == []


def test_a_link_or_a_folder_of_others_under_such_a_name_is_left_alone(
    temporary: Path,
) -> None:
    (temporary / "precious").mkdir()
    (temporary / "precious" / "film").touch()
    (temporary / f"{holding.PREFIX}12345678").symlink_to(temporary / "precious")
    (temporary / f"{holding.PREFIX}open_to_").mkdir(mode=0o777)
    (temporary / f"{holding.PREFIX}open_to_").chmod(0o777)
    (temporary / f"{holding.PREFIX}file_of_").touch()
    holding.remove_leftovers()
    assert (temporary / "precious" / "film").exists()
    assert len(list(temporary.iterdir())) == 4
