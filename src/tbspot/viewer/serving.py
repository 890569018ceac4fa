"""From what `tbspot view` was given to a page that answers, until it is told to end.

Takes settings; gives an address, and serves it. What the page shows is left to app.py.
"""

from __future__ import annotations

import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from tbspot.addresses import is_loopback, listening
from tbspot.engine.engine import released_model
from tbspot.errors import TbspotError
from tbspot.samples.sources import locate_source
from tbspot.settings import Port, Settings
from tbspot.viewer.app import create_app
from tbspot.viewer.crowds import Listener, Server
from tbspot.viewer.drops import Drops
from tbspot.viewer.judge import Judge
from tbspot.viewer.operating import read_operating
from tbspot.viewer.patience import Patient, in_pieces
from tbspot.viewer.runs import Run
from tbspot.viewer.site import Site

__all__ = ["ViewSettings", "hosts_of", "listen", "name_of", "serve", "server_of"]

ANY = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to
# Seconds that a browser's open connections get when the page ends.
PATIENCE = 2
# Connections that wait to be taken.
BACKLOG = 128


@dataclass(frozen=True)
class ViewSettings(Settings):
    """What is shown, and where.

    Attributes:
        shown: a run folder, a film, or `None` for a place to drop films.
        beside: another model's run of the same films.
        films: where the run's films are now, if they were moved.
        calibration: a folder of `tbspot calibrate`.
        model: for dropped films; `None` = the released model.
        gate: whether dropped films that are no frontal chest films are refused.
        host: address to listen on; any but a loopback address needs a token.
        port: 0 = any that is free.
        browser: whether to open the page in one.
    """

    shown: Path | None
    beside: Path | None = None
    films: Path | None = None
    calibration: Path | None = None
    model: Path | None = None
    gate: bool = True
    host: str = "127.0.0.1"
    port: Port = 0
    browser: bool = True


def serve(settings: ViewSettings, announce: Callable[[str], None]) -> None:
    """Serve the page until the process is interrupted.

    Args:
        settings: what and where.
        announce: is told the address once the page answers there.

    Raises:
        TbspotError: what is to be shown cannot be read, no model is at hand for a film, or the
            address cannot be listened on.
    """
    # Closed here too: the app's own end does not come where the address is taken.
    with closing(_site(settings)) as site, listen(settings.host, settings.port) as listener:
        if site.run is None and site.drops is None:
            raise TbspotError(site.why_no_drops)
        path = ""
        if site.drops is not None and settings.shown is not None and settings.shown.is_file():
            path = f"drop/{site.drops.add(settings.shown)}"
        port = listener.getsockname()[1]
        token = None if is_loopback(settings.host) else secrets.token_urlsafe(24)
        app = create_app(site, hosts_of(settings.host, port), token)
        server = server_of(app)
        query = f"?token={token}" if token else ""
        address = f"http://{name_of(settings.host)}:{port}/{path}{query}"
        announce(address)
        if settings.browser:
            # Some browsers do not return before they are closed.
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        with suppress(KeyboardInterrupt):
            server.run([listener])


def _site(settings: ViewSettings) -> Site:
    shown = settings.shown
    if shown is not None and not shown.exists():
        raise TbspotError(f"{shown} does not exist; name a folder of `tbspot locate`, or a film")
    if shown is not None and not shown.is_dir() and not shown.is_file():
        raise TbspotError(
            f"{shown} is a pipe or device; name a folder of `tbspot locate`, or a film in a file"
        )
    if settings.films is not None and (shown is None or not shown.is_dir()):
        raise TbspotError("--films says where a run's films are; name the run's folder first")
    if settings.films is not None and not locate_source(str(settings.films))[0].exists():
        raise TbspotError(f"{settings.films} does not exist; name where the run's films are now")
    run = Run(shown, settings.films) if shown is not None and shown.is_dir() else None
    if settings.beside is not None and run is None:
        raise TbspotError("--beside needs a run to stand beside; name its folder first")
    if settings.model is not None and not settings.model.is_file():
        raise TbspotError(f"{settings.model} does not exist; give a model file of tbspot")
    beside = Run(settings.beside) if settings.beside else None
    operating = read_operating(settings.calibration) if settings.calibration else None
    drops, why_not = None, ""
    try:
        drops = Drops(Judge(settings.model or released_model(), gate=settings.gate))
    except TbspotError as error:
        why_not = str(error)
    return Site(run, beside, drops, why_not, operating)


def server_of(app: ASGIApp) -> Server:
    """What serves the page: nothing is logged of who asks for what."""
    config = uvicorn.Config(
        in_pieces(app),
        access_log=False,
        log_level="warning",
        server_header=False,
        # One that accepts by the socket itself, which bounds the connections.
        loop="asyncio",
        backlog=BACKLOG,
        http=Patient,
        ws="none",
        # Who asks is who is connected, whatever a header says.
        proxy_headers=False,
        timeout_graceful_shutdown=PATIENCE,
    )
    return Server(config)


def listen(host: str, port: int, option: str = "--port") -> Listener:
    """A socket that listens, and takes so many connections at a time.

    Args:
        host: address of this machine.
        port: 0 = any that is free.
        option: by which another port is chosen.

    Raises:
        TbspotError: the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with listening(host, port, option):
        return Listener(socket.create_server((host, port), family=family, backlog=BACKLOG))


def hosts_of(host: str, port: int) -> frozenset[str] | None:
    """Names under which the page is reached; `None` = any, where it listens on all addresses.

    With the port and without: browsers leave port 80 out, dicomweb-client any.
    """
    if host in ANY:
        return None
    names = {"localhost", "127.0.0.1", "[::1]"} if is_loopback(host) else set()
    names |= {name_of(host).lower()}
    return frozenset(names | {f"{name}:{port}" for name in names})


def name_of(host: str) -> str:
    """The host as an address holds it; of all addresses, this machine's name."""
    if host in ANY:
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host
