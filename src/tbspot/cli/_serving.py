"""From the options of `tbspot serve` to a node at work, or to what is wrong with its set-up.

Takes options by name; gives lines of JSON on standard output, as the node tells them. All work is
left to tbspot.node.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from tbspot.cli._locating import kinds_of
from tbspot.console import open_console
from tbspot.errors import TbspotError
from tbspot.extras import needing
from tbspot.locating import Model, load_model

if TYPE_CHECKING:
    from tbspot.node import Node, NodeSettings

__all__ = ["run"]

HEALTH_HOST = "127.0.0.1"


def run(given: Mapping[str, Any]) -> None:
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


def _serve(settings: NodeSettings, given: Mapping[str, Any]) -> None:
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


def _check(settings: NodeSettings, given: Mapping[str, Any]) -> None:
    from tbspot.node import check

    console, wrong = open_console(), []
    for found in check(settings, lambda: _model(given), _looks(settings, given)):
        console.print(f"{'ok   ' if found.ok else 'WRONG'} {found.name}: {found.said}")
        wrong += [] if found.ok else [found.name]
    if wrong:
        raise TbspotError(f"{', '.join(wrong)} of this set-up will not do; the lines above say why")


def _looks(settings: NodeSettings, given: Mapping[str, Any]) -> dict[str, Callable[[], str]]:
    """What stands beside the node, by name, each with a look at whether it could be served."""
    looks: dict[str, Callable[[], str]] = {}
    if given["page"]:
        from tbspot.viewer.station_serving import look_at_page

        looks["page"] = lambda: look_at_page(settings, given["page_host"], given["page_port"])
    if given["health_port"] is not None:
        from tbspot.node import look_at_health

        looks["health"] = lambda: look_at_health(HEALTH_HOST, given["health_port"])
    return looks


def _model(given: Mapping[str, Any]) -> Model:
    return load_model(given["model"], gate=given["gate"], threshold_file=given["threshold_file"])


@contextmanager
def _health(node: Node, given: Mapping[str, Any]) -> Iterator[None]:
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


def _page(node: Node, given: Mapping[str, Any]) -> AbstractContextManager[object]:
    if not given["page"]:
        return nullcontext()
    from tbspot.viewer.station_serving import page_of

    return page_of(node, given["page_host"], given["page_port"])


def _settings(given: Mapping[str, Any]) -> NodeSettings:
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


def _tls(given: Mapping[str, Any]) -> Any:
    from tbspot.node import Tls

    certificate, key, authority = (
        given[f"tls_{part}"] for part in ("certificate", "key", "authority")
    )
    if certificate is None and key is None and authority is None:
        return None
    if certificate is None or key is None:
        raise TbspotError("TLS needs both --tls-certificate and --tls-key")
    return Tls(certificate, key, authority)
