"""The page as an ASGI app: guard, pages, answers, files.

Takes what is to be shown and who may see it; gives the app. Serving it is left to serving.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from tbspot.errors import TbspotError
from tbspot.html.templating import render
from tbspot.printable import printable
from tbspot.viewer.api import Answers
from tbspot.viewer.guard import Guard
from tbspot.viewer.pages import Pages
from tbspot.viewer.site import Site

__all__ = ["create_app"]


def create_app(
    site: Site,
    hosts: Collection[str] | None,
    token: str | None,
    more: Sequence[Route] = (),
    is_known: Callable[[Request], bool] = lambda _: False,
) -> Guard:
    """The app behind its guard; ends the site's threads when it is shut down.

    Args:
        site: what is shown.
        hosts: names under which it is reached, with the port; `None` = any, with a token.
        token: to be shown once, in the address; `None` = none is needed.
        more: addresses that come before those of every page.
        is_known: whether a request is one that may be made without the token.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        site.close()

    files = StaticFiles(packages=[("tbspot.viewer", "static")])
    pages = Starlette(
        routes=[
            Mount("/static", files),
            *more,
            *Answers(site).routes(),
            *Pages(site).routes(),
        ],
        exception_handlers={TbspotError: _unable, HTTPException: _refused, Exception: _fault},
        lifespan=lifespan,
    )
    # Around all of it, as Starlette answers a fault outside of its own middleware.
    return Guard(pages, hosts, token, is_known)


def _unable(request: Request, error: Exception) -> Response:
    return _tell(request, f"{error}\n", HTTPStatus.UNPROCESSABLE_ENTITY)


def _fault(request: Request, error: Exception) -> Response:
    """What nobody foresaw; Guard tells the terminal."""
    sentence = f"a fault of tbspot ({type(error).__name__}); the terminal says more"
    return _tell(request, sentence, HTTPStatus.INTERNAL_SERVER_ERROR)


def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise TypeError(f"{error!r} is no answer")
    return _tell(request, error.detail, error.status_code, error.headers)


def _tell(
    request: Request, sentence: str, status: int, headers: Mapping[str, str] | None = None
) -> Response:
    """A sentence: to people on a page, to the page's scripts as it is."""
    if "text/html" in request.headers.get("accept", ""):
        return HTMLResponse(render("fault.html", sentence=sentence), status, headers)
    return PlainTextResponse(printable(sentence, "\n"), status, headers)
