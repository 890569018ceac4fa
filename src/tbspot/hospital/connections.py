"""Connections of DICOM's network protocol that wait for nobody for ever, and are always given back.

Takes what pynetdicom's own take; gives the same, with a time limit on every step, and closed also
where they end before they begin.
"""

from __future__ import annotations

import re
import socket
import time
from ssl import SSLContext

from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.transport import T_CONNECT, AddressInformation, AssociationSocket

from tbspot.errors import TbspotError

__all__ = ["TITLE", "Connection", "Entity", "check_title"]

# PS3.5 6.2: of an AE title.
TITLE = r"(?! )[\x20-\x5b\x5d-\x7e]{1,16}"

# Of a message of the protocol, from whom we ask: none is larger than what we announce (PS3.8 D.1).
MOST_BYTES = 1 << 20


def check_title(title: str) -> None:
    """Refuse what is no AE title.

    Raises:
        TbspotError: it is empty, too long, or of letters that none may have.
    """
    if not re.fullmatch(TITLE, title):
        raise TbspotError(
            f"{title!r} is no AE title; give one of 1 to 16 letters or digits, without accents"
        )


class Connection(AssociationSocket):
    """pynetdicom's connection, which it leaves open where there is none to shut down.

    Of it a message is neither endless nor takes for ever.
    """

    def connect(self, primitive: T_CONNECT) -> None:
        """Connect; a peer that stops reading or answering ends the connection."""
        super().connect(primitive)
        if self.socket is not None:
            self.socket.settimeout(self.assoc.network_timeout)

    def recv(self, nr_bytes: int) -> bytearray:
        """Read so many bytes, or fewer where the connection ends.

        Raises:
            OSError: they are too many, or take too long.
        """
        most_bytes, seconds = self._limits()
        if nr_bytes > most_bytes:
            raise OSError("a message of the protocol is too large")
        connection = self.socket
        if connection is None:
            return bytearray()
        self._begin(connection, seconds)
        content, read = bytearray(nr_bytes), 0
        until = time.monotonic() + seconds
        while read < nr_bytes:
            if (left := until - time.monotonic()) <= 0:
                raise TimeoutError("a message of the protocol takes too long")
            connection.settimeout(left)
            if not (count := connection.recv_into(memoryview(content)[read:])):
                break
            read += count
        # What was left of it is none of the next message's.
        connection.settimeout(seconds)
        return content[:read]

    def _limits(self) -> tuple[int, float]:
        """Bytes of a message, and seconds that it may take to come in."""
        return MOST_BYTES, self.assoc.network_timeout or 0.0

    def _begin(self, connection: socket.socket, seconds: float) -> None:
        """What comes before a message is read."""

    def _shutdown_socket(self) -> None:
        connection = self.socket
        super()._shutdown_socket()
        if connection is not None:
            connection.close()


class Entity(AE):
    """An application entity that asks others.

    Args:
        title: its AE title.
        seconds: that a peer may take to answer.
    """

    def __init__(self, title: str, seconds: float) -> None:
        super().__init__(ae_title=title)
        self.acse_timeout = self.dimse_timeout = self.network_timeout = seconds

    def _create_socket(
        self,
        assoc: Association,
        address: AddressInformation,
        tls_args: tuple[SSLContext, str] | None,
    ) -> AssociationSocket:
        made = Connection(assoc, address=address)
        made.tls_args = tls_args
        return made
