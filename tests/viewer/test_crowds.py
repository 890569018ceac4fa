from __future__ import annotations

import asyncio
import errno
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette

from tbspot.viewer import crowds
from tbspot.viewer.crowds import Server
from tbspot.viewer.serving import listen, server_of


def test_connections_beyond_the_bound_are_closed_at_once_until_others_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(crowds, "MOST_CONNECTIONS", 2)
    with listen("127.0.0.1", 0) as listener:
        callers = [socket.create_connection(listener.getsockname(), 60) for _ in range(3)]
        taken = [listener.accept()[0] for _ in range(2)]
        with pytest.raises(ConnectionAbortedError):  # which asyncio takes for nobody
            listener.accept()
        assert callers[2].recv(1) == b""
        taken[0].close()
        callers.append(socket.create_connection(listener.getsockname(), 60))
        taken.append(listener.accept()[0])
        for one in (*callers, *taken):
            one.close()


def test_a_system_without_descriptors_is_one_sentence_a_minute(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Server, "_told", float("-inf"))
    loop = asyncio.new_event_loop()
    for _ in range(100):
        error = OSError(errno.EMFILE, "Too many open files")
        Server._tell(loop, {"message": "socket.accept() out of resource", "exception": error})
    assert [one.getMessage() for one in caplog.records] == [
        "the page takes no new connection for now (Too many open files); close other programs, or "
        "raise the limit of open files (ulimit -n)"
    ]
    Server._tell(loop, {"message": "another fault"})
    assert "another fault" in caplog.text
    loop.close()


def test_ctrl_c_twice_ends_the_app_in_order_too(caplog: pytest.LogCaptureFixture) -> None:
    told = []

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        told.append("begun")
        yield
        told.append("ended")

    server = server_of(Starlette(lifespan=lifespan))

    async def serve() -> None:
        with listen("127.0.0.1", 0) as listener:
            await server.startup([listener])
            for _ in range(2):
                server.handle_exit(signal.SIGINT, None)
            await server.shutdown([listener])

    # As `Server.serve` does, but for the signals, which are the tests' own.
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    asyncio.run(serve())
    assert told == ["begun", "ended"]
    assert caplog.text == ""
