"""Connections that keep a place and do nothing with it: closed after a while.

Takes uvicorn's protocol, whose own patience begins after an answer and ends with the next byte;
gives one that ends connections which never finish a request's head, which go on with the body of a
request that was answered, or which do not take their answer. Bodies that are waited for have their
limit in bodies.py. Takes an app, too, and gives one whose answers go out as they are taken.
"""

from __future__ import annotations

import asyncio

import h11
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from tbspot.viewer.guard import HEADERS

__all__ = ["Patient", "in_pieces"]

# For a request's head, and before any: browsers open spare connections, which they can open again;
# for the rest of a body after its answer; and in which something of an answer must be taken.
SECONDS = 20.0
# A connection is looked at so many times in these.
LOOKS = 4
# Bytes of an answer that are handed on at a time, and that wait to be taken.
PIECE = 1 << 16


def in_pieces(app: ASGIApp) -> ASGIApp:
    """An app of whose answers each piece waits until the ones before were taken.

    Handed on at once, an answer would be over before it was taken, and under TLS all of it be out
    of sight.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_pieces(message: Message) -> None:
            body = memoryview(message.get("body", b""))
            while len(body) > PIECE:
                await send({**message, "body": bytes(body[:PIECE]), "more_body": True})
                body = body[PIECE:]
            await send({**message, "body": bytes(body)})

        await app(scope, receive, send_pieces)

    return answer


class Patient(H11Protocol):
    """A connection that has some seconds for whatever is its turn."""

    _since = 0.0
    _untaken = 0
    _next: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to look at it."""
        super().connection_made(transport)
        # Of TLS it would be eight times as much.
        transport.set_write_buffer_limits(high=PIECE)
        self._since = self.loop.time()
        self._look_later()

    def connection_lost(self, exc: Exception | None) -> None:
        """Look no longer."""
        if self._next is not None:
            self._next.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Count anew from an answer on."""
        self._since = self.loop.time()
        super().on_response_complete()

    def resume_writing(self) -> None:
        """Count anew where enough of an answer was taken."""
        self._since = self.loop.time()
        super().resume_writing()

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

    def _look_later(self) -> None:
        self._next = self.loop.call_later(SECONDS / LOOKS, self._look)

    def _look(self) -> None:
        untaken = self.transport.get_write_buffer_size()
        if not self._is_their_turn(untaken) or untaken < self._untaken:
            self._since = self.loop.time()
        self._untaken = untaken
        if self.loop.time() - self._since >= SECONDS:
            self.transport.abort()  # closing would wait for an answer to be taken
        else:
            self._look_later()

    def _is_their_turn(self, untaken: int) -> bool:
        asks_nothing = self.conn.their_state is h11.IDLE
        is_answered = self.conn.their_state is h11.SEND_BODY and self.conn.our_state is h11.DONE
        return untaken > 0 or asks_nothing or is_answered
