"""Connections of DICOM's network protocol that wait for nobody for ever, and are always given back.

Takes what pynetdicom's own take; gives the same, with a time limit on every step, and closed also
where they end before they begin.
"""

from __future__ import annotations

import re
from ssl import SSLContext

from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.transport import T_CONNECT, AddressInformation, AssociationSocket

from tbspot.errors import TbspotError

__all__ = ["TITLE", "Connection", "Entity", "check_title"]

# PS3.5 6.2: of an AE title.
TITLE = r"(?! )[\x20-\x5b\x5d-\x7e]{1,16}"


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
    """pynetdicom's connection, which it leaves open where there is none to shut down."""

    def connect(self, primitive: T_CONNECT) -> None:
        """Connect; a peer that stops reading or answering ends the connection."""
        super().connect(primitive)
        if self.socket is not None:
            self.socket.settimeout(self.assoc.network_timeout)

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
