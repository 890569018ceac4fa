"""A node as the page shows it: its films in words, whose they are, and their cases.

Takes a node at work; gives rows for the list, a film's case, and a mark that changes when anything
has. Names are read from the node's own store of them, if it keeps one, and go nowhere else.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tbspot.node.identities import Identity
from tbspot.node.listing import PAGE, Line, Listing, Wanted
from tbspot.node.service import Node
from tbspot.node.store import QUEUE
from tbspot.records.predictions import Prediction, read_heatmap
from tbspot.scores import shown_score
from tbspot.viewer.cases import Case
from tbspot.viewer.pictures import LONGEST_SIDE

__all__ = ["NodeFilms", "Row", "Rows"]

# Of a search in identities: more films than anybody looks through.
MOST_FOUND = 5000
# What is wrong is looked at anew after this, or once a film has come or gone on.
TROUBLES_SECONDS = 10.0


@dataclass(frozen=True)
class Row:
    """A film in the list, as people read it.

    Attributes:
        number: of the film.
        score: from 0 to 100 with one decimal; empty without one.
        threshold: as the score.
        called: `called TB`, `not called`, or why there is no answer; empty while there is none yet.
        above: whether it is called.
        status: where it stands.
        retries: of locating and of sending.
        received: when it was acknowledged, by this machine's clock.
        located: when it was answered.
        source: the unit.
        prediction: what the model says, once it does.
        identity: whose film it is; `None` where that is not kept, or not known.
    """

    number: int
    score: str
    threshold: str
    called: str
    above: bool
    status: str
    retries: int
    received: datetime
    located: datetime | None
    source: str
    prediction: Prediction | None
    identity: Identity | None

    @property
    def name(self) -> str:
        """The patient's, as people write it; empty where it is not known."""
        return "" if self.identity is None else _written(self.identity.name)


@dataclass(frozen=True)
class Rows:
    """A page of the list.

    Attributes:
        rows: of the page.
        count: of all pages.
        first: place of the page's first row, from 1.
        page: from 1.
        pages: how many there are.
    """

    rows: Sequence[Row]
    count: int
    first: int
    page: int
    pages: int


class NodeFilms:
    """What the pages know of a node.

    Args:
        node: at work.

    Attributes:
        node: the same.
    """

    def __init__(self, node: Node) -> None:
        self.node = node
        known = node.identities
        find = None if known is None else partial(known.find, count=MOST_FOUND)
        self._listing = Listing(node.store.folder / QUEUE, find)
        self._sends = node.settings.to is not None
        self._lock = threading.Lock()
        self._known: tuple[int, float, Sequence[str]] | None = None
        # A mark of an earlier start is none of this one's.
        self._start = secrets.token_hex(4)

    def close(self) -> None:
        """Look no more."""
        self._listing.close()

    @property
    def has_identities(self) -> bool:
        """Whether the node keeps whose films they are."""
        return self.node.identities is not None

    def state(self) -> tuple[str, Sequence[str]]:
        """A mark that changes once the list may have, or what is wrong; and what is wrong.

        Pages ask every other second, so that health, which looks at every film, is not asked anew
        each time.
        """
        version, now = self._listing.mark(), time.monotonic()
        with self._lock:
            if self._known is None or self._known[0] != version or self._known[1] < now:
                self._known = version, now + TROUBLES_SECONDS, self.node.health().troubles
            troubles = self._known[2]
        return f"{self._start}-{version}-{zlib.crc32(repr(troubles).encode()):x}", troubles

    def rows(self, wanted: Wanted) -> Rows:
        """A page of the list.

        Raises:
            TbspotError: it cannot be read.
        """
        found = self._listing.find(wanted)
        whose = self._whose(found.lines)
        rows = [self._row(line, whose.get(line.file)) for line in found.lines]
        return Rows(rows, found.count, PAGE * (found.page - 1) + 1, found.page, found.pages)

    def row(self, number: int) -> Row | None:
        """A film of the list."""
        line = self._listing.film(number)
        return None if line is None else self._row(line, self._whose([line]).get(line.file))

    def beside(self, number: int) -> tuple[int | None, int | None]:
        """The next newer film, and the next older one."""
        return self._listing.beside(number)

    def case(self, number: int) -> Case | None:
        """A film that was answered, with its map where it has one."""
        line = self._listing.film(number)
        if line is None or line.prediction is None:
            return None
        said, folder = line.prediction, self.node.store.folder
        return Case(
            _called_by_number(said, line),
            film=partial(self._film, line),
            evidence=partial(read_heatmap, folder, said) if said.heatmap else None,
        )

    def _film(self, line: Line) -> NDArray[np.float32]:
        path = self.node.store.path_of(line)
        return self.node.model.read(path, enough=LONGEST_SIDE).film.pixels

    def _whose(self, lines: Iterable[Line]) -> dict[str, Identity]:
        known = self.node.identities
        return {} if known is None else known.of(line.file for line in lines)

    def _row(self, line: Line, identity: Identity | None) -> Row:
        said = None if line.prediction is None else _called_by_number(line.prediction, line)
        line = replace(line, reason=_plain(line.reason, line), refusal=_plain(line.refusal, line))
        return Row(
            number=line.number,
            score=shown_score(said.score, said.threshold) if said else "",
            threshold=shown_score(said.threshold) if said else "",
            called=_called(said),
            above=bool(said and said.called),
            status=_status(line, sends=self._sends),
            retries=line.retries,
            received=_local(line.received),
            located=None if line.located is None else _local(line.located),
            source=line.source,
            prediction=said,
            identity=identity,
        )


def _called_by_number(said: Prediction, line: Line) -> Prediction:
    """A prediction that calls its film as the pages do, not by its file."""
    update = {"image": f"film {line.number}", "reason": _plain(said.reason, line)}
    return said.model_copy(update=update)


def _plain(text: str | None, line: Line) -> str | None:
    """A sentence without the film's file, whose name and folder tell people nothing."""
    return text and re.sub(rf"\S*{re.escape(line.file)}", f"film {line.number}", text)


def _written(name: str) -> str:
    """A name of DICOM (PS3.5 6.2.1.1): its groups, each family name, then the others."""
    groups = [[part.strip() for part in group.split("^")] for group in name.split("=")]
    written = [", ".join(filter(None, (first, " ".join(filter(None, rest)))))
               for first, *rest in groups]  # fmt: skip
    return " / ".join(filter(None, written))


def _local(moment: float) -> datetime:
    return datetime.fromtimestamp(moment).astimezone()


def _called(said: Prediction | None) -> str:
    if said is None:
        return ""
    if said.status != "ok":
        return f"not judged: {said.reason}"
    return {True: "called TB", False: "not called", None: "no threshold"}[said.called]


def _status(line: Line, *, sends: bool) -> str:
    """Where a film stands, in words."""
    match line.state:
        case "received":
            return _waiting(line)
        case "aside":
            return f"set aside: {line.reason}"
        case "delivered" if line.results:
            return "sent"
        case "located" if sends:
            return _unsent(line)
    return f"located: {line.reason}" if line.reason else "located"


def _waiting(line: Line) -> str:
    if not line.attempts:
        return "waiting"
    if line.reason is None:
        return "being located"
    return f"waiting after {line.attempts} {_tries(line.attempts)}: {line.reason}"


def _unsent(line: Line) -> str:
    said = "located, waiting for the archive"
    if line.stored:
        said += f" ({line.stored} of {line.results} stored)"
    return f"{said}: {line.refusal}" if line.refusal else said


def _tries(count: int) -> str:
    return "try" if count == 1 else "tries"
