"""Who can reach the node, and what encrypts the way there.

Takes the node's settings; refuses them where anybody could send, and gives the context of TLS, and
how long its certificate lasts.
Listening is left to receiver.py and to the page.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tbspot.addresses import is_loopback
from tbspot.errors import TbspotError
from tbspot.node.settings import NodeSettings, Tls

__all__ = ["Certificate", "certificate_of", "check_reach", "tls_context"]

# Before a certificate ends, somebody should see to a new one.
SOON = timedelta(days=28)
# Of a certificate, when it begins and when it ends, by years of two digits or of four
# (RFC 5280 4.1.2.5): the one pair of times in it.
TIME = rb"(?:\x17\x0d|\x18\x0f)(\d{12,14})Z"
VALIDITY = re.compile(rb"\x30[\x1e-\x22]" + TIME + TIME)


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


@dataclass(frozen=True)
class Certificate:
    """How long the node's certificate lasts.

    Attributes:
        path: of its file.
        begins: from when units trust it.
        ends: when they cease to.
    """

    path: Path
    begins: datetime
    ends: datetime

    def trouble(self, now: datetime) -> str | None:
        """What somebody should do about it, if anything."""
        if now < self.begins:
            return f"the certificate in {self.path} begins on {self.begins:%Y-%m-%d}; see the clock"
        if now <= self.ends - SOON:
            return None
        verb = "ended" if now > self.ends else "ends"
        return (
            f"the certificate in {self.path} {verb} on {self.ends:%Y-%m-%d}, and units refuse one "
            "that has ended; put a new one there and start the node again"
        )


def certificate_of(tls: Tls) -> Certificate | None:
    """How long the node's own certificate lasts; `None` = it does not say so as others do.

    Raises:
        TbspotError: its file cannot be read.
    """
    try:
        text = tls.certificate.read_text("ascii", "replace")
    except OSError as error:
        raise TbspotError(f"{tls.certificate} cannot be read ({error.strerror})") from error
    # The first is the node's, those behind it have signed it.
    start, end = text.find(ssl.PEM_HEADER), text.find(ssl.PEM_FOOTER)
    try:
        content = ssl.PEM_cert_to_DER_cert(text[start : end + len(ssl.PEM_FOOTER)])
        found = VALIDITY.search(content)
        return Certificate(tls.certificate, *map(_time, found.groups())) if found else None
    except ValueError:
        return None


def _time(said: bytes) -> datetime:
    form = "%y%m%d%H%M%S" if len(said) == len("yymmddhhmmss") else "%Y%m%d%H%M%S"
    return datetime.strptime(said.decode(), form).replace(tzinfo=UTC)
