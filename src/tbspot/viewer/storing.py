"""Films over the web: DICOMweb's STOW-RS (PS3.18 10.5), bounded in everything.

Takes requests of units; puts their films into the node as C-STORE does, and says that a film was
stored only when it is on the disk. Who may send is left to guard.py as far as it is the page's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from tbspot.addresses import canonical
from tbspot.choices import Taking
from tbspot.errors import TbspotError
from tbspot.faults import report_fault
from tbspot.hospital.uids import fault_of_uid
from tbspot.node.objects import CLASSES, SYNTAXES, Sent, UnfitError, contradicts, sent_of, study_of
from tbspot.node.service import Node
from tbspot.viewer.bodies import CLOSE, GRACE, SLOWEST, TooLargeError, TooSlowError, paced
from tbspot.viewer.multipart import MalformedError, Part, Parts

__all__ = ["BASE", "Storing", "address_of"]

BASE = "/dicom-web"
DICOM, JSON = "application/dicom", "application/dicom+json"
# Films in memory at a time, of the largest size, of all requests together.
MOST_HELD = 4
LATER = CLOSE | {"Retry-After": "60"}
# Reasons of a failure (PS3.18 I.2.2).
PROCESSING, NO_CLASS, NO_ROOM, MISMATCH = 0x0110, 0x0122, 0xA700, 0xA900
NOT_UNDERSTOOD, NO_SYNTAX = 0xC000, 0xC122


class _BusyError(Exception):
    """More is held than should be."""


@dataclass(frozen=True)
class _Named:
    """What became of an instance: `reason` is that of a failure, `None` = stored."""

    kind: str
    instance: str
    reason: int | None

    def item(self) -> dict[str, Any]:
        """Of a sequence of the response."""
        reference = {"00081150": {"vr": "UI", "Value": [self.kind]},
                     "00081155": {"vr": "UI", "Value": [self.instance]}}  # fmt: skip
        # A place to fetch it from is none: the node is no archive.
        return reference | (
            {"00081190": {"vr": "UR"}} if self.reason is None else _why(self.reason)
        )


@dataclass
class _Told:
    """What became of the films of a request; of those that name no instance, why."""

    named: list[_Named] = field(default_factory=list)
    unnamed: list[int] = field(default_factory=list)

    @property
    def failures(self) -> list[int]:
        return [one.reason for one in self.named if one.reason is not None] + self.unnamed

    def status(self) -> HTTPStatus:
        """As PS3.18 table 10.5.3-1 has it."""
        if not self.failures:
            return HTTPStatus.OK
        if len(self.failures) < len(self.named) + len(self.unnamed):
            return HTTPStatus.ACCEPTED
        full = NO_ROOM in self.failures
        return HTTPStatus.SERVICE_UNAVAILABLE if full else HTTPStatus.CONFLICT

    def dataset(self) -> dict[str, Any]:
        """The response's module in the JSON of DICOM (PS3.18 I.2, F.2)."""
        sequences = {
            "00081198": [one.item() for one in self.named if one.reason is not None],
            "00081199": [one.item() for one in self.named if one.reason is None],
            "0008119A": [_why(reason) for reason in self.unnamed],
        }
        said = {tag: {"vr": "SQ", "Value": items} for tag, items in sequences.items() if items}
        return {"00081190": {"vr": "UR"}} | said


class Storing:
    """The addresses that units store films at.

    Args:
        node: that takes them.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._most = node.settings.limits.film_bytes
        self._held = 0

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route(f"{BASE}/studies", self.store, methods=["POST"]),
            Route(f"{BASE}/studies/{{study}}", self.store, methods=["POST"]),
        ]

    async def store(self, request: Request) -> Response:
        """Store the films of a body, each once it has come, whatever becomes of the others."""
        address = self._checked(request)
        study = request.path_params.get("study")
        if study is not None and fault_of_uid(study):
            raise HTTPException(HTTPStatus.BAD_REQUEST, "the study of the address is no UID", CLOSE)
        try:
            told = await self._stored(request, study, f"web {address}")
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)
        except (MalformedError, TooLargeError, TooSlowError, _BusyError) as error:
            raise self._refusal(error, address) from error
        status = told.status()
        headers = {"Retry-After": "60"} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
        return Response(json.dumps(told.dataset()), status, headers, JSON)

    async def _stored(self, request: Request, study: str | None, source: str) -> _Told:
        told, parts = _Told(), Parts(_boundary(request), self._most, self._count)
        try:
            async for data in paced(request.stream(), GRACE, SLOWEST):
                for part in parts.feed(data):
                    await run_in_threadpool(self._take, part, study, source, told)
                    parts.give_back(part)
        finally:
            parts.close()
        if not parts.ended or not (told.named or told.unnamed):
            raise MalformedError
        return told

    def _checked(self, request: Request) -> str:
        """Refuse who may not send, and what is not taken; gives the sender's address."""
        address = address_of(request)
        allowed = self._node.settings.allowed
        if allowed and address not in allowed:
            self._node.tell("request refused", address=address, reason="its address may not send")
            raise HTTPException(HTTPStatus.FORBIDDEN, "this address may not send films", CLOSE)
        kind, options = parse_options_header(request.headers.get("content-type"))
        wanted = options.get(b"type", b"").lower()
        if kind.lower() != b"multipart/related" or wanted != DICOM.encode():
            raise HTTPException(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                f'send films as multipart/related; type="{DICOM}"',
                CLOSE,
            )
        return address

    def _refusal(self, error: Exception, address: str) -> HTTPException:
        found: dict[type[Exception], tuple[HTTPStatus, str, dict[str, str]]] = {
            MalformedError: (
                HTTPStatus.BAD_REQUEST, "the body is not of films between its boundary", CLOSE
            ),
            TooLargeError: (
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"a film has more than {self._most:,} bytes, or there are too many at once", CLOSE,
            ),
            TooSlowError: (HTTPStatus.REQUEST_TIMEOUT, "the body does not arrive", CLOSE),
            _BusyError: (
                HTTPStatus.SERVICE_UNAVAILABLE, "too many films at a time; try again", LATER
            ),
        }  # fmt: skip
        status, sentence, headers = found[type(error)]
        self._node.tell("request refused", address=address, reason=sentence)
        return HTTPException(status, sentence, headers)

    def _count(self, length: int) -> None:
        """Count what is held of all requests together; nothing is for what has not arrived."""
        if length > 0 and self._held + length > MOST_HELD * self._most:
            raise _BusyError
        self._held += length

    def _take(self, part: Part, study: str | None, source: str, told: _Told) -> None:
        """Take a part's film, and note what became of it."""
        try:
            if part.media_type not in (DICOM, ""):
                raise TbspotError("the part is no film")
            sent = sent_of(part.content, "the film")
        except TbspotError:
            told.unnamed.append(NOT_UNDERSTOOD)
            return
        # Only UIDs are repeated to the sender, as the answer is made of them.
        if fault_of_uid(sent.instance) or fault_of_uid(sent.kind):
            told.unnamed.append(NOT_UNDERSTOOD)
            return
        told.named.append(_Named(sent.kind, sent.instance, self._failure(sent, study, source)))

    def _failure(self, sent: Sent, study: str | None, source: str) -> int | None:
        """Why a film was not taken; `None` = it was."""
        if (unfit := _unfit(sent, study)) is not None:
            return unfit
        try:
            taken: Taking = self._node.take(sent, source)
        except TbspotError as error:
            self._node.tell("refused", source=source, bytes=len(sent.data), reason=error)
            return NOT_UNDERSTOOD if isinstance(error, UnfitError) else NO_ROOM
        except Exception as error:
            self._node.tell("fault", where="web", reason=report_fault(error))
            return PROCESSING
        return NOT_UNDERSTOOD if taken == "other" else None


def _unfit(sent: Sent, study: str | None) -> int | None:
    """Why a film is not to be taken, by what it says of itself; `None` = it may be."""
    if sent.kind not in CLASSES:
        return NO_CLASS
    if sent.syntax not in SYNTAXES:
        return NO_SYNTAX
    if study is not None and study_of(sent) != study:
        return NOT_UNDERSTOOD
    return MISMATCH if contradicts(sent) else None


def address_of(request: Request) -> str:
    """Of the machine that asks, as people write it."""
    return canonical(request.client.host if request.client is not None else "")


def _boundary(request: Request) -> bytes:
    _, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "the body names no boundary", CLOSE)
    return boundary


def _why(reason: int) -> dict[str, Any]:
    return {"00081197": {"vr": "US", "Value": [reason]}}
