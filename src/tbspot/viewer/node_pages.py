"""The pages of a node: its list as it grows, a film, a slip of it, and its health.

Takes requests; gives HTML, a picture, or JSON for a monitor. What a film's own page asks for by
script is left to api.py, films that come over the web to storing.py.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any, get_args

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from tbspot import __version__
from tbspot.choices import FilmsOrder, FilmsShown
from tbspot.html.templating import render
from tbspot.node.health import said_of
from tbspot.node.listing import Wanted
from tbspot.viewer.bodies import TooLargeError, TooSlowError, small
from tbspot.viewer.node_films import NodeFilms, Row
from tbspot.viewer.pages import panel_of
from tbspot.viewer.pictures import film_png, overlay_png
from tbspot.viewer.site import NUMBER, Site
from tbspot.viewer.worklist import LONGEST_SEARCH, one_of
from tbspot.viewer.worklist import Row as FilmRow

__all__ = ["NodePages"]

# Of what the page's script asks for.
MOST_BYTES = 4096
MARK = "X-Mark"
# Of a name, as people or DICOM write it.
BETWEEN = re.compile(r"[\s,^]+")


class NodePages:
    """The addresses that people, the page's script and monitors open.

    Args:
        films: of the node.
        site: that has its films as cases, and threads to read them.
    """

    def __init__(self, films: NodeFilms, site: Site) -> None:
        self._films, self._site = films, site

    def routes(self) -> list[Route]:
        """All of them."""
        film = "/node/{name}"
        return [
            Route("/", self.first),
            Route("/films", self.films, methods=["POST"]),
            Route("/health", self.health),
            Route(film, self.film),
            Route(f"{film}/slip", self.slip),
            Route(f"{film}/picture.png", self.picture),
        ]

    def first(self, request: Request) -> Response:
        """The list."""
        wanted = replace(_wanted(request.query_params), words=())
        return self._page(
            "node_worklist.html",
            orders=get_args(FilmsOrder),
            shows=get_args(FilmsShown),
            **self._listed(wanted),
        )

    async def films(self, request: Request) -> Response:
        """The list's table for a query, or 204 where the asker has it already.

        What is searched for comes in the body: addresses are kept by browsers and others, and it
        may be a name.
        """
        try:
            asked = json.loads(await small(request.stream(), MOST_BYTES))
            wanted, mark = _wanted(asked), asked.get("mark")
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)
        except TooSlowError as error:
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, "the question does not come") from error
        except TooLargeError as error:
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            raise HTTPException(status, "search for less", {"Connection": "close"}) from error
        # Recursion without end is no question either.
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise HTTPException(HTTPStatus.BAD_REQUEST, "this is no question") from error
        return await run_in_threadpool(self._answer, wanted, mark)

    def health(self, _: Request) -> Response:
        """How the node is, for a monitor."""
        status, body = said_of(self._films.node.health)
        return Response(body, status, media_type="application/json")

    def film(self, request: Request) -> Response:
        """One film, as far as it is."""
        row = self._row(request)
        shown = {"row": row, "of_film": row, "has_identities": self._films.has_identities}
        newer, older = self._films.beside(row.number)
        shown |= {"newer": newer, "older": older}
        if row.prediction is None:
            return self._page("node_film_waiting.html", **shown)
        panel = panel_of(f"/node/{row.number}", self._site.case("node", str(row.number)))
        return self._page(
            "node_film.html",
            **shown | {"row": FilmRow(0, row.prediction)},
            panels=[panel],
            prediction=row.prediction,
            truth=None,
            operating=None,
            warning="",
        )

    def slip(self, request: Request) -> Response:
        """One film on one page of paper."""
        row = self._answered(request)
        case = self._site.case("node", str(row.number))
        return self._page(
            "node_slip.html",
            row=row,
            prediction=row.prediction,
            has_map=case.evidence is not None,
            has_identities=self._films.has_identities,
            program=__version__,
        )

    async def picture(self, request: Request) -> Response:
        """The film with map and boxes, or alone where it has none."""
        row = await run_in_threadpool(self._answered, request)

        def draw() -> bytes:
            case = self._site.case("node", str(row.number))
            if case.evidence is None:
                return film_png(case.film())
            return overlay_png(case.film(), case.evidence(), case.prediction)

        loop = asyncio.get_running_loop()
        return Response(
            await loop.run_in_executor(self._site.readers, draw), media_type="image/png"
        )

    def _answer(self, wanted: Wanted, mark: object) -> Response:
        if mark == self._films.state()[0]:
            return Response(status_code=HTTPStatus.NO_CONTENT)
        listed = self._listed(wanted)
        return HTMLResponse(render("node_rows.html", **listed), headers={MARK: listed["mark"]})

    def _listed(self, wanted: Wanted) -> dict[str, Any]:
        """What the table shows; its mark is older than it, so that no change is missed."""
        mark, troubles = self._films.state()
        return {
            "mark": mark,
            "troubles": troubles,
            "found": self._films.rows(wanted),
            "wanted": wanted,
            "has_identities": self._films.has_identities,
        }

    def _row(self, request: Request) -> Row:
        name = request.path_params["name"]
        row = self._films.row(int(name)) if NUMBER.fullmatch(name) else None
        if row is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, "there is no such film")
        return row

    def _answered(self, request: Request) -> Row:
        row = self._row(request)
        if row.prediction is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, "the film has no answer yet")
        return row

    def _page(self, template: str, **shown: object) -> Response:
        return HTMLResponse(render(template, **shown))


def _wanted(given: Mapping[str, Any]) -> Wanted:
    """Read a question; a word that is not known means the usual."""
    search, page = _text(given, "search"), _text(given, "page")
    return Wanted(
        order=one_of(get_args(FilmsOrder), given.get("order")),
        shown=one_of(get_args(FilmsShown), given.get("show")),
        words=tuple(filter(None, BETWEEN.split(search[:LONGEST_SEARCH]))),
        page=int(page) if NUMBER.fullmatch(page) and int(page) else 1,
    )


def _text(given: Mapping[str, Any], name: str) -> str:
    """A word of a question, without halves of characters, which no text has."""
    return str(given.get(name, "")).encode(errors="ignore").decode()
