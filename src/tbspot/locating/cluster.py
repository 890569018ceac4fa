"""Films answered by the workers of a Dask cluster, in the order in which they are asked.

Takes a scheduler's address and how a worker opens the model; gives what `run.locate` keeps, which
stays the one writer of the run's folder. Films are named to the workers, not sent. Needs
distributed, the extra `cluster`; which machines the workers run on is left to Dask.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from concurrent.futures import Future as Fetched
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from threading import Lock, Semaphore
from typing import Any

import dask
from distributed import Client, Future, KilledWorker, get_worker

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

# Seconds to wait for a scheduler that does not answer, for a first worker, and for the next where
# all are gone: a queue of a cluster may start them anew.
CONNECT_SECONDS, WORKER_SECONDS, NEXT_WORKER_SECONDS = 10, 60, 300
# Tasks in hand for each thread of the workers: one that is answered, one that waits, so that no
# thread waits for this process; and a few for whoever is alone.
A_THREAD, AT_LEAST = 2, 4
# A task is of so many films as take a worker about so long, as Dask's share is of a task: 10 to 20
# ms of processor time, and one scheduler serves all workers. What takes long is answered alone, so
# that little is in memory, and little is done again, where a worker ends.
TASK_SECONDS, MOST_FILMS = 1.0, 8
# Workers that a film may end, with no other film in hand, before it is given up.
MOST_DEATHS = 3
# Tasks whose answers are brought here before their turn; each may hold films as DICOM.
FETCHED = 8
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
    return f"tbspot {__version__} with {engine.description.title} in {engine.name}"


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


# A film as a worker is told of it: its absolute path, its name, its fault.
_Named = tuple[str, str, str | None]


@dataclass(frozen=True)
class _Answer:
    """What is to be kept of a task's films, and the seconds that they took."""

    kept: tuple[Kept, ...]
    seconds: float


@dataclass
class _Asked:
    """Films in hand: what a worker is to answer, and the answer's way here once it is begun."""

    items: tuple[Item, ...]
    future: Future[_Answer]
    fetched: Fetched[_Answer] | None = None


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
        self._films = 1

    def __call__(self, items: Iterable[Item], work: Work) -> Iterator[Kept]:
        """What is to be kept of films, in order; a bounded number of them is in hand."""
        waiting: deque[_Asked] = deque()
        rest = iter(items)
        with self._lost_told():
            while some := tuple(islice(rest, self._films)):
                waiting.append(_Asked(some, self._ask(some)))
                while len(waiting) >= self._most_in_hand():
                    yield from self._next(waiting, work)
            while waiting:
                yield from self._next(waiting, work)

    def _most_in_hand(self) -> int:
        """Tasks for the threads that there are now: workers come and go."""
        if time.monotonic() - self._counted > KNOWN_SECONDS:
            self._most = max(AT_LEAST, A_THREAD * sum(self._client.nthreads().values()))
            self._counted = time.monotonic()
        return self._most

    def _ask(self, items: tuple[Item, ...]) -> Future[_Answer]:
        films = tuple((str(one.path.absolute()), one.name, one.fault) for one in items)
        return self._client.submit(_answer, self._opening, films, pure=False, priority=0)

    def _fetch(self, future: Future[_Answer]) -> Fetched[_Answer]:
        """Bring an answer here as soon as there is one, while others are being written."""

        async def fetched() -> _Answer:
            answer: _Answer = await self._client.gather(future, asynchronous=True)
            return answer

        loop: Any = self._client.loop
        return asyncio.run_coroutine_threadsafe(fetched(), loop.asyncio_loop)

    def _next(self, waiting: deque[_Asked], work: Work) -> Iterator[Kept]:
        for one in islice(waiting, FETCHED):
            one.fetched = one.fetched or self._fetch(one.future)
        first = waiting.popleft()
        try:
            found = iter(self._result(first.fetched or self._fetch(first.future)))
        except KilledWorker:
            # Films that were beside them in the same worker are as suspect as these.
            for other in waiting:
                self._wait(partial(other.future.exception, KNOWN_SECONDS))
            found = (self._alone(item, work) for item in first.items)
        except Exception as error:
            if len(first.items) == 1 or isinstance(error, (TbspotError, CancelledError)):
                raise
            # Those before the film that raised it are kept, as on one machine.
            found = (self._alone(item, work) for item in first.items)
        for kept, item in zip(found, first.items, strict=True):
            yield _as_named_here(kept, item)

    def _alone(self, item: Item, work: Work) -> Kept:
        """A film with no other in hand: what ends its worker now is this film."""
        deaths = 0
        while deaths < MOST_DEATHS:
            try:
                (kept,) = self._result(self._fetch(self._ask((item,))))
            except KilledWorker as error:
                deaths += error.allowed_failures + 1
            else:
                return kept
        reason = (
            f"{shown(item.path)} ended the process of a worker {deaths} times, each time with no "
            "other film in hand; look into the worker's log (memory that ran out, say), or leave "
            "the film out"
        )
        return Kept(work.model.failed(item.name, TbspotError(reason)).prediction)

    def _result(self, fetched: Fetched[_Answer]) -> tuple[Kept, ...]:
        self._wait(partial(fetched.exception, KNOWN_SECONDS))
        try:
            answer = fetched.result()
        except (ImportError, AttributeError) as error:
            raise TbspotError(
                f"a worker of {self._address} cannot do this run's work ({error}); install "
                f"tbspot {__version__} for all workers"
            ) from error
        in_time = int(TASK_SECONDS * len(answer.kept) / max(answer.seconds, 1e-9))
        self._films = max(1, min(MOST_FILMS, in_time))
        return answer.kept

    def _wait(self, finished: Callable[[], object]) -> None:
        """Wait for an answer, or why there is none, for as long as there are workers.

        Args:
            finished: waits for it for a while, and raises TimeoutError after that.
        """
        idle_since = time.monotonic()
        while True:
            try:
                finished()
            except TimeoutError:
                if self._client.status != "running" or self._client.nthreads():
                    idle_since = time.monotonic()
                elif time.monotonic() - idle_since > NEXT_WORKER_SECONDS:
                    raise _no_worker(self._address) from None
            else:
                return

    @contextmanager
    def _lost_told(self) -> Iterator[None]:
        try:
            yield
        except CancelledError as error:
            raise self._lost() from error
        except Exception as error:
            if isinstance(error, TbspotError) or not self._is_gone():
                raise
            raise self._lost() from error

    def _is_gone(self) -> bool:
        """Whether the scheduler answers no longer, in which case anything may have been raised."""
        try:
            self._client.nthreads()
        except Exception:
            return True
        return False

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


def _answer(opening: Opening, films: tuple[_Named, ...]) -> _Answer:
    """What is to be kept of films; in a worker, whose threads do this at the same time."""
    worker = get_worker()
    with _opening:
        work, turns = _opened(opening, worker.state.nthreads, worker.address)
    begun = time.perf_counter()
    items = (Item(Path(path), name, fault) for path, name, fault in films)
    kept = tuple(_kept_of(item, work, turns) for item in items)
    return _Answer(kept, time.perf_counter() - begun)


def _kept_of(item: Item, work: Work, turns: Semaphore) -> Kept:
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
