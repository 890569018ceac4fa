"""The page of a node, served beside it until both end.

Takes a node at work, and where the page is to be reached; gives its address. What it shows is left
to node_pages.py, films that come over the web to storing.py.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request

from tbspot.addresses import is_loopback
from tbspot.errors import TbspotError
from tbspot.node.reach import tls_context
from tbspot.node.service import Node
from tbspot.node.settings import NodeSettings
from tbspot.storage import replacing
from tbspot.viewer.app import create_app
from tbspot.viewer.guard import Guard
from tbspot.viewer.node_films import NodeFilms
from tbspot.viewer.node_pages import NodePages
from tbspot.viewer.serving import hosts_of, listen, name_of, server_of
from tbspot.viewer.site import Site
from tbspot.viewer.storing import BASE, Storing, address_of

__all__ = ["TOKEN_FILE", "look_at_page", "page_of"]

TOKEN_FILE = "page.token"  # noqa: S105 - a file's name


@dataclass(frozen=True)
class _Reach:
    """Who reaches the page: under which names, with which token, encrypted or not."""

    host: str
    port: int
    token: str | None
    encrypted: bool

    @property
    def address(self) -> str:
        return f"http{'s' if self.encrypted else ''}://{name_of(self.host)}:{self.port}/"


@contextmanager
def page_of(node: Node, host: str = "127.0.0.1", port: int = 8350) -> Iterator[str]:
    """Serve a node's page inside the context; gives its address.

    On any but a loopback address it needs the token in the node's folder, and is encrypted where
    the node is; units that the node names by address may store films without the token.

    Args:
        node: at work.
        host: address to listen on.
        port: 0 = any that is free.

    Raises:
        TbspotError: the address cannot be listened on, or names would leave this machine.
    """
    _keep_names_here(node.settings, host)
    elsewhere = not is_loopback(host)
    tls = node.settings.tls if elsewhere else None
    context = tls_context(tls)
    token = _token(node.store.folder / TOKEN_FILE) if elsewhere else None
    with listen(host, port, "`page_port`") as listener, closing(NodeFilms(node)) as films:
        reach = _Reach(host, listener.getsockname()[1], token, tls is not None)
        server = server_of(_app(node, films, reach))
        server.config.load()
        server.config.ssl = context
        thread = threading.Thread(target=server.run, args=([listener],), name="page")
        thread.start()
        node.tell("page", address=reach.address, token=TOKEN_FILE if token else None)
        try:
            yield reach.address
        finally:
            server.should_exit = True
            thread.join()


def look_at_page(settings: NodeSettings, host: str, port: int) -> str:
    """See that a node's page could be served; gives what was found in a sentence.

    Raises:
        TbspotError: it could not.
    """
    _keep_names_here(settings, host)
    with listen(host, port, "`page_port`") as listener:
        return f"can be shown on {host}, port {listener.getsockname()[1]}"


def _keep_names_here(settings: NodeSettings, host: str) -> None:
    if settings.identities and not is_loopback(host):
        raise TbspotError(
            f"`identities` are shown on this machine alone, and {host} is open to others; leave "
            "`page_host` as it is, or keep no identities"
        )


def _app(node: Node, films: NodeFilms, reach: _Reach) -> Guard:
    site = Site(None, None, None, "", None, {"node": films.case})
    routes = [*NodePages(films, site).routes(), *Storing(node).routes()]

    def is_known(request: Request) -> bool:
        """Whether it is a unit's that is named: as by C-STORE, its address is enough."""
        # Not of `request.url`, into which older Starlettes put whatever Host says.
        stores = request.scope["path"].startswith(f"{BASE}/")
        return stores and address_of(request) in node.settings.allowed

    return create_app(site, hosts_of(reach.host, reach.port), reach.token, routes, is_known)


def _token(path: Path) -> str:
    """The page's token, made at the first start: units and monitors are told it once.

    Raises:
        TbspotError: it cannot be read or written.
    """
    try:
        if kept := path.read_text("ascii").strip():
            return kept
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        raise TbspotError(f"{path} cannot be read; remove it, and a new one is made") from error
    token = secrets.token_urlsafe(24)
    with replacing(path, parents=False) as temporary:
        temporary.chmod(0o600)
        temporary.write_text(token + "\n", "ascii")
    return token
