"""From the options of `tbspot serve` to a node at work, or to what is wrong with its set-up.

Takes options by name; gives lines of JSON on standard output, as the node tells them. All work is
left to tbspot.node.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from tbspot.cli._locating import kinds_of
from tbspot.cli._sentences import as_options
from tbspot.console import open_console
from tbspot.errors import TbspotError
from tbspot.extras import needing
from tbspot.locating import Model, load_model

if TYPE_CHECKING:
    from tbspot.node import Node, NodeSettings, Tls

__all__ = ["Given", "run"]

HEALTH_HOST = "127.0.0.1"


class Given(TypedDict):
    """The options of `tbspot serve`, by name, as serve.py describes them."""

    folder: Path
    title: str
    host: str
    port: int
    titles: list[str] | None
    addresses: list[str] | None
    watch: Path | None
    tls_certificate: Path | None
    tls_key: Path | None
    tls_authority: Path | None
    associations: int
    film_megabytes: int
    to: str | None
    kinds: str
    model: Path | None
    threshold_file: Path | None
    gate: bool
    keep: float
    free_gigabytes: float
    identities: bool
    page: bool
    page_port: int
    page_host: str
    check: bool
    health_port: int | None


def run(given: Given) -> None:
    """Serve as the options say.

    Raises:
        TbspotError: something of the set-up is wrong.
    """
    # What the node writes is of this user alone.
    os.umask(0o077)
    # pydicom's warnings repeat what tags hold, and standard error goes to a journal.
    warnings.simplefilter("ignore")
    with needing("hospital"):
        settings = _settings(given)
        if given["check"]:
            _check(settings, given)
        else:
            _serve(settings, given)


def _serve(settings: NodeSettings, given: Given) -> None:
    from tbspot.node import line_teller, look_at_folder, running

    # First: a node that is at work there has the ports too.
    look_at_folder(settings)
    # What would be found out after the first films have come.
    for look in _looks(settings, given).values():
        look()
    with (
        running(settings, _model(given), line_teller()) as node,
        _health(node, given),
        _page(node, given),
    ):
        node.wait()


def _check(settings: NodeSettings, given: Given) -> None:
    from tbspot.node import check

    console, wrong = open_console(), []
    for found in check(settings, lambda: _model(given), _looks(settings, given)):
        console.print(f"{'ok   ' if found.ok else 'WRONG'} {found.name}: {as_options(found.said)}")
        wrong += [] if found.ok else [found.name]
    if wrong:
        raise TbspotError(f"{', '.join(wrong)} of this set-up will not do; the lines above say why")


def _looks(settings: NodeSettings, given: Given) -> dict[str, Callable[[], str]]:
    """What stands beside the node, by name, each with a look at whether it could be served."""
    looks: dict[str, Callable[[], str]] = {}
    if given["page"]:
        from tbspot.viewer.node_serving import look_at_page

        looks["page"] = lambda: look_at_page(settings, given["page_host"], given["page_port"])
    if (port := given["health_port"]) is not None:
        from tbspot.node import look_at_health

        looks["health"] = partial(look_at_health, HEALTH_HOST, port)
    return looks


def _model(given: Given) -> Model:
    return load_model(given["model"], gate=given["gate"], threshold_file=given["threshold_file"])


@contextmanager
def _health(node: Node, given: Given) -> Iterator[None]:
    if given["health_port"] is None:
        yield
        return
    from tbspot.node import serve_health

    server = serve_health(node.health, HEALTH_HOST, given["health_port"])
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def _page(node: Node, given: Given) -> AbstractContextManager[object]:
    if not given["page"]:
        return nullcontext()
    from tbspot.viewer.node_serving import page_of

    return page_of(node, given["page_host"], given["page_port"])


def _settings(given: Given) -> NodeSettings:
    from tbspot.node import Limits, NodeSettings

    limits = Limits(
        film_bytes=given["film_megabytes"] << 20,
        associations=given["associations"],
        free_bytes=int(given["free_gigabytes"] * (1 << 30)),
    )
    return NodeSettings(
        folder=given["folder"],
        to=given["to"],
        kinds=kinds_of(given["kinds"], "--kinds"),
        title=given["title"],
        host=given["host"],
        port=given["port"],
        titles=tuple(given["titles"] or ()),
        addresses=tuple(given["addresses"] or ()),
        tls=_tls(given),
        watched=given["watch"],
        keep_days=given["keep"],
        identities=given["identities"],
        limits=limits,
    )


def _tls(given: Given) -> Tls | None:
    from tbspot.node import Tls

    certificate, key = given["tls_certificate"], given["tls_key"]
    authority = given["tls_authority"]
    if certificate is None and key is None and authority is None:
        return None
    if certificate is None or key is None:
        raise TbspotError("TLS needs both --tls-certificate and --tls-key")
    return Tls(certificate, key, authority)
