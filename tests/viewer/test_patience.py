"""Answers over slow lines: who takes some of one keeps the connection, who takes none does not."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from uvicorn import Server

from tbspot.viewer import patience
from tbspot.viewer.serving import listen, server_of

# More than systems hold of an answer, on both sides.
BODY = bytes(range(256)) * (1 << 15)
RECEIVING = 1 << 16
SECONDS = 1.0
# Bytes a second: of a full 2.5 MB as a system holds them a third takes two seconds.
RATE = 400_000


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
def slow(
    request: pytest.FixtureRequest, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Server, socket.socket]]:
    """A server of little patience, and a line to it that has asked for a large answer."""
    monkeypatch.setattr(patience, "SECONDS", SECONDS)
    server = server_of(Starlette(routes=[Route("/", lambda _: Response(BODY))]))
    server.config.load()
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVING)
    with listen("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        if request.param:
            own = certificate / "certificate.pem"
            server.config.ssl = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            server.config.ssl.load_cert_chain(own, certificate / "key.pem")
            line = ssl.create_default_context(cafile=own).wrap_socket(
                line, server_hostname="localhost"
            )
        thread.start()
        line.connect(listener.getsockname())
        line.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with line:
            yield server, line
        server.should_exit = True
        thread.join()


def test_a_steady_reader_of_a_slow_line_is_not_cut_off(slow: tuple[Server, socket.socket]) -> None:
    server, line = slow
    began, taken = time.monotonic(), 0
    while (passed := time.monotonic() - began) < 3 * SECONDS:
        if taken < passed * RATE:
            taken += len(line.recv(4096))
        else:
            time.sleep(0.005)
    assert server.server_state.connections
    # The rest comes as fast as it is taken.
    answer = b""
    while taken + len(answer) < len(BODY):
        some = line.recv(1 << 20)
        assert some, "it was cut off"
        answer += some
    assert answer.endswith(BODY[-(1 << 16) :])


def test_who_takes_nothing_is_cut_off(slow: tuple[Server, socket.socket]) -> None:
    server, line = slow
    assert line.recv(1)
    deadline = time.monotonic() + 60
    while server.server_state.connections:
        assert time.monotonic() < deadline
        time.sleep(0.02)
