"""Films over the network: DICOM's C-ECHO and C-STORE (PS3.7 9.1), bounded in everything.

Takes associations of units; gives their films to the store, and says that a film was stored only
when it is on the disk. What becomes of it is left to worker.py.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any, cast

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.pdu import P_DATA_TF
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

from tbspot.addresses import accepted, canonical, listening
from tbspot.choices import Taking
from tbspot.errors import TbspotError
from tbspot.faults import report_fault
from tbspot.hospital.connections import Connection
from tbspot.node.objects import CLASSES, SYNTAXES, Sent, UnfitError, contradicts
from tbspot.node.reach import check_reach, tls_context
from tbspot.node.settings import Limits, NodeSettings
from tbspot.node.store import Store
from tbspot.node.telling import Tell

__all__ = ["Receiver"]

# PS3.4 B.2.3 and PS3.7 C.
SUCCESS, NO_ROOM, MISMATCH, NOT_UNDERSTOOD = 0x0000, 0xA700, 0xA900, 0xC000
# Of what we announce, which a unit may not go beyond (PS3.8 D.1); larger ones are fewer turns.
PDU_BYTES = 1 << 16
CONTRADICTION = "the film names another class or instance than its unit"
# Longest text of VR LO.
COMMENT = 64


class Receiver:
    """Listens from when it is made until it is closed.

    Args:
        settings: where, for whom, with which limits.
        store: that films are put into; `None` = none is taken, to try whether it can listen.
        tell: of what happens.
        arrived: is called when a film is queued.

    Raises:
        TbspotError: the address cannot be listened on, or is open to anybody.
    """

    def __init__(
        self, settings: NodeSettings, store: Store | None, tell: Tell, arrived: Callable[[], None]
    ) -> None:
        check_reach(settings)
        self._store, self._tell, self._arrived = store, tell, arrived
        entity = AE(ae_title=settings.title)
        entity.require_called_aet = True
        entity.require_calling_aet = list(settings.titles)
        entity.maximum_associations = settings.limits.associations
        entity.maximum_pdu_size = PDU_BYTES
        entity.network_timeout = settings.limits.silence_seconds
        entity.acse_timeout = entity.dimse_timeout = settings.limits.pdu_seconds
        self._entity = entity
        self._server = self._listen(settings)
        threading.Thread(target=self._server.serve_forever, args=(0.2,), daemon=True).start()

    @property
    def port(self) -> int:
        """That it listens on."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Take no more; a film that is coming in is not acknowledged, and its unit has it still."""
        self._server.end()

    def _listen(self, settings: NodeSettings) -> _Server:
        contexts = [build_context(one, list(SYNTAXES)) for one in CLASSES]
        handlers: list[Any] = [
            (evt.EVT_C_STORE, self._take),
            (evt.EVT_C_ECHO, self._echo),
            (evt.EVT_PDU_RECV, _count, [settings.limits]),
            (evt.EVT_REJECTED, self._rejected),
        ]
        tls = tls_context(settings.tls)
        with listening(settings.host, settings.port, "`port`"):
            server = _Server(
                self._entity, (settings.host, settings.port), settings.title,
                [*contexts, build_context(Verification)], tls, handlers, _Handler,
            )  # fmt: skip
        server.limits, server.tell = settings.limits, self._tell
        server.addresses = settings.allowed
        # pynetdicom takes itself out of this list when it ends.
        self._entity._servers.append(server)
        return server

    def _echo(self, event: evt.Event) -> int:
        self._tell("echo", source=_title(event))
        _answered(event.assoc)
        return SUCCESS

    def _take(self, event: evt.Event) -> Dataset:
        """Answer a C-STORE request."""
        began, source, size = time.monotonic(), _title(event), 0
        try:
            request: Any = event.request
            data = request.DataSet.getbuffer()
            size = len(data)
            sent = Sent(
                instance=str(request.AffectedSOPInstanceUID),
                kind=str(request.AffectedSOPClassUID),
                syntax=str(event.context.transfer_syntax),
                data=data,
            )
            if self._store is None:
                raise TbspotError("nothing is taken yet")
            if contradicts(sent):
                self._tell("refused", source=source, bytes=size, reason=CONTRADICTION)
                return _status(MISMATCH, CONTRADICTION)
            taken = self._store.take(sent, source)
        except UnfitError as error:
            self._tell("refused", source=source, bytes=size, reason=error)
            return _status(NOT_UNDERSTOOD, str(error))
        except TbspotError as error:
            self._tell("refused", source=source, bytes=size, reason=error)
            return _status(NO_ROOM, "no room for another film")
        except Exception as error:
            self._tell("fault", where="receiver", reason=report_fault(error))
            return _status(NOT_UNDERSTOOD, "a fault of the node")
        finally:
            _answered(event.assoc)
        seconds = time.monotonic() - began
        self._tell(f"film {taken}", source=source, bytes=size, seconds=seconds)
        return self._answer(taken)

    def _answer(self, taken: Taking) -> Dataset:
        if taken == "other":
            return _status(NOT_UNDERSTOOD, "another film, or encoding, has this SOP Instance UID")
        if taken in ("new", "again"):
            self._arrived()
        return _status(SUCCESS)

    def _rejected(self, event: evt.Event) -> None:
        association: Any = event.assoc
        self._tell(
            "association rejected",
            source=_title(event),
            called=association.requestor.primitive.called_ae_title,
            address=_address(event),
            # The words of PS3.8 9.3.4, which the unit is told as well.
            reason=association.acceptor.primitive.reason_str,
        )


def _status(code: int, comment: str = "") -> Dataset:
    status = Dataset()
    status.Status = code
    if comment:
        status.ErrorComment = comment[:COMMENT]
    return status


def _title(event: evt.Event) -> str:
    return (event.assoc.requestor.ae_title or "").strip()


def _address(event: evt.Event) -> str:
    return str(event.assoc.requestor.address)


def _count(event: evt.Event, limits: Limits) -> None:
    """Cut an association off whose request has more than a film, or hardly comes in.

    One that sends a byte now and then is never silent, and would keep its place for ever.
    """
    if not isinstance(event.pdu, P_DATA_TF):
        return
    association, now = cast("Any", event.assoc), time.monotonic()
    size, began = getattr(association, "unanswered", (0, now))
    size += len(event.pdu)
    association.unanswered = size, began
    if size > limits.film_bytes + limits.pdu_bytes:
        reason = "too large a film"
    elif now - began > limits.request_seconds + size / limits.slowest:
        reason = "too slow"
    else:
        return
    association._server.tell("cut off", source=_title(event), reason=reason)
    association.dul.socket.close()


def _answered(association: Association) -> None:
    """Count anew for the next request; whoever sends it before this answer is still counted."""
    if association.dimse.msg_queue.empty() and hasattr(association, "unanswered"):
        del cast("Any", association).unanswered


class _Server(ThreadedAssociationServer):
    """pynetdicom's server, for machines that are named, and no more of them than are answered."""

    limits: Limits
    tell: Tell
    addresses: frozenset[str]
    daemon_threads = True
    request_queue_size = 32

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; whoever is silent in it keeps nobody else waiting."""
        client, address = accepted(cast("socket.socket", self.socket))
        client.settimeout(self.limits.pdu_seconds)
        if self.ssl_context:
            # The handshake is left to the connection's own thread, with the unit's first words.
            client = self.ssl_context.wrap_socket(
                client, server_side=True, do_handshake_on_connect=False
            )
        return client, address

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002 - socketserver's
        """Whether a connection is answered at all."""
        address = canonical(str(client_address[0]))
        if self.addresses and address not in self.addresses:
            self.tell("connection refused", address=address, reason="its address may not send")
            return False
        # One more than are accepted, so that the next is told so by the protocol.
        if len(self.active_associations) > 2 * self.limits.associations:
            self.tell("connection refused", address=address, reason="too many at a time")
            return False
        return True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that ended at its beginning; nothing is printed."""

    def end(self) -> None:
        """Listen no more, and end what is open."""
        open_ones = self.active_associations
        self.shutdown()
        for association in open_ones:
            # Its threads see a connection that has ended, wherever they wait.
            if association.dul.socket is not None:
                association.dul.socket.close()
        for association in open_ones:
            association.join(self.limits.pdu_seconds)


class _Handler(RequestHandler):
    """One connection, read within bounds."""

    server: _Server

    def _create_association(self) -> Association:
        association = super()._create_association()
        # The socket that is replaced has announced the connection already.
        association.dul.event_queue.get_nowait()
        association.dul.socket = _Bounded(association, client_socket=self.request)
        return association


class _Bounded(Connection):
    """A unit's connection, encrypted perhaps."""

    _shaken = False

    def _limits(self) -> tuple[int, float]:
        """As a unit may ask of the node."""
        limits = cast("_Server", self.assoc._server).limits
        return limits.pdu_bytes, limits.pdu_seconds

    def _begin(self, connection: socket.socket, seconds: float) -> None:
        """Agree on encryption, once; a unit that does not trust the node says so nowhere else.

        Raises:
            OSError: there is no agreement.
        """
        if self._shaken or not isinstance(connection, ssl.SSLSocket):
            return
        self._shaken = True
        connection.settimeout(seconds)
        try:
            connection.do_handshake()
        except ssl.SSLError as error:
            server = cast("_Server", self.assoc._server)
            address, why = self.assoc.requestor.address, error.reason or error.strerror
            server.tell("connection refused", address=address, reason=f"TLS: {why}")
            raise
