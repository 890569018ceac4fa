"""More connections than are served: refused at the door, so that the rest of the program goes on.

A node's page shares its file descriptors with the DICOM port and the queue. Takes what listens;
gives a server. How long a connection may stay is left to patience.py.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import time
from typing import Any, ClassVar
from weakref import WeakSet

import uvicorn

__all__ = ["Listener", "Server"]

# A browser opens six; the others are those of a station's other users, and of units that store.
MOST_CONNECTIONS = 100
# Bytes of an answer that the system holds, twice that with its own. That some were taken is seen
# when a third of them have been: of what it would grow to, megabytes, a slow line takes too long.
SENDING = 1 << 17
# What a system says that has no descriptor, or no memory, for another connection.
SHORT = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
# Seconds between two sentences on it.
QUIET = 60.0


class Listener(socket.socket):
    """A socket that listens, with no more open connections than `MOST_CONNECTIONS`.

    Here and not in the protocol, which knows nothing of connections that are still agreeing on TLS.
    """

    def __init__(self, bound: socket.socket) -> None:
        super().__init__(fileno=bound.detach())
        # What it accepts inherits it.
        self.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SENDING)
        self._accepted: WeakSet[socket.socket] = WeakSet()

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection.

        Raises:
            ConnectionAbortedError: there are too many, and it was closed; loops take it for none.
        """
        connection, address = super().accept()
        if sum(one.fileno() >= 0 for one in self._accepted) >= MOST_CONNECTIONS:
            connection.close()
            raise ConnectionAbortedError
        self._accepted.add(connection)
        return connection, address


class Server(uvicorn.Server):
    """A server that says in a sentence, now and then, that the system has no room for more.

    The loop would print a traceback for each try, hundreds a second.
    """

    _told: ClassVar[float] = float("-inf")

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        asyncio.get_running_loop().set_exception_handler(self._tell)
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the page; a second Ctrl+C waits for no connection any more, and the app ends too."""
        await super().shutdown(sockets)
        # Then uvicorn leaves the app to be cancelled, which it tells at length.
        if self.force_exit:
            await self.lifespan.shutdown()

    @classmethod
    def _tell(cls, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not isinstance(error, OSError) or error.errno not in SHORT:
            loop.default_exception_handler(context)
            return
        if (now := time.monotonic()) - cls._told < QUIET:
            return
        cls._told = now
        logging.getLogger(__name__).error(
            "the page takes no new connection for now (%s); close other programs, or raise the "
            "limit of open files (ulimit -n)",
            error.strerror,
        )
