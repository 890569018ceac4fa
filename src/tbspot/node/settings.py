"""What a node is made with, in one place.

Takes nothing; gives the frozen settings that the command line fills in. What they do is said here,
how it is done in the modules that take them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tbspot.addresses import canonical
from tbspot.choices import ResultKind
from tbspot.errors import TbspotError
from tbspot.hospital.connections import check_title
from tbspot.settings import Amount, Count, Days, Pause, Port, Settings, Whole

__all__ = ["Limits", "NodeSettings", "Pauses", "Tls"]


@dataclass(frozen=True)
class Limits(Settings):
    """What a unit may ask of the node.

    Attributes:
        film_bytes: of a film; a larger one is cut off.
        associations: at the same time, which together may hold so many films in memory.
        silence_seconds: that an association may be idle.
        pdu_seconds: that one message of the protocol (at most `pdu_bytes`) may take to come in.
        pdu_bytes: of one message of the protocol (PS3.8 9.3).
        request_seconds: that a request may take to come in, and besides what it takes at
            `slowest` bytes a second.
        slowest: of a request, in bytes a second: less than any line that films are sent over.
        free_bytes: of the disk that stay free; below them new films are refused.
    """

    film_bytes: Whole = 128 << 20
    associations: Whole = 8
    silence_seconds: Amount = 60.0
    pdu_seconds: Amount = 30.0
    pdu_bytes: Whole = 1 << 20
    request_seconds: Amount = 30.0
    slowest: Whole = 16_000
    free_bytes: Count = 1 << 30


@dataclass(frozen=True)
class Pauses(Settings):
    """How long to wait before another try: twice as long each time, up to a longest.

    Attributes:
        first: seconds.
        longest: seconds.
    """

    first: Pause = 5.0
    longest: Pause = 3600.0

    def after(self, tries: int) -> float:
        """Seconds to wait after so many tries (1 or more) that failed."""
        # Beyond 2^30 times the first any pause is the longest.
        return min(self.longest, self.first * 2.0 ** min(tries - 1, 30))


@dataclass(frozen=True)
class Tls:
    """Files in PEM for encrypted associations.

    Attributes:
        certificate: of this node, with what signed it.
        key: of the certificate.
        authority: that must have signed the units' certificates; `None` = units need none.
    """

    certificate: Path
    key: Path
    authority: Path | None = None


@dataclass(frozen=True)
class NodeSettings(Settings):
    """What a node is made with.

    Attributes:
        folder: of the node: queue, films, results.
        to: the archive that gets results, `AE@HOST:PORT` or `http(s)://...`; `None` = they are
            kept here alone.
        kinds: of results that are made.
        title: AE title of this node, by which units call it and it calls the archive.
        host: address to listen on.
        port: 0 = any that is free; 11112 is DICOM's registered one.
        titles: of units that may send; empty = any.
        addresses: of units that may send; empty = any.
        tls: to encrypt associations with units; `None` = plain.
        watched: a folder from which films are taken too.
        watch_seconds: between two looks into that folder; a file that has not changed between them
            is looked into, and taken if it is whole.
        keep_days: after which a film that is done, and its results, are deleted; without `to` it is
            done once it is located.
        identities: whether names and numbers are kept for the worklist, in a file of their own.
        tries: of a film before it is set aside.
        limits: of what units may ask.
        film_pauses: between tries of a film.
        archive_pauses: between tries of the archive.
    """

    folder: Path
    to: str | None = None
    kinds: tuple[ResultKind, ...] = ("sc", "seg", "sr")
    title: str = "TBSPOT"
    host: str = "127.0.0.1"
    port: Port = 11112
    titles: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    tls: Tls | None = None
    watched: Path | None = None
    watch_seconds: Pause = 2.0
    keep_days: Days = 7.0
    identities: bool = False
    tries: Whole = 3
    limits: Limits = Limits()
    film_pauses: Pauses = Pauses(first=30.0)
    archive_pauses: Pauses = Pauses()

    def __post_init__(self) -> None:
        """See `Settings`; also titles that none can have.

        Raises:
            TbspotError: a field has such a value.
        """
        super().__post_init__()
        for title in (self.title, *self.titles):
            check_title(title)

    @property
    def allowed(self) -> frozenset[str]:
        """Addresses of units that may send, in the form in which they are compared."""
        return frozenset(map(canonical, self.addresses))

    def check_watched(self) -> None:
        """Refuse a watched folder that none can be, or that is not apart from the node's own.

        What is in it is taken and removed. One that is absent may come later, with a disk.

        Raises:
            TbspotError: it is a file, or one of the two folders lies in the other.
        """
        if self.watched is None:
            return
        if self.watched.exists() and not self.watched.is_dir():
            raise TbspotError(f"{self.watched} is no folder; name one to take films from")
        watched, own = self.watched.resolve(), self.folder.resolve()
        if watched.is_relative_to(own) or own.is_relative_to(watched):
            raise TbspotError(
                f"{self.watched} is watched, whose films are taken and removed, and {self.folder} "
                "is where the node keeps its own; use folders of which neither lies in the other"
            )
