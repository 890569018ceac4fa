"""Whether the node does its work, for a monitor: figures, and nothing of any film.

Takes a node's parts; gives facts, also over HTTP at one address. Who watches them is left to the
place that runs the node.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tbspot import __version__
from tbspot.addresses import accepted, ended_after, listening
from tbspot.errors import TbspotError
from tbspot.node.delivery import Delivery
from tbspot.node.store import Store

__all__ = ["Health", "health_of", "look_at_health", "said_of", "serve_health"]

PATH = "/health"
# A film that waits longer is a reason to look.
LONG_SECONDS = 15 * 60
# Of a connection, in which a request is to be read and its answer taken.
PATIENCE_SECONDS = 10
# At a time: the node shares its files and threads with them.
MOST_CONNECTIONS = 16


@dataclass(frozen=True)
class Health:
    """What a monitor is told.

    Attributes:
        ok: whether nobody need look.
        troubles: sentences on why somebody should.
        films: how many, by state.
        oldest_waiting_seconds: since the oldest film came that is not done; `None` = none waits.
        last: seconds since a film was last received, located, finished; `None` = never.
        archive_tries: how often in a row the archive could not be spoken to.
        free_bytes: of the disk.
        model: name and version.
        version: of tbspot.
    """

    ok: bool
    troubles: tuple[str, ...]
    films: dict[str, int]
    oldest_waiting_seconds: float | None
    last: dict[str, float | None]
    archive_tries: int
    free_bytes: int
    model: str
    version: str = __version__


def health_of(
    store: Store, delivery: Delivery | None, model: str, faults: dict[str, str]
) -> Health:
    """The node's health now.

    Args:
        store: of the node.
        delivery: of the node; `None` = no archive is named.
        model: name and version.
        faults: by part of the node, what it cannot do at present.
    """
    films, last, now = store.ledger.counts(), store.ledger.last(), store.clock()
    ages = {name: None if when is None else max(0.0, now - when) for name, when in last.items()}
    unfinished, unread = ages.pop("oldest_unfinished"), ages.pop("oldest_unread")
    # Without an archive a located film waits for nobody.
    waiting = unread if delivery is None else unfinished
    troubles = [f"{part}: {why}" for part, why in faults.items()]
    if delivery is not None and delivery.lost:
        troubles.append(f"archive: {delivery.lost}")
    if waiting is not None and waiting > LONG_SECONDS:
        troubles.append(f"queue: a film has been waiting for {waiting / 60:.0f} minutes")
    if films["aside"]:
        count = "1 film was" if films["aside"] == 1 else f"{films['aside']:,} films were"
        troubles.append(f"queue: {count} set aside")
    free = 0
    with suppress(OSError):  # of a disk that is gone, which is told
        free = shutil.disk_usage(store.folder).free
    try:
        store.check_room()
    except TbspotError as error:
        troubles.append(f"disk: {error}")
    return Health(
        ok=not troubles,
        troubles=tuple(troubles),
        films={str(state): count for state, count in films.items()},
        oldest_waiting_seconds=waiting,
        last=ages,
        archive_tries=delivery.tries if delivery is not None else 0,
        free_bytes=free,
        model=model,
    )


def said_of(ask: Callable[[], Health]) -> tuple[HTTPStatus, bytes]:
    """The answer to a monitor: 200 where all is well, 503 where it is not, and JSON.

    Where the health cannot be told, as the queue cannot be read: `ok` and `troubles` alone.
    """
    try:
        told = asdict(ask())
    # A monitor that is not answered cannot tell that from a network that is down.
    except Exception as error:
        why = str(error) if isinstance(error, TbspotError) else type(error).__name__
        told = {"ok": False, "troubles": [f"health: {why}"]}
    status = HTTPStatus.OK if told["ok"] else HTTPStatus.SERVICE_UNAVAILABLE
    return status, json.dumps(told).encode() + b"\n"


def look_at_health(host: str, port: int) -> str:
    """See that health could be told at an address; gives what was found in a sentence.

    Raises:
        TbspotError: the address cannot be listened on.
    """
    with listening(host, port, "`health_port`"):
        server = ThreadingHTTPServer((host, port), BaseHTTPRequestHandler)
    server.server_close()
    return f"can be told on {host}, port {server.server_address[1]}"


class _Server(ThreadingHTTPServer):
    """A server of few connections at a time, each of which ends, whoever sends or takes slowly."""

    daemon_threads = True

    def __init__(self, *arguments: Any) -> None:
        self._room = threading.BoundedSemaphore(MOST_CONNECTIONS)
        super().__init__(*arguments)

    def get_request(self) -> tuple[Any, Any]:
        """Accept a connection."""
        return accepted(self.socket)

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002 - socketserver's
        """Whether there is room for a connection, which it then has."""
        return self._room.acquire(blocking=False)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, where the system has one more."""
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._room.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and end the connection in any case."""
        try:
            with ended_after(request, PATIENCE_SECONDS):
                super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that ended early; nothing is printed."""


def serve_health(ask: Callable[[], Health], host: str, port: int) -> ThreadingHTTPServer:
    """Answer GET and HEAD of /health in threads of their own.

    Args:
        ask: gives the health.
        host: address to listen on.
        port: 0 = any that is free.

    Raises:
        TbspotError: the address cannot be listened on.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def _answer(self, *, with_body: bool) -> None:
            if self.path != PATH:
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            status, body = said_of(ask)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if with_body:
                self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            """Nothing is printed."""

    with listening(host, port, "`health_port`"):
        server = _Server((host, port), Handler)
    threading.Thread(target=server.serve_forever, args=(0.2,), daemon=True).start()
    return server
