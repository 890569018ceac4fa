"""Which archive stands at an address.

Takes an address; gives the `Archive`, by DICOM's own protocol (c_store.py) or over the web
(stow_rs.py). Which instances to send is left to sending.py.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from requests import Request

from tbspot.errors import TbspotError
from tbspot.hospital.archive import Archive, ArchiveLost
from tbspot.hospital.c_store import ByNetwork
from tbspot.hospital.connections import TITLE, check_title
from tbspot.hospital.stow_rs import ByWeb

__all__ = ["Archive", "ArchiveLost", "archive_of"]

ADDRESS = re.compile(rf"(?P<title>{TITLE})@(?P<host>\[[0-9a-fA-F:.]+\]|[^@:/\s]+):(?P<port>\d+)")


def archive_of(to: str, calling: str) -> Archive:
    """The archive at an address.

    Args:
        to: `AE@HOST:PORT`, or the address of a DICOMweb service.
        calling: title of this application, for the first.

    Raises:
        TbspotError: neither.
    """
    if re.match(r"https?://", to, re.IGNORECASE):
        return _of_web(to)
    found = ADDRESS.fullmatch(to)
    if not found or not 0 < int(found["port"]) < 2**16:
        raise TbspotError(
            f"{to!r} is no address of an archive; name AE@HOST:PORT or http(s)://HOST/PATH"
        )
    check_title(calling)
    return ByNetwork(to, found["title"], found["host"].strip("[]"), int(found["port"]), calling)


def _of_web(to: str) -> Archive:
    try:
        parts = urlsplit(to)
        host, _ = parts.hostname, parts.port
        # As it will be asked: of what names no host it says so.
        Request("POST", to).prepare()
    # Of requests' own faults each is a ValueError.
    except ValueError:
        host = None
    if not host or parts.query or parts.fragment:
        raise TbspotError(f"{to!r} is no address of a DICOMweb service; name http(s)://HOST/PATH")
    if parts.path.rstrip("/").endswith("/studies"):
        raise TbspotError(
            f"leave /studies out of {to!r}: the address of a DICOMweb service ends before it"
        )
    if parts.username is not None or parts.password is not None:
        raise TbspotError(
            "an address with a name and password would be kept with the results; put them into "
            "~/.netrc, and give the address without"
        )
    return ByWeb(to.rstrip("/"))
