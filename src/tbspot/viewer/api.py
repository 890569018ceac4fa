"""What the page's scripts ask for: pictures, boxes at a threshold, dropped films, things to take.

Takes requests; gives PNG, raw grey values, JSON and files. Pages are left to pages.py, who may
ask to guard.py.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tbspot.images.opening import MOST_BYTES
from tbspot.records.predictions import Prediction
from tbspot.viewer.bodies import CLOSE
from tbspot.viewer.cases import Case, at_share
from tbspot.viewer.drops import NAME, BusyError, TooLargeError, TooSlowError
from tbspot.viewer.pictures import film_png, grey_values, heatmap_png, legend_png, overlay_png
from tbspot.viewer.site import Site
from tbspot.viewer.takeaway import film_report

__all__ = ["Answers"]

Result = TypeVar("Result")

THUMBNAIL_SIDE = 96
MOST_THUMBNAILS = 2000  # of about 5 KB


class Answers:
    """The addresses that scripts and links ask.

    Args:
        site: what is shown.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._thumbnail_of = lru_cache(MOST_THUMBNAILS)(self._make_thumbnail)

    def routes(self) -> list[Route]:
        """All of them."""
        film = "/{place}/{name}"
        return [
            Route("/legend.png", self.legend),
            Route("/threshold", self.threshold),
            Route("/drops", self.receive, methods=["POST"]),
            Route("/drop/{name}", self.forget, methods=["DELETE"]),
            Route("/drop/{name}/progress", self.progress),
            Route(f"{film}/thumbnail.png", self.thumbnail),
            Route(f"{film}/pixels", self.pixels),
            Route(f"{film}/heatmap.png", self.heatmap),
            Route(f"{film}/boxes", self.boxes),
            Route(f"{film}/overlay.png", self.overlay),
            Route(f"{film}/result.json", self.result),
            Route(f"{film}/report.html", self.report),
        ]

    def legend(self, _: Request) -> Response:
        """The colours of the heat map."""
        return Response(legend_png(), media_type="image/png")

    def threshold(self, request: Request) -> Response:
        """What a threshold of the score would mean."""
        if self._site.operating is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, "there is no calibration")
        return JSONResponse({"sentence": self._site.operating.sentence(_number(request, "score"))})

    async def thumbnail(self, request: Request) -> Response:
        """A film in small."""
        place, name = request.path_params["place"], request.path_params["name"]
        # Nothing of a dropped film outlives its being forgotten.
        make = self._make_thumbnail if place == "drop" else self._thumbnail_of
        # Nor what the site no longer has.
        await run_in_threadpool(self._site.case, place, name)
        picture = await self._read(lambda: make(place, name))
        return Response(picture, media_type="image/png")

    async def pixels(self, request: Request) -> Response:
        """A film in 16 bits, for windows of any width."""
        case = self._case(request)
        grey = await self._read(lambda: grey_values(case.film()))
        height, width = grey.shape
        return Response(
            grey.tobytes(),
            media_type="application/octet-stream",
            headers={"X-Width": str(width), "X-Height": str(height)},
        )

    def heatmap(self, request: Request) -> Response:
        """The map in colours; with `share`, only where it reaches it."""
        _, evidence = self._case_with_map(request)
        share = _number(request, "share") if "share" in request.query_params else 0.0
        return Response(heatmap_png(evidence(), share), media_type="image/png")

    def boxes(self, request: Request) -> Response:
        """Boxes at a share of the map's maximum."""
        case, _ = self._case_with_map(request)
        boxes = _wanted(case, request).boxes
        return JSONResponse([box.model_dump() for box in boxes])

    async def overlay(self, request: Request) -> Response:
        """The film with map and boxes, to take along."""
        case, evidence = self._case_with_map(request)
        wanted = _wanted(case, request)
        picture = await self._read(lambda: overlay_png(case.film(), evidence(), wanted))
        return _file(request, picture, "png", "image/png")

    def result(self, request: Request) -> Response:
        """The prediction, as in predictions.jsonl, to take along."""
        wanted = _wanted(self._case(request), request).model_dump(mode="json")
        return _file(request, json.dumps(wanted, indent=2).encode(), "json", "application/json")

    async def report(self, request: Request) -> Response:
        """One page with pictures and figures, to take along."""
        case, evidence = self._case_with_map(request)
        wanted = _wanted(case, request)
        page = await self._read(lambda: film_report(case.film(), evidence(), wanted))
        return _file(request, page.encode(), "html", "text/html; charset=utf-8")

    async def receive(self, request: Request) -> Response:
        """Take a dropped film into the queue: the file is the body."""
        if self._site.drops is None:
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, self._site.why_no_drops)
        length = request.headers.get("content-length", "")
        if not re.fullmatch("[0-9]{1,18}", length):
            raise HTTPException(HTTPStatus.LENGTH_REQUIRED, "say how long the film's file is")
        try:
            name = await self._site.drops.receive(int(length), request.stream())
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)
        except TooLargeError as error:
            arrived = f"{int(length):,}" if int(length) > MOST_BYTES else "too many"
            raise HTTPException(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"{NAME} has {arrived} bytes, more than {MOST_BYTES:,}; export it smaller",
                CLOSE,
            ) from error
        except TooSlowError as error:
            raise HTTPException(
                HTTPStatus.REQUEST_TIMEOUT,
                f"{NAME} does not arrive; drop it again",
                CLOSE,
            ) from error
        except BusyError as error:
            raise HTTPException(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "too many films are waiting; try again in a minute",
                CLOSE | {"Retry-After": "60"},
            ) from error
        return JSONResponse({"address": f"/drop/{name}"}, HTTPStatus.ACCEPTED)

    def progress(self, request: Request) -> Response:
        """How far a dropped film is."""
        name = request.path_params["name"]
        progress = self._site.drops.progress(name) if self._site.drops else None
        if progress is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, "this film is no longer kept; drop it again")
        if progress.case is None:
            return JSONResponse({"done": False, "ahead": progress.ahead})
        prediction = progress.case.prediction
        said = prediction.model_dump(include={"status", "reason", "score", "threshold"})
        return JSONResponse({"done": True, "boxes": len(prediction.boxes), **said})

    def forget(self, request: Request) -> Response:
        """Forget a dropped film and its result."""
        if self._site.drops is not None:
            self._site.drops.forget(request.path_params["name"])
        return Response(status_code=HTTPStatus.NO_CONTENT)

    def _case(self, request: Request) -> Case:
        return self._site.case(request.path_params["place"], request.path_params["name"])

    def _case_with_map(self, request: Request) -> tuple[Case, Callable[[], NDArray[np.float32]]]:
        case = self._case(request)
        if case.evidence is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, "the film has no map")
        return case, case.evidence

    async def _read(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._site.readers, work)

    def _make_thumbnail(self, place: str, name: str) -> bytes:
        return film_png(self._site.case(place, name).film(), THUMBNAIL_SIDE)


def _wanted(case: Case, request: Request) -> Prediction:
    """The prediction with boxes at the address's `share`, or as it is."""
    if case.evidence is None or "share" not in request.query_params:
        return case.prediction
    return at_share(case, _number(request, "share"))


def _number(request: Request, name: str) -> float:
    try:
        number = float(request.query_params[name])
    except (KeyError, ValueError):
        number = -1.0
    if not 0 < number < 1:
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"{name} must be a number between 0 and 1")
    return number


def _file(request: Request, content: bytes, ending: str, media_type: str) -> Response:
    """A file to save, under a name that tells nothing of the patient."""
    place, name = request.path_params["place"], request.path_params["name"]
    stem = "tbspot-dropped-film" if place == "drop" else f"tbspot-{place}-{int(name)}"
    headers = {"Content-Disposition": f'attachment; filename="{stem}.{ending}"'}
    return Response(content, media_type=media_type, headers=headers)
