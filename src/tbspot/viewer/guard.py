"""Who may ask the page for films: nobody but the page itself, in the browser it was opened in.

Takes every request before the pages do; gives refusals, and the headers that bind the browser.
What the pages show is left to pages.py and api.py.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable, Collection
from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tbspot.faults import report_fault

__all__ = ["HEADERS", "Guard"]

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Films of patients stay out of the browser's cache on disk.
    "Cache-Control": "no-store",
}
# With some letters of the token's sum: browsers send a host's cookies to all its ports, and two
# pages on one machine would throw each other out.
COOKIE = "tbspot-"
COOKIE_LETTERS = 12
PARAMETER = "token"


class Guard:
    """ASGI middleware that answers only the browser the page was opened in.

    Args:
        app: what to guard.
        hosts: names under which the page is reached, with the port; `None` = any, which needs a
            token. A name of somebody else's that leads here (DNS rebinding) is refused.
        token: to be shown once, in the address, or with each request as programs do
            (`Authorization: Bearer`, RFC 6750); `None` = none is needed.
        is_known: whether a request is one that may be made without the token.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: Collection[str] | None,
        token: str | None,
        is_known: Callable[[Request], bool] = lambda _: False,
    ) -> None:
        if hosts is None and token is None:
            raise ValueError("a page under any name needs a token")
        self._app = app
        self._hosts = hosts
        self._token = token
        self._cookie = COOKIE + hashlib.sha256((token or "").encode()).hexdigest()[:COOKIE_LETTERS]
        self._is_known = is_known

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on to the app with the headers added to its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        request = Request(scope)
        answer = self._refuse(request) or self._admit(request)
        try:
            await (answer or self._app)(scope, receive, send_with_headers)
        except Exception as error:
            # Answered already; the server would print a traceback, which may repeat a film's name.
            logging.getLogger(__name__).error(report_fault(error))  # noqa: TRY400

    def _refuse(self, request: Request) -> Response | None:
        host = request.headers.get("host", "").lower()
        if self._hosts is not None and host not in self._hosts:
            return _sentence("open the address that tbspot printed", HTTPStatus.MISDIRECTED_REQUEST)
        origin = request.headers.get("origin")
        if origin is not None and origin.lower() != f"{request.url.scheme}://{host}":
            return _sentence("requests from other sites are refused", HTTPStatus.FORBIDDEN)
        # Requests for which browsers send no origin, such as those for pictures, say this much.
        elsewhere = request.headers.get("sec-fetch-site") in ("cross-site", "same-site")
        if elsewhere and not _is_visit(request):
            return _sentence("requests from other sites are refused", HTTPStatus.FORBIDDEN)
        return None

    def _admit(self, request: Request) -> Response | None:
        if self._token is None or self._is_known(request):
            return None
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and _same(given.strip(), self._token):
            return None
        if _same(request.query_params.get(PARAMETER), self._token):
            # The token leaves the address at once, so that it is not in the browser's history.
            answer = RedirectResponse(request.url.path, HTTPStatus.SEE_OTHER)
            answer.set_cookie(
                self._cookie,
                self._token,
                secure=request.scope["scheme"] == "https",
                httponly=True,
                samesite="strict",
            )
            return answer
        if _same(request.cookies.get(self._cookie), self._token):
            return None
        return _sentence(
            "open the address that tbspot printed, with its token", HTTPStatus.UNAUTHORIZED
        )


def _is_visit(request: Request) -> bool:
    """Whether a person followed a link to the page, which no other site can look into."""
    return (
        request.method == "GET"
        and request.headers.get("sec-fetch-mode") == "navigate"
        and request.headers.get("sec-fetch-dest") == "document"
    )


def _same(given: str | None, token: str) -> bool:
    return given is not None and secrets.compare_digest(given.encode(), token.encode())


def _sentence(text: str, status: HTTPStatus) -> Response:
    return PlainTextResponse(f"{text}\n", status)
