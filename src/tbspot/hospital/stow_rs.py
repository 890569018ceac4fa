"""Stores instances over the web, by DICOMweb's STOW-RS.

Takes the address of a service; gives an `Archive`. An answer may be anything: it is bounded in time
and bytes, and what cannot be read confirms nothing. Which archive is meant is left to archives.py.
"""

from __future__ import annotations

import json
import time
from typing import Any

from dicomweb_client import DICOMwebClient
from pydicom.dataset import Dataset
from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from requests.exceptions import ConnectionError as NoConnection
from requests.exceptions import HTTPError, InvalidJSONError, RequestException, SSLError, Timeout
from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from tbspot.addresses import ended_after
from tbspot.hospital.archive import (
    ANSWER_SECONDS,
    CONNECT_SECONDS,
    DUPLICATE,
    Archive,
    ArchiveLost,
)

__all__ = ["ByWeb"]

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


class _Timely(HTTPConnection):
    """A connection on which the head of an answer ends, too."""

    def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as urllib3's own
        """Read an answer's head.

        Raises:
            ArchiveLost: it does not end.
        """
        with ended_after(self.sock, ANSWER_SECONDS + 1) as ended:
            try:
                return super().getresponse()
            finally:
                if ended.is_set():  # whatever was made of the half of a head
                    raise ArchiveLost(ENDLESS)


class _TimelySecure(_Timely, HTTPSConnection):
    """The same by TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Timely


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _TimelySecure


class _Adapter(HTTPAdapter):
    """What makes the connections of a session."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Make those that go to their goal itself."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, *arguments: Any, **options: Any) -> Any:
        """Make those that go by a proxy, as the environment may name one."""
        manager = super().proxy_manager_for(*arguments, **options)
        manager.pool_classes_by_scheme = POOLS
        return manager


POOLS = {"http": _Pool, "https": _SecurePool}


class _Bounded(Session):
    """HTTP whose answers end, in time and in bytes, and come from where they were asked for."""

    def __init__(self) -> None:
        super().__init__()
        for scheme in POOLS:
            self.mount(f"{scheme}://", _Adapter())

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


class ByWeb(Archive):
    """STOW-RS (PS3.18 10.5): a request an instance, since the answer is by instance.

    Args:
        name: of the archive, which is the address of its service without a slash at the end.
    """

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
    # First: an answer that says both does not say that it is stored.
    if reason is not None and reason != DUPLICATE:
        return f"the archive refuses it (reason 0x{reason:04X})"
    if uid in stored or reason == DUPLICATE:
        return None
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
