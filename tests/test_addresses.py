"""Addresses are compared as addresses, however they are written."""

from __future__ import annotations

import pytest

from tbspot.addresses import canonical
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
