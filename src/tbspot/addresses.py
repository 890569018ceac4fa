"""Addresses of machines: who reaches one, and what to say where nobody can listen at it.

Takes what a user names as an address, and connections with one, which end; what is allowed there
is left to who listens.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Timer
from time import sleep
from typing import Any

from tbspot.errors import TbspotError, is_crowded

__all__ = ["accepted", "canonical", "ended_after", "is_loopback", "listening"]

# Of an address that is none, or not this machine's; the port may be free. Of names that nobody
# knows `socket.create_server` gives the number, but no `gaierror`.
NO_ADDRESS = (
    errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT,
    socket.EAI_NONAME, socket.EAI_AGAIN, socket.EAI_FAIL, socket.EAI_FAMILY,
)  # fmt: skip

# In which descriptors may come free.
CROWDED_SECONDS = 0.5


def canonical(address: str) -> str:
    """An address in the one form in which two are compared; what is none stays as it is.

    IPv6 in its shortest form (RFC 5952), and IPv4 that came by IPv6 as IPv4.
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(getattr(found, "ipv4_mapped", None) or found)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@contextmanager
def listening(host: str, port: int, option: str) -> Iterator[None]:
    """What begins to listen at an address.

    Args:
        host: of it.
        port: of it.
        option: with which another port is chosen; that of the host has `host` in its place.

    Raises:
        TbspotError: the port is taken, or the address is not this machine's.
    """
    try:
        yield
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        wrong = isinstance(error, UnicodeError) or getattr(error, "errno", None) in NO_ADDRESS
        # Of every port that an option chooses, the host has one of the same name.
        chosen = option.replace("port", "host") if wrong else option
        raise TbspotError(
            f"cannot listen on {host}, port {port} ({reason}); choose another with {chosen}"
        ) from error


def accepted(listener: socket.socket) -> tuple[socket.socket, Any]:
    """Accept a connection; where no more files can be opened, after a pause.

    It waits on and on, so that a server would ask for it without end, and keep a core busy.

    Raises:
        OSError: there is none, or none can be had now.
    """
    try:
        return listener.accept()
    except OSError as error:
        if is_crowded(error):
            sleep(CROWDED_SECONDS)
        raise


@contextmanager
def ended_after(connection: socket.socket, seconds: float) -> Iterator[Event]:
    """Shut a connection down that is used for longer; gives what is set once it was.

    The socket's own patience is with silence alone: each byte renews it.
    """
    ended = Event()

    def end() -> None:
        ended.set()
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

    timer = Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield ended
    finally:
        timer.cancel()
