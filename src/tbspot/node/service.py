"""The node, from its start to its end: what receives, locates, sends and cleans up, side by side.

Takes settings and a model; gives a node that works until it is ended, and then finishes the film
in hand. What each part does is left to its module.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from tbspot.choices import Taking
from tbspot.errors import ModelError, TbspotError
from tbspot.faults import report_fault
from tbspot.hospital.archives import archive_of
from tbspot.images.decoding import start_ahead
from tbspot.locating import Model
from tbspot.lock import holding
from tbspot.node.clock import ClockWatch
from tbspot.node.delivery import Delivery
from tbspot.node.health import Health, health_of
from tbspot.node.identities import Identities, remove_identities
from tbspot.node.objects import Sent
from tbspot.node.reach import certificate_of, check_reach, tls_context
from tbspot.node.receiver import Receiver
from tbspot.node.retention import Retention
from tbspot.node.settings import NodeSettings, Pauses
from tbspot.node.store import Store
from tbspot.node.telling import Tell
from tbspot.node.watch import Watch
from tbspot.node.worker import Worker

__all__ = ["Node", "running"]

# After a fault, such as a full disk, of any part.
FAULT_PAUSES = Pauses(first=1.0, longest=60.0)
# A part with nothing to do looks so often nevertheless.
LONGEST_SLEEP = 60.0
# For an archive that neither answers nor ends; what it was sent is sent again at the next start.
SENDING_SECONDS = 60.0


@dataclass
class _Part:
    """A part of the node with a thread of its own.

    Attributes:
        name: in faults.
        work: does what is due; gives seconds to wait, 0 = none, `None` = until it is woken.
    """

    name: str
    work: Callable[[], float | None]

    def __post_init__(self) -> None:
        self.wake = threading.Event()
        self.thread: threading.Thread | None = None


@contextmanager
def running(settings: NodeSettings, model: Model, tell: Tell) -> Iterator[Node]:
    """A node that works inside the context; it ends with the film in hand finished.

    Raises:
        TbspotError: another node has the folder, it cannot be written, a setting is wrong, or the
            address cannot be listened on.
    """
    node = Node(settings, model, tell)
    try:
        yield node
    finally:
        node.close()


class Node:
    """A node at work; `running` makes one.

    Attributes:
        settings: it was made with.
        model: that locates.
        store: its folder.
        identities: whose films they are, if that is kept.
        receiver: that listens.
        tell: of what happens.
    """

    def __init__(self, settings: NodeSettings, model: Model, tell: Tell) -> None:
        # Before a folder is made.
        settings.check_watched()
        check_reach(settings)
        tls_context(settings.tls)
        if settings.to is not None:
            archive_of(settings.to, settings.title).close()
        self.settings, self.model = settings, model
        self._model = model.description.title
        self.tell = tell
        self._ending = threading.Event()
        self._failed: Exception | None = None
        self._closed = False
        self._faults: dict[str, str] = {}
        # As it was loaded, whatever lies in its place later.
        self._certificate = certificate_of(settings.tls) if settings.tls else None
        with ExitStack() as stack:
            stack.enter_context(holding(settings.folder))
            self.store = stack.enter_context(closing(_store(settings)))
            self.identities = _identities(settings)
            if self.identities is not None:
                stack.enter_context(closing(self.identities))
            self._delivery = self._sender(settings)
            self._parts: dict[str, _Part] = {}
            self._parts = self._made(settings, model)
            self._keep_kinds(settings)
            self.receiver = Receiver(settings, self.store, tell, self._parts["worker"].wake.set)
            self._open = stack.pop_all()
        self._start()
        tell("started", port=self.receiver.port, model=self._model, **self.store.ledger.counts())

    def wait(self) -> None:
        """Wait for the end, which comes by an exception of the caller's, or by a fault.

        Raises:
            ModelError: the model cannot be run here.
        """
        # By turns, so that a signal finds the main thread everywhere.
        while not self._ending.wait(LONGEST_SLEEP):
            pass
        if self._failed is not None:
            raise self._failed

    def take(self, sent: Sent, source: str) -> Taking:
        """Take a film that came another way than by the receiver; see `Store.take`.

        Raises:
            UnfitError: it is no film that the node takes.
            TbspotError: the disk is full or nearly so; nothing was taken.
        """
        taken = self.store.take(sent, source)
        self.tell(f"film {taken}", source=source, bytes=len(sent.data))
        if taken in ("new", "again"):
            self._parts["worker"].wake.set()
        return taken

    def health(self) -> Health:
        """How the node is."""
        faults = dict(self._faults)
        if self._certificate and (why := self._certificate.trouble(datetime.now(UTC))):
            faults["tls"] = why
        return health_of(self.store, self._delivery, self._model, faults)

    def close(self) -> None:
        """Take no more films, finish the one in hand, and give the folder back.

        An archive that does not answer is left after a minute.
        """
        if self._closed:
            return
        self._closed = True
        self._ending.set()
        self.receiver.close()
        for part in self._parts.values():
            part.wake.set()
        for part in self._parts.values():
            if part.thread is not None:
                part.thread.join(SENDING_SECONDS if part.name == "sender" else None)
        self.tell("ended", **self.store.ledger.counts())
        self._open.close()

    def _sender(self, settings: NodeSettings) -> Delivery | None:
        if settings.to is None:
            return None
        return Delivery(
            self.store,
            to=settings.to,
            calling=settings.title,
            tell=self.tell,
            pauses=settings.archive_pauses,
            ending=self._ending.is_set,
            queued=partial(self._wake, "worker"),
        )

    def _keep_kinds(self, settings: NodeSettings) -> None:
        """Wait for no result of a kind that an earlier node made, and the archive shall not get."""
        dropped = self.store.keep_kinds(settings.kinds) if settings.to is not None else 0
        if dropped:
            self.tell("results dropped", results=dropped, reason="their kinds are not wanted")

    def _made(self, settings: NodeSettings, model: Model) -> dict[str, _Part]:
        worker = Worker(
            self.store,
            model,
            kinds=settings.kinds,
            tell=self.tell,
            ready=partial(self._wake, "sender"),
            identities=self.identities,
            tries=settings.tries,
            pauses=settings.film_pauses,
        )
        longest = max(settings.film_pauses.longest, settings.archive_pauses.longest)
        clock = ClockWatch(self.store, longest, partial(self._wake, "worker", "sender"))
        clock.start()
        retention = Retention(
            self.store,
            keep_days=settings.keep_days,
            undelivered=settings.to is None,
            tell=self.tell,
            identities=self.identities,
            # A clock that was set a moment ago has made no film old.
            now=clock.look,
            ending=self._ending.is_set,
        )
        parts = [
            _Part("worker", worker.work), _Part("retention", retention.work),
            _Part("clock", clock.work),
        ]  # fmt: skip
        if self._delivery is not None:
            parts.append(_Part("sender", self._delivery.work))
        if settings.watched is not None:
            watch = Watch(
                settings.watched,
                self.store,
                tell=self.tell,
                arrived=parts[0].wake.set,
                film_bytes=settings.limits.film_bytes,
                seconds=settings.watch_seconds,
                ending=self._ending.is_set,
            )
            parts.append(_Part("watch", watch.work))
        return {part.name: part for part in parts}

    def _wake(self, *names: str) -> None:
        """Those of these parts that there are."""
        for name in self._parts.keys() & set(names):
            self._parts[name].wake.set()

    def _start(self) -> None:
        start_ahead()
        for part in self._parts.values():
            part.thread = threading.Thread(
                target=self._run, args=(part,), name=part.name, daemon=True
            )
            part.thread.start()

    def _run(self, part: _Part) -> None:
        """Do a part's work until the end; what goes wrong is told, and tried again."""
        faults = 0
        while not self._ending.is_set():
            part.wake.clear()
            try:
                wait = part.work()
                faults = 0
                self._faults.pop(part.name, None)
            except ModelError as error:
                self._fail(error)
                return
            except Exception as error:
                faults += 1
                why = str(error) if isinstance(error, TbspotError) else report_fault(error)
                self._faults[part.name] = why
                self.tell("fault", where=part.name, reason=why)
                wait = FAULT_PAUSES.after(faults)
            if wait != 0 and not self._ending.is_set():
                part.wake.wait(LONGEST_SLEEP if wait is None else min(wait, LONGEST_SLEEP))

    def _fail(self, error: Exception) -> None:
        self._failed = error
        self._ending.set()


def _store(settings: NodeSettings) -> Store:
    limits = settings.limits
    return Store(settings.folder, free_bytes=limits.free_bytes, film_bytes=limits.film_bytes)


def _identities(settings: NodeSettings) -> Identities | None:
    if settings.identities:
        return Identities(settings.folder)
    with suppress(OSError):
        remove_identities(settings.folder)
    return None
