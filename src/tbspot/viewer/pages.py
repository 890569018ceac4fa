"""The pages that people see: the worklist, a film, a film that waits.

Takes requests; gives HTML. What pages ask for by script is left to api.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import get_args

import numpy as np
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from tbspot.errors import TbspotError
from tbspot.html.templating import render
from tbspot.images.opening import MOST_BYTES
from tbspot.viewer.cases import Case, share_of
from tbspot.viewer.site import Site
from tbspot.viewer.worklist import PAGE, Order, Query, Row, Show, Status

__all__ = ["Pages", "Panel", "panel_of"]


@dataclass(frozen=True)
class Panel:
    """One model's view of a film.

    Attributes:
        address: of the case.
        case: what is shown.
        share: of the map's maximum from which places are in a box; `None` without a map.
        fault: why the map cannot be shown, if so.
    """

    address: str
    case: Case
    share: float | None
    fault: str


class Pages:
    """The addresses that people open.

    Args:
        site: what is shown.
    """

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/", self.first),
            Route("/film/{name}", self.film),
            Route("/drop/{name}", self.drop),
        ]

    def first(self, request: Request) -> Response:
        """The worklist, or without a run a place to drop films."""
        run = self._site.run
        if run is None:
            return self._page("start.html")
        query = Query.of(request.query_params)
        found = run.worklist.select(query)
        pages = max(1, math.ceil(len(found) / PAGE))
        page = min(query.page, pages)
        return self._page(
            "worklist.html",
            run=run,
            query=query,
            rows=[run.rows[place] for place in found[PAGE * (page - 1) : PAGE * page]],
            found=len(found),
            first=PAGE * (page - 1),
            page=page,
            pages=pages,
            has_truth=run.worklist.has_truth,
            orders=get_args(Order),
            shows=get_args(Show),
            statuses=get_args(Status),
        )

    def film(self, request: Request) -> Response:
        """One film of the run, with the other model's view where there is one."""
        name = request.path_params["name"]
        panels = [panel_of(f"/film/{name}", self._site.case("film", name))]
        if self._site.beside is not None:
            other = self._site.beside.case_of(panels[0].case.prediction)
            panels += [panel_of(f"/beside/{name}", other)] if other else []
        query = Query.of(request.query_params)
        return self._film_page(panels, query=query, **self._around(int(name), query))

    def drop(self, request: Request) -> Response:
        """A dropped film, or how far it is."""
        name = request.path_params["name"]
        progress = self._site.drops.progress(name) if self._site.drops else None
        if progress is not None and progress.case is None:
            return self._page("waiting.html", address=f"/drop/{name}")
        panels = [panel_of(f"/drop/{name}", self._site.case("drop", name))]
        return self._film_page(panels, query=Query(), before=None, after=None, place=0, found=0)

    def _around(self, number: int, query: Query) -> dict[str, int | None]:
        """The films before and after one, in the reader's order."""
        run = self._site.run
        numbers = run.worklist.select(query) if run else np.empty(0, np.intp)
        places = np.flatnonzero(numbers == number)
        if not len(places):
            return {"before": None, "after": None, "place": 0, "found": len(numbers)}
        place = int(places[0])
        return {
            "before": int(numbers[place - 1]) if place else None,
            "after": int(numbers[place + 1]) if place + 1 < len(numbers) else None,
            "place": place + 1,
            "found": len(numbers),
        }

    def _film_page(self, panels: list[Panel], **shown: object) -> Response:
        prediction = panels[0].case.prediction
        operating = self._site.operating
        return self._page(
            "film.html",
            panels=panels,
            prediction=prediction,
            row=Row(0, prediction, panels[0].case.truth),
            truth=panels[0].case.truth,
            operating=operating,
            warning=operating.warning(prediction.version) if operating else "",
            **shown,
        )

    def _page(self, template: str, **shown: object) -> Response:
        drops = {"why_no_drops": self._site.why_no_drops, "most_bytes": MOST_BYTES}
        return HTMLResponse(render(template, has_run=self._site.run is not None, **drops, **shown))


def panel_of(address: str, case: Case) -> Panel:
    """A model's view of a film, or why its map cannot be shown."""
    try:
        return Panel(address, case, share_of(case), "")
    except TbspotError as error:
        return Panel(address, case, None, str(error))
