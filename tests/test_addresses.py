"""Addresses are compared as addresses, however they are written."""

from __future__ import annotations

import errno
import socket
from types import SimpleNamespace
from typing import Any

import pytest

from tbspot.addresses import accepted, canonical, listening
from tbspot.errors import TbspotError
from tbspot.viewer.serving import hosts_of


@pytest.mark.parametrize(
    ("address", "form"),
    [
        ("10.0.0.7", "10.0.0.7"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("2001:DB8:0:0::7", "2001:db8::7"),
        ("::ffff:10.0.0.7", "10.0.0.7"),
        ("", ""),
        ("a unit", "a unit"),
    ],
)
def test_an_address_has_one_form(address: str, form: str) -> None:
    assert canonical(address) == form


def test_a_page_is_reached_with_its_port_and_without() -> None:
    hosts = hosts_of("127.0.0.1", 80)
    assert hosts is not None
    assert {"127.0.0.1", "127.0.0.1:80", "localhost", "[::1]:80"} <= hosts
    assert "films.example" not in hosts


@pytest.mark.parametrize(
    ("error", "option"),
    [
        (OSError(errno.EADDRINUSE, "Address already in use"), "`page_port`"),
        (OSError(errno.EACCES, "Permission denied"), "`page_port`"),
        (OverflowError("port must be 0-65535"), "`page_port`"),
        (OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"), "`page_host`"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "`page_host`"),
        (OSError(socket.EAI_AGAIN, "Temporary failure in name resolution"), "`page_host`"),
        (UnicodeError("label too long"), "`page_host`"),
    ],
)
def test_of_host_and_port_the_one_that_is_wrong_is_to_be_chosen(
    error: Exception, option: str
) -> None:
    with (
        pytest.raises(TbspotError, match=rf"cannot listen on a, port 1 .*; .* with {option}$"),
        listening("a", 1, "`page_port`"),
    ):
        raise error


@pytest.mark.parametrize(("number", "pauses"), [(errno.EMFILE, 1), (errno.ECONNABORTED, 0)])
def test_a_connection_that_waits_for_a_descriptor_is_not_asked_for_without_end(
    monkeypatch: pytest.MonkeyPatch, number: int, pauses: int
) -> None:
    def refuse() -> None:
        raise OSError(number, "refused")

    paused: list[float] = []
    monkeypatch.setattr("tbspot.addresses.sleep", paused.append)
    listener: Any = SimpleNamespace(accept=refuse)
    with pytest.raises(OSError, match="refused"):
        accepted(listener)
    assert len(paused) == pauses
