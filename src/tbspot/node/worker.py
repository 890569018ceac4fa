"""Films of the queue to answers, one after the other.

Takes a store and a model; gives results in the store. A film that cannot be answered is tried
again, and set aside in the end, also if it ends the process each time. Sending is left to
delivery.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from tbspot.choices import ResultKind
from tbspot.errors import ModelError, TbspotError, is_crowded, is_out_of_memory, refuse_unread
from tbspot.faults import report_fault
from tbspot.hospital.results import results_of
from tbspot.hospital.source import maker_of
from tbspot.images.facts import MAKER
from tbspot.locating import Finding, Model
from tbspot.maps.overlays import PICTURE_SIDE
from tbspot.node.identities import Identities
from tbspot.node.ledger import FilmLine
from tbspot.node.settings import Pauses
from tbspot.node.store import Store
from tbspot.node.telling import Tell

__all__ = ["Worker"]


@dataclass
class Worker:
    """Locates films of a store.

    Attributes:
        store: with the films.
        model: that locates.
        kinds: of results to make.
        tell: of what happens.
        ready: is called when results are there to be sent.
        identities: where whose films they are is kept; `None` = nowhere.
        tries: of a film before it is set aside.
        pauses: between them.
    """

    store: Store
    model: Model
    kinds: Sequence[ResultKind]
    tell: Tell
    ready: Callable[[], None]
    identities: Identities | None = None
    tries: int = 3
    pauses: Pauses = field(default_factory=Pauses)
    _unblamed: list[int] = field(default_factory=list, init=False)

    def work(self) -> float | None:
        """Locate the film that is next.

        Returns:
            seconds until there is something to do: 0 = at once, `None` = not before a film comes.

        Raises:
            ModelError: the model cannot be run here, so that no film fares better.
            TbspotError: the disk is full; the film stays queued.
        """
        self._take_back()
        ledger, now = self.store.ledger, self.store.clock()
        film = ledger.next_film(now)
        if film is None:
            soonest = ledger.soonest()
            return None if soonest is None else max(0.0, soonest - now)
        if film.attempts >= self.tries:
            self._set_aside(film, film.reason or _killed(film))
            return 0
        # On the disk before anything is tried: the film may end this process.
        pause = self.pauses.after(film.attempts + 1)
        ledger.begin(film.id, now + pause)
        try:
            self._try(film, now + pause)
        except TbspotError:
            # Of the model or a full disk, and no fault of the film.
            self._unblamed.append(film.id)
            with suppress(TbspotError):
                self._take_back()
            raise
        return 0

    def _take_back(self) -> None:
        """Uncount tries that failed by no fault of their film; on a full disk once there is room.

        Raises:
            TbspotError: there is none as yet.
        """
        while self._unblamed:
            self.store.ledger.take_back(self._unblamed[-1], self.store.clock())
            self._unblamed.pop()

    def _try(self, film: FilmLine, next_try: float) -> None:
        began = time.monotonic()
        try:
            finding = self.model.locate(self.store.path_of(film), name=film.file)
            if finding.status == "failed":
                self._put_off(film, finding.reason or "it cannot be read", next_try)
                return
            made, why_not = self._made(film, finding)
        except ModelError:
            raise
        # What a film breaks is told of the film, and the next one is tried.
        except Exception as error:
            if is_crowded(error):
                raise TbspotError("no more files can be opened; allow more (ulimit -n)") from error
            self._put_off(film, _why(error), next_try)
            return
        self._keep(film, finding, made, why_not)
        # Of a film that was set aside that has been told, and is the last word.
        if why_not is None:
            seconds = time.monotonic() - began
            self.tell(f"film {finding.status}", film=film.id, seconds=seconds, results=len(made))

    def _made(
        self, film: FilmLine, finding: Finding
    ) -> tuple[dict[ResultKind, Dataset], str | None]:
        """The film's results, or a sentence on why there are none.

        Raises:
            TbspotError: the film cannot be read now.
        """
        path = self.store.path_of(film)
        # A result, of another node maybe, that the archive sends on: an answer would come back too.
        if maker_of(path) == MAKER:
            return {}, None
        wanted = finding.status == "ok" and "sc" in self.kinds
        pixels = finding.read(PICTURE_SIDE).pixels if wanted else None
        try:
            return results_of(self.kinds, path, finding.prediction, pixels, finding.evidence), None
        except TbspotError as error:
            refuse_unread(error, film.file)  # else it would be set aside at the first try
            return {}, f"no results as DICOM: {error}"

    def _keep(
        self,
        film: FilmLine,
        finding: Finding,
        made: dict[ResultKind, Dataset],
        why_not: str | None,
    ) -> None:
        prediction, evidence = finding.prediction, finding.evidence
        if evidence is not None:
            heatmap = self.store.keep_map(film, evidence)
            prediction = prediction.model_copy(update={"heatmap": heatmap})
        # Also of a film that is set aside, which somebody has to find.
        if self.identities is not None:
            self.identities.keep(self.store.path_of(film))
        if why_not is not None:
            self._set_aside(film, why_not, prediction.model_dump_json())
            return
        self.store.keep(film, prediction.model_dump_json(), made)
        self.ready()

    def _put_off(self, film: FilmLine, reason: str, next_try: float) -> None:
        # A disk that is away, or too many open files, are no fault of the film.
        self.store.check_there()
        if film.attempts + 1 >= self.tries:
            self._set_aside(film, reason)
            return
        self.store.ledger.put_off(film.id, reason, next_try)
        self.tell("film put off", film=film.id, tries=film.attempts + 1, reason=reason)

    def _set_aside(self, film: FilmLine, reason: str, prediction: str | None = None) -> None:
        self.store.check_there()
        self.store.ledger.set_aside(film.id, reason, prediction, self.store.clock())
        self.tell("film set aside", film=film.id, reason=reason)


def _why(error: Exception) -> str:
    if is_out_of_memory(error):
        return "memory ran out"
    return str(error) if isinstance(error, TbspotError) else report_fault(error)


def _killed(film: FilmLine) -> str:
    return f"the node was ended {film.attempts} times while it had this film in hand"
