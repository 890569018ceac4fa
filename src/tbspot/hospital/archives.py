"""Archives that store an instance: by DICOM's own protocol (C-STORE) or over the web (STOW-RS).

Takes an address and instances; gives why one was not stored, or `None` once the archive has said
so by name of the instance. Which instances to send is left to sending.py.
"""

from __future__ import annotations

import json
import re
import time
from abc import ABC, abstractmethod
from typing import Any
from urllib.parse import urlsplit

from dicomweb_client import DICOMwebClient
from pydicom.dataset import Dataset
from pydicom.uid import (
    ComprehensiveSRStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)
from pynetdicom.association import Association
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]
from requests import PreparedRequest, Request, Response, Session
from requests.exceptions import ConnectionError as NoConnection
from requests.exceptions import HTTPError, InvalidJSONError, RequestException, SSLError, Timeout

from tbspot.errors import TbspotError
from tbspot.faults import report_fault
from tbspot.hospital.connections import TITLE, Entity, check_title

__all__ = ["Archive", "ArchiveLost", "archive_of"]

ADDRESS = re.compile(rf"(?P<title>{TITLE})@(?P<host>\[[0-9a-fA-F:.]+\]|[^@:/\s]+):(?P<port>\d+)")
CLASSES = (SecondaryCaptureImageStorage, SegmentationStorage, ComprehensiveSRStorage)
SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
CONNECT_SECONDS = 10
ANSWER_SECONDS = 60
BOUNDARY = "tbspot"
# An answer about an instance is some hundreds of bytes.
MOST_BYTES = 1 << 20
UNREADABLE = "the archive's answer cannot be read"
ENDLESS = "what answers there does not come to an end: check the address"
# In which an archive can say that an instance is stored.
MEDIA_TYPES = (
    "application/dicom+json", "application/dicom+xml", "application/json", "application/xml",
)  # fmt: skip
# PS3.18 10.5.3: what a STOW-RS may say to a request without an instance; some say that there was
# no content, or nothing to work on.
NO_INSTANCE = (204, 400, 409, 415, 422)
# The instance is there already, after a try whose answer was lost: its UID follows from all that it
# holds, so it is the same one.
DUPLICATE = 0x0111
# Stored, though with changes or doubts (PS3.4 B.2.3 and, of any command, PS3.7 annex C).
STORED = (0x0000, 0x0107, 0x0116, 0xB000, 0xB006, 0xB007, DUPLICATE)


class ArchiveLost(Exception):  # noqa: N818 - what has happened, told for each instance left
    """The archive cannot be spoken to (any more): why, as part of a sentence."""


class Archive(ABC):
    """An archive to store into.

    Args:
        name: of the archive, without anything secret.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def close(self) -> None:
        """End the connection, if there is one."""

    @abstractmethod
    def ask(self) -> str | None:
        """Ask whether it would store results; gives why it would not. Nothing is stored.

        Raises:
            ArchiveLost: it cannot be spoken to.
        """

    def store(self, instance: Dataset) -> str | None:
        """Store an instance; gives why it is not confirmed, or `None` if it is.

        Raises:
            ArchiveLost: no other one can be stored either.
        """
        try:
            return self._store(instance)
        except ArchiveLost:
            raise
        # Whatever it is with this instance, others can be stored.
        except Exception as error:
            return report_fault(error)

    @abstractmethod
    def _store(self, instance: Dataset) -> str | None:
        """The same, where any other error is of this instance alone."""


def archive_of(to: str, calling: str) -> Archive:
    """The archive at an address.

    Args:
        to: `AE@HOST:PORT`, or the address of a DICOMweb service.
        calling: title of this application, for the first.

    Raises:
        TbspotError: neither.
    """
    if re.match(r"https?://", to, re.IGNORECASE):
        return _of_web(to)
    found = ADDRESS.fullmatch(to)
    if not found or not 0 < int(found["port"]) < 2**16:
        raise TbspotError(
            f"{to!r} is no address of an archive; name AE@HOST:PORT or http(s)://HOST/PATH"
        )
    check_title(calling)
    return _ByNetwork(to, found["title"], found["host"].strip("[]"), int(found["port"]), calling)


def _of_web(to: str) -> Archive:
    try:
        parts = urlsplit(to)
        host, _ = parts.hostname, parts.port
        # As it will be asked: of what names no host it says so.
        Request("POST", to).prepare()
    # Of requests' own faults each is a ValueError.
    except ValueError:
        host = None
    if not host or parts.query or parts.fragment:
        raise TbspotError(f"{to!r} is no address of a DICOMweb service; name http(s)://HOST/PATH")
    if parts.username is not None or parts.password is not None:
        raise TbspotError(
            "an address with a name and password would be kept with the results; put them into "
            "~/.netrc, and give the address without"
        )
    return _ByWeb(to.rstrip("/"))


class _ByNetwork(Archive):
    """C-STORE (PS3.4 annex B): one association for all instances."""

    def __init__(self, name: str, title: str, host: str, port: int, calling: str) -> None:
        super().__init__(name)
        self._peer = (host, port)
        self._title = title
        self._entity = Entity(calling, ANSWER_SECONDS)
        self._entity.connection_timeout = CONNECT_SECONDS
        for kind in CLASSES:
            self._entity.add_requested_context(kind, SYNTAXES)
        self._association: Association | None = None

    def close(self) -> None:
        """Release the association."""
        if self._association is not None and self._association.is_established:
            self._association.release()

    def ask(self) -> str | None:
        """Ask by C-ECHO (PS3.4 annex A), and for the classes of results; see `Archive.ask`."""
        self._entity.add_requested_context(Verification)
        association = self._association = self._associate()
        taken = {one.abstract_syntax for one in association.accepted_contexts}
        if missing := [kind.name for kind in CLASSES if kind not in taken]:
            return f"the archive does not take {', '.join(missing)}"
        if Verification in taken:
            code = association.send_c_echo().get("Status")
            if code != 0:
                return "the archive does not answer C-ECHO"
        return None

    def _store(self, instance: Dataset) -> str | None:
        """Store an instance by C-STORE."""
        association = self._association = self._association or self._associate()
        if not any(one.abstract_syntax == instance.SOPClassUID
                   for one in association.accepted_contexts):  # fmt: skip
            return f"the archive does not take objects of its class ({instance.SOPClassUID.name})"
        try:
            status = association.send_c_store(instance)
        # What cannot be encoded may break the writer in any way.
        except Exception as error:
            if not association.is_established:
                raise ArchiveLost("the archive has ended the connection") from error
            return "it cannot be encoded as the archive wants it"
        if "Status" not in status:
            raise ArchiveLost("the archive has ended the connection or does not answer")
        code = int(status.Status)
        return None if code in STORED else f"the archive answers with status 0x{code:04X}"

    def _associate(self) -> Association:
        association = self._entity.associate(*self._peer, ae_title=self._title)
        if association.is_established:
            return association
        if association.is_rejected:
            raise ArchiveLost("the archive refuses the connection: check both AE titles")
        if association.rejected_contexts:
            raise ArchiveLost("the archive takes none of the classes that results have")
        raise ArchiveLost("no archive answers there: check host, port and AE title")


class _Bounded(Session):
    """HTTP whose answers end, in time and in bytes, and come from where they were asked for."""

    def send(self, request: PreparedRequest, **options: Any) -> Response:
        """Send a request and read its whole answer.

        Raises:
            ArchiveLost: the answer does not end, or is that somebody else is to be asked.
        """
        answer = super().send(request, **options | {"stream": True, "allow_redirects": False})
        with answer:
            if answer.is_redirect:
                raise ArchiveLost(
                    f"the address leads elsewhere (HTTP {answer.status_code}), as to a page for "
                    "logging in: name the archive's own"
                )
            content, end = bytearray(), time.monotonic() + ANSWER_SECONDS
            # A byte is all that never lets one wait for a second one.
            for some in answer.iter_content(1):
                content += some
                if len(content) > MOST_BYTES or time.monotonic() > end:
                    raise ArchiveLost(ENDLESS)
        answer._content = bytes(content)
        return answer


class _ByWeb(Archive):
    """STOW-RS (PS3.18 10.5): a request an instance, since the answer is by instance."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._session, patience = _Bounded(), (CONNECT_SECONDS, ANSWER_SECONDS)
        self._client = DICOMwebClient(name, session=self._session, timeout=patience)
        # The same command sends again; repeating in silence would take minutes.
        self._client.set_http_retry_params(retry=False)

    def close(self) -> None:
        """Close what is open between requests."""
        self._session.close()

    def ask(self) -> str | None:
        """Send a request without an instance, and see whether it is understood."""
        kind = {"Content-Type": f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'}
        try:
            answer = self._session.post(
                f"{self.name}/studies",
                data=f"--{BOUNDARY}--\r\n".encode(),
                headers=kind | {"Accept": "application/dicom+json"},
                timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
            )
            if answer.status_code in NO_INSTANCE:
                return None
            answer.raise_for_status()
        except OSError as error:
            return _refusal(error)
        said = answer.headers.get("Content-Type", "").split(";")[0].strip().lower()
        if said not in MEDIA_TYPES:
            return f"what answers there is no STOW-RS ({said or 'nothing said'}): check the path"
        return None

    def _store(self, instance: Dataset) -> str | None:
        """Store an instance by STOW-RS."""
        uid = instance.SOPInstanceUID
        try:
            answer = self._client.store_instances([instance])
        except ArchiveLost:
            raise
        except HTTPError as error:
            reason = _reason_in(error.response, uid)
            return None if reason == DUPLICATE else _refusal(error, reason)
        # An answer may be anything; what cannot be read confirms nothing.
        except InvalidJSONError:
            return UNREADABLE
        except OSError as error:
            return _refusal(error)
        except Exception:
            return UNREADABLE
        return _unconfirmed(answer, uid)


def _refusal(error: OSError, reason: int | None = None) -> str:
    """What an archive says by refusing; an archive that is not reached is raised as lost."""
    if not isinstance(error, HTTPError):
        raise ArchiveLost(_unreached(error)) from error
    code = 0 if error.response is None else error.response.status_code
    if code in (401, 403):
        raise ArchiveLost(
            f"the archive refuses who asks (HTTP {code}): put name and password into ~/.netrc"
        ) from error
    if code in (404, 405):
        raise ArchiveLost(f"there is no STOW-RS there (HTTP {code}): check the path") from error
    if reason is not None:
        return f"the archive refuses it (HTTP {code}, reason 0x{reason:04X})"
    if code >= 500:
        return f"the archive answers, but cannot take it now (HTTP {code})"
    return f"the archive refuses it (HTTP {code})"


def _unreached(error: OSError) -> str:
    """Why no request came through."""
    if isinstance(error, SSLError):
        if "CERTIFICATE_VERIFY_FAILED" not in str(error):
            return "there is no secure connection to what answers there: check the address"
        return (
            "the archive's certificate is not trusted here: check the address, or name a file with "
            "its authority's in REQUESTS_CA_BUNDLE"
        )
    if isinstance(error, NoConnection | Timeout):
        return "no archive answers there: check the address"
    if not isinstance(error, RequestException):
        return "the certificates that REQUESTS_CA_BUNDLE names cannot be read: check that path"
    return "the address cannot be asked: check it"


def _unconfirmed(answer: Dataset, uid: str) -> str | None:
    """Why an answer (PS3.18 10.5.3) does not say that the instance is stored."""
    stored = [item.get("ReferencedSOPInstanceUID") for item in _items(answer, "ReferencedSOP")]
    reason = _reason(answer, uid)
    if uid in stored or reason == DUPLICATE:
        return None
    if reason is not None:
        return f"the archive refuses it (reason 0x{reason:04X})"
    return "the archive's answer does not name it as stored"


def _reason_in(answer: Response | None, uid: str) -> int | None:
    """Why an instance is not stored, by an answer that may be anything."""
    try:
        content = b"" if answer is None else answer.content
        return _reason(Dataset.from_json(json.loads(content)), uid)
    except Exception:
        return None


def _reason(answer: Dataset, uid: str) -> int | None:
    for item in _items(answer, "FailedSOP"):
        if item.get("ReferencedSOPInstanceUID") == uid and "FailureReason" in item:
            return int(item.FailureReason)
    return None


def _items(answer: Dataset, kind: str) -> list[Dataset]:
    return list(answer.get(f"{kind}Sequence") or ())
