"""Who can reach the node, and what encrypts the way there.

Takes the node's settings; refuses them where anybody could send, and gives the context of TLS.
Listening is left to receiver.py and to the page.
"""

from __future__ import annotations

import ipaddress
import ssl

from tbspot.addresses import is_loopback
from tbspot.errors import TbspotError
from tbspot.node.settings import NodeSettings, Tls

__all__ = ["check_reach", "tls_context"]


def check_reach(settings: NodeSettings) -> None:
    """See that whoever can reach the node is named.

    Raises:
        TbspotError: other machines can, and neither titles nor addresses are given.
    """
    for address in settings.addresses:
        try:
            ipaddress.ip_address(address)
        except ValueError as error:
            raise TbspotError(
                f"{address!r} is no address of a unit; give one such as 10.0.0.7"
            ) from error
    if not is_loopback(settings.host) and not settings.titles and not settings.addresses:
        raise TbspotError(
            f"{settings.host} is open to other machines; name the units that may send with "
            "`titles` or `addresses`"
        )


def tls_context(tls: Tls | None) -> ssl.SSLContext | None:
    """What encrypts associations with units.

    Raises:
        TbspotError: a file is absent or does not fit.
    """
    if tls is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # Nobody sits at a service who could be asked for a password.
        context.load_cert_chain(tls.certificate, tls.key, password=lambda: "")
        if tls.authority is not None:
            context.load_verify_locations(tls.authority)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        raise TbspotError(
            f"{tls.certificate} and {tls.key} cannot be used for TLS "
            f"({error.strerror or 'not PEM'}); check certificate, key and authority; a key must "
            "have no password"
        ) from error
    return context
