"""Films answered by the workers of a Dask cluster, in the order in which they are asked.

Takes a scheduler's address and how a worker opens the model; gives what `run.locate` keeps, which
stays the one writer of the run's folder. Films are named to the workers, not sent. Needs
distributed, the extra `cluster`; which machines the workers run on is left to Dask.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from threading import Lock, Semaphore

import dask
from distributed import Client, Future, KilledWorker, get_worker
from distributed.comm.core import CommClosedError

from tbspot import __version__
from tbspot.choices import Precision
from tbspot.engine.engine import Engine, open_engine
from tbspot.errors import ModelError, TbspotError
from tbspot.images.opening import shown
from tbspot.locating.inputs import Item
from tbspot.locating.model import Model
from tbspot.locating.run import Answers, Kept, Work
from tbspot.locating.settings import LocateSettings

__all__ = ["Opening", "answers_of", "identity_of"]

# Seconds to wait for a scheduler that does not answer, and for a worker where there is none.
CONNECT_SECONDS, WORKER_SECONDS = 10, 60
# Films in hand for each thread of the workers: one that is answered, one that waits, so that no
# thread waits for this process; and a few for whoever is alone.
A_THREAD, AT_LEAST = 2, 4
# Workers that a film may end, with no other film in hand, before it is given up.
MOST_DEATHS = 3
# Seconds for which the number of threads is taken as known.
KNOWN_SECONDS = 5.0


@dataclass(frozen=True)
class Opening:
    """How a worker opens the model, and what it must find then.

    Attributes:
        settings: of the run.
        identity: of tbspot, model and engine, as `identity_of` gives it on this machine.
        model: absolute path of its file, which every worker must see; `None` = the released one.
        precision: to open it in.
        device: to open it on.
    """

    settings: LocateSettings
    identity: str
    model: Path | None = None
    precision: Precision = "auto"
    device: str = "auto"

    def engine(self, threads: int) -> Engine:
        """The model for so many films at a time, each on a core of the worker's."""
        return open_engine(
            self.model, self.precision, threads=threads, at_once=threads, device=self.device
        )


def identity_of(engine: Engine) -> str:
    """What must be the same on all machines, in words."""
    model = engine.description
    return f"tbspot {__version__} with {model.name} {model.version} in {engine.name}"


@contextmanager
def answers_of(address: str, opening: Opening) -> Iterator[Answers]:
    """A way to answer films by the workers of a scheduler, for `run.locate`.

    Raises:
        TbspotError: no scheduler answers there, it has no worker, or it goes away.
    """
    # What Dask says of connections that are lost; the sentence says it.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with dask.config.set({"distributed.comm.timeouts.connect": f"{CONNECT_SECONDS}s"}):
        client = _connected(address)
        try:
            yield _Cluster(client, address, opening)
        finally:
            client.close(timeout=CONNECT_SECONDS)


def _connected(address: str) -> Client:
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, ImportError) as error:  # unknown protocols are ImportError's
        raise TbspotError(
            f"no scheduler of Dask answers at {address}; start one with `dask scheduler`, or "
            "leave `scheduler` out"
        ) from error
    try:
        client.wait_for_workers(1, timeout=WORKER_SECONDS)
    except TimeoutError as error:
        client.close()
        raise _no_worker(address) from error
    return client


def _no_worker(address: str) -> TbspotError:
    return TbspotError(
        f"the scheduler at {address} has no worker; start some with `dask worker {address}`, and "
        "the same command goes on"
    )


class _Cluster:
    """The workers of a scheduler, as `run.locate` asks them: an `Answers`.

    Args:
        client: connected to it.
        address: of it, for sentences.
        opening: of the model.
    """

    def __init__(self, client: Client, address: str, opening: Opening) -> None:
        self._client = client
        self._address = address
        self._opening = opening
        self._most, self._counted = AT_LEAST, 0.0

    def __call__(self, items: Iterable[Item], work: Work) -> Iterator[Kept]:
        """What is to be kept of films, in order; a bounded number of them is in hand."""
        waiting: deque[tuple[Item, Future[Kept]]] = deque()
        with self._lost_told():
            for item in items:
                waiting.append((item, self._asked(item)))
                while len(waiting) >= self._most_in_hand():
                    yield self._next(waiting, work)
            while waiting:
                yield self._next(waiting, work)

    def _most_in_hand(self) -> int:
        """Films for the threads that there are now: workers come and go."""
        if time.monotonic() - self._counted > KNOWN_SECONDS:
            self._most = max(AT_LEAST, A_THREAD * sum(self._client.nthreads().values()))
            self._counted = time.monotonic()
        return self._most

    def _asked(self, item: Item) -> Future[Kept]:
        path = str(item.path.absolute())
        return self._client.submit(
            _answer, self._opening, path, item.name, item.fault, pure=False, priority=0
        )

    def _next(self, waiting: deque[tuple[Item, Future[Kept]]], work: Work) -> Kept:
        item, future = waiting.popleft()
        try:
            kept = self._result(future)
        except KilledWorker:
            # Films that were beside it in the same worker are as suspect as this one.
            for _, other in waiting:
                self._finished(other)
            kept = self._alone(item, work)
        return _as_named_here(kept, item)

    def _alone(self, item: Item, work: Work) -> Kept:
        """A film with no other in hand: what ends its worker now is this film."""
        deaths = 0
        while deaths < MOST_DEATHS:
            try:
                return self._result(self._asked(item))
            except KilledWorker as error:
                deaths += error.allowed_failures + 1
        reason = (
            f"{shown(item.path)} ended the process of a worker {deaths} times, each time with no "
            "other film in hand; look into the worker's log (memory that ran out, say), or leave "
            "the film out"
        )
        return Kept(work.model.failed(item.name, TbspotError(reason)).prediction)

    def _result(self, future: Future[Kept]) -> Kept:
        self._finished(future)
        try:
            return future.result()
        except (ImportError, AttributeError) as error:
            raise TbspotError(
                f"a worker of {self._address} cannot do this run's work ({error}); install "
                f"tbspot {__version__} for all workers"
            ) from error

    def _finished(self, future: Future[Kept]) -> None:
        """Wait for an answer, or why there is none, for as long as there are workers."""
        idle_since = time.monotonic()
        while True:
            try:
                future.exception(timeout=KNOWN_SECONDS)
            except TimeoutError:
                if self._client.status != "running" or self._client.nthreads():
                    idle_since = time.monotonic()
                elif time.monotonic() - idle_since > WORKER_SECONDS:
                    raise _no_worker(self._address) from None
            else:
                return

    @contextmanager
    def _lost_told(self) -> Iterator[None]:
        try:
            yield
        except (CancelledError, CommClosedError) as error:
            raise self._lost() from error
        except Exception as error:
            if isinstance(error, TbspotError) or self._client.status in ("running", "connecting"):
                raise
            raise self._lost() from error

    def _lost(self) -> TbspotError:
        return TbspotError(
            f"the scheduler at {self._address} is gone; what was finished is kept: start it again, "
            "and the same command goes on"
        )


def _as_named_here(kept: Kept, item: Item) -> Kept:
    """Sentences name the film by the path that was given, as on one machine."""
    reason, there = kept.prediction.reason, shown(item.path.absolute())
    if reason is None or there not in reason:
        return kept
    update = {"reason": reason.replace(there, shown(item.path))}
    return replace(kept, prediction=kept.prediction.model_copy(update=update))


# In a worker


_opening = Lock()


def _answer(opening: Opening, path: str, name: str, fault: str | None) -> Kept:
    """What is to be kept of a film; in a worker, whose threads do this at the same time."""
    worker = get_worker()
    with _opening:
        work, turns = _opened(opening, worker.state.nthreads, worker.address)
    item = Item(Path(path), name, fault)
    material = work.read(item)
    with turns:
        return work.answer(item, lambda: material)


@lru_cache(maxsize=1)
def _opened(opening: Opening, threads: int, address: str) -> tuple[Work, Semaphore]:
    """The model, opened once in a worker's process, and turns for as many films as it takes."""
    engine = opening.engine(threads)
    if (identity := identity_of(engine)) != opening.identity:
        raise ModelError(
            f"the worker at {address} would run {identity}, and this run is of {opening.identity}; "
            "install the same release and model on all machines"
        )
    model = Model(engine, opening.settings)
    return Work(model, opening.settings), Semaphore(max(1, model.at_once))
