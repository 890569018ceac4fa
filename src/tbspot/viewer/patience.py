"""Connections that ask nothing: closed after a while, so that they keep no place from others.

Takes uvicorn's protocol, whose own patience begins after the first answer; gives one that also
ends connections which never finish a request's head. Bodies have their limit in bodies.py.
"""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from tbspot.viewer.guard import HEADERS

__all__ = ["Patient"]

# Between the first byte and the last of a request's head, and before any: browsers open spare
# connections, which they can open again.
SECONDS = 20.0


class Patient(H11Protocol):
    """A connection that has some seconds to say what it wants."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Go on waiting until the head is whole."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop()
        elif self._waiting is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, with the headers of every other answer."""
        reason = h11.Response(
            status_code=400,
            headers=[("Content-Type", "text/plain; charset=utf-8"), ("Connection", "close"),
                     *HEADERS.items()],
            reason=b"Bad Request",
        )  # fmt: skip
        for event in (reason, h11.Data(data=msg.encode("ascii")), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(SECONDS, self.transport.close)

    def _stop(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
