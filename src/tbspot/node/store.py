"""The node's folder: films, results and the queue of both, whole after a kill or a power cut.

Takes films and results; gives what became of them once that is on the disk. A file comes first and
its line in the queue second, and they go the other way round, so that a line has its file. Which
film is located or sent when is left to worker.py and delivery.py.
"""

from __future__ import annotations

import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from tbspot.choices import ResultKind, Taking
from tbspot.errors import TbspotError, is_crowded
from tbspot.node.ledger import FilmLine, Ledger, NewResult, ResultLine
from tbspot.node.listing import Line
from tbspot.node.objects import Sent, hash_of, read_sent, refuse_unfit
from tbspot.storage import clear_parts, make_folder, replacing

__all__ = ["QUEUE", "Store"]

QUEUE = "queue.sqlite"
FILMS, RESULTS, MAPS = "films", "results", "maps"
ENDING = ".dcm"


class Store:
    """The folder of one node, which this process holds (`tbspot.lock.holding`).

    Args:
        folder: of the node, made where it is absent.
        free_bytes: of its disk that stay free; below them no film is taken.
        film_bytes: of a film at the most.
        clock: seconds since 1970.

    Attributes:
        ledger: what stands where.
        folder: of the node.

    Raises:
        TbspotError: it cannot be written, or is of a newer tbspot.
    """

    def __init__(
        self,
        folder: Path,
        *,
        free_bytes: int = 0,
        film_bytes: int = 128 << 20,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.folder = folder
        self.clock = clock
        self._free_bytes = free_bytes
        self._film_bytes = film_bytes
        # A film is not deleted while it is looked up for one that says it sends it again.
        self._turn = threading.Lock()
        for one in (folder, *(folder / name for name in (FILMS, RESULTS, MAPS))):
            make_folder(one)
            clear_parts(one)
        self.ledger = Ledger(folder / QUEUE)
        # By a file that stays open: of others, some file systems change the number.
        self._queue_file = (folder / QUEUE).stat()
        self._adopt()
        self._mend()
        self._sweep()

    def close(self) -> None:
        """Close the queue; what is asked of it afterwards is refused."""
        self.ledger.close()

    def take(self, sent: Sent, source: str) -> Taking:
        """Take a film: when this returns, a power cut does not lose it.

        Args:
            sent: the film.
            source: who sent it: an AE title, `folder`, or `web` with an address; may be empty.

        Returns:
            `new`; `known` = the same bytes are here already; `again` = a film of this name was set
            aside, and it is tried anew, with these bytes, also if they are the same: its file may
            be what was wrong; `other` = another film has its name, and it is not taken; `own` = a
            result of this node, which comes back.

        Raises:
            UnfitError: it is no film that the node takes.
            TbspotError: the disk is full or nearly so; nothing was taken.
        """
        self.check_there()  # of a disk that is away nothing is known
        instance, digest = hash_of(sent.instance), sent.digest
        with self._turn:
            if (known := self._known(instance, digest)) is not None:
                return known
        refuse_unfit(sent, self._film_bytes)
        self.check_room(len(sent.data))
        file = f"{secrets.token_hex(8)}{ENDING}"
        path = self.folder / FILMS / file
        with replacing(path, parents=False) as temporary, temporary.open("wb") as opened:
            sent.write(opened)
        taken: Taking | None = None
        try:
            taken = self._queue(sent, file, source)
        finally:
            # Also where the queue has no room for its line: its unit has it still.
            if taken not in ("new", "again"):
                with suppress(OSError):
                    path.unlink(missing_ok=True)
        return taken

    def _queue(self, sent: Sent, file: str, source: str) -> Taking:
        """Queue a film whose file is on the disk, if it is not known by now."""
        instance, digest = hash_of(sent.instance), sent.digest
        size, now = len(sent.data), self.clock()
        with self._turn:
            if self.ledger.add(instance, digest, file, size, source, now) is not None:
                return "new"
            # Another association was faster, or the film was set aside.
            known = self._known(instance, digest)
            aside = self.ledger.film_of(instance) if known is None else None
            if aside is None:
                return known or "known"
            self.ledger.replace(aside.id, digest, file, size, now, source)
            with suppress(OSError):  # what stays is known by its name at the next start
                self._remove_files(aside)
            return "again"

    def _known(self, instance: str, digest: str) -> Taking | None:
        if self.ledger.is_result(instance):
            return "own"
        film = self.ledger.film_of(instance)
        # One that was set aside has answered nobody: it was mended, or the unit's is as good, and
        # better where the disk has lost or damaged the one that is here.
        if film is None or film.state == "aside":
            return None
        if film.digest != digest:
            return "other"
        # A line whose file the disk has lost is none to be acknowledged by.
        return "known" if os.path.exists(self.path_of(film)) else None  # noqa: PTH110 - no path raises

    def check_there(self) -> int:
        """See that the folder is the one that was opened: of one that is away no film is lost.

        Returns:
            bytes that are free on its disk.

        Raises:
            TbspotError: it is gone, another is in its place, or no file of it can be opened now.
        """
        films = self.folder / FILMS
        try:
            with os.scandir(films):  # which too many open files refuse too
                queue, free = (self.folder / QUEUE).stat(), shutil.disk_usage(films).free
        except OSError as error:
            remedy = "allow more (ulimit -n)" if is_crowded(error) else "bring its disk back"
            raise TbspotError(
                f"{self.folder} cannot be used ({error.strerror}); {remedy}, and films are taken "
                "again"
            ) from error
        if not os.path.samestat(queue, self._queue_file):
            raise TbspotError(
                f"{self.folder} has another queue than when the node was started; bring its disk "
                "back, or start the node again"
            )
        return free

    def check_room(self, size: int = 0) -> None:
        """See that so many bytes leave the disk as much room as it shall have.

        Raises:
            TbspotError: they do not, or the disk is gone.
        """
        free = self.check_there()
        if free - size < self._free_bytes:
            raise TbspotError(
                f"the disk of {self.folder} has {free >> 20:,} MB left; free some, and films are "
                "taken again"
            )

    def path_of(self, film: FilmLine | Line) -> Path:
        """Where a film lies."""
        return self.folder / FILMS / film.file

    def path_of_result(self, result: ResultLine) -> Path:
        """Where a result lies."""
        return self.folder / RESULTS / result.file

    def keep_map(self, film: FilmLine, evidence: NDArray[np.float32]) -> str:
        """Keep a film's heat map for the page; gives the name by which its prediction has it.

        Raises:
            TbspotError: the disk is full.
        """
        name = _map_of(film)
        with (
            replacing(self.folder / name, parents=False) as temporary,
            temporary.open("wb") as file,
        ):
            np.save(file, evidence, allow_pickle=False)
        return name

    def keep(
        self,
        film: FilmLine,
        prediction: str,
        results: Mapping[ResultKind, Dataset],
        reason: str | None = None,
    ) -> Sequence[NewResult]:
        """Keep a film's answer: its results as files, then all of it in the queue.

        A result's name follows from its film's, so that one made again replaces itself.

        Raises:
            TbspotError: the disk is full; the film stays queued.
        """
        kept = []
        for kind, made in results.items():
            name = _result_of(film, kind)
            with replacing(self.folder / RESULTS / name, parents=False) as temporary:
                made.save_as(temporary, enforce_file_format=True)
            kept.append(NewResult(kind, name, hash_of(str(made.SOPInstanceUID))))
        self.ledger.locate(film.id, prediction, kept, reason, self.clock())
        return kept

    def keep_kinds(self, kinds: Collection[ResultKind]) -> int:
        """Delete results of other kinds that wait for the archive; gives how many."""
        others = [one for one in self.ledger.waiting_results() if one.kind not in kinds]
        for one in others:
            self.path_of_result(one).unlink(missing_ok=True)
        if others:
            self.ledger.drop(others, self.clock())
        return len(others)

    def make_anew(self, number: int) -> bool:
        """Have the results of a film made anew, of which a file is gone or not whole.

        Returns:
            whether they are; if not, the film is gone too, and was set aside.

        Raises:
            TbspotError: the folder is away, so that nothing is known of its files.
        """
        self.check_there()
        film, now = self.ledger.film(number), self.clock()
        if film is not None and self.path_of(film).exists():
            self.ledger.replace(film.id, film.digest, film.file, film.bytes, now)
            return True
        self.ledger.drop_results(number)
        self.ledger.set_aside(number, "its file and its results are gone", None, now)
        return False

    def forget(self, film: FilmLine) -> bool:
        """Delete a film, its map and results: files first, so that none is left without a line.

        Returns:
            whether it was; not if it was queued anew since `film` was read.
        """
        with self._turn:
            now = self.ledger.film(film.id)
            if now is None or (now.state, now.finished) != (film.state, film.finished):
                return False
            self._remove_files(film)
            self.ledger.forget(film.id)
        return True

    def _remove_files(self, film: FilmLine) -> None:
        """Remove a film, its map and its results of whatever kind.

        Those too that the queue does not name, as they were made anew of fewer kinds.
        """
        for kind in get_args(ResultKind):
            (self.folder / RESULTS / _result_of(film, kind)).unlink(missing_ok=True)
        (self.folder / _map_of(film)).unlink(missing_ok=True)
        self.path_of(film).unlink(missing_ok=True)

    def _adopt(self) -> None:
        """Queue films that lie here without a line: of a process that was killed between the two.

        They are whole, as only whole ones bear their names. Also after a queue was restored from
        an older back-up, so that nothing is lost that was acknowledged since.
        """
        queued = self.ledger.files()
        found = (path for path in sorted((self.folder / FILMS).glob(f"*{ENDING}")))
        for path in found:
            # Only files are deleted in their time.
            if path.name in queued or not path.is_file():
                continue
            try:
                sent = read_sent(path, None)
            except (OSError, TbspotError):
                self._adopt_unread(path)
                continue
            instance, size = hash_of(sent.instance), len(sent.data)
            now = self.clock()
            if self.ledger.add(instance, sent.digest, path.name, size, "", now) is not None:
                continue
            known = self.ledger.film_of(instance)
            if known is None or self.path_of(known).exists():
                path.unlink()
            else:  # an older queue, of a film that was deleted and came again since
                self.ledger.replace(known.id, sent.digest, path.name, size, now)

    def _adopt_unread(self, path: Path) -> None:
        """Set a film aside of which not even the instance can be read: somebody has to see it."""
        size, now = path.stat(follow_symlinks=False).st_size, self.clock()
        number = self.ledger.add(hash_of(path.name), "", path.name, size, "", now)
        if number is not None:
            why = f"{path.name} was found without a line in the queue, and cannot be read"
            self.ledger.set_aside(number, why, None, now)

    def _mend(self) -> None:
        """Wait for no result whose file is gone: a queue from an older back-up may name such ones.

        Those that are not whole are found when they are sent.
        """
        gone = [
            one for one in self.ledger.waiting_results() if not self.path_of_result(one).exists()
        ]
        for number in sorted({one.film for one in gone}):
            self.make_anew(number)

    def _sweep(self) -> None:
        """Remove results and maps whose film has no line any more."""
        stems = {file.removesuffix(ENDING) for file in self.ledger.files()}
        for path in (self.folder / RESULTS).glob(f"*{ENDING}"):
            if path.stem.rpartition("-")[0] not in stems:
                path.unlink(missing_ok=True)
        for path in (self.folder / MAPS).glob("*.npy"):
            if path.stem not in stems:
                path.unlink(missing_ok=True)


def _result_of(film: FilmLine, kind: ResultKind) -> str:
    return f"{film.file.removesuffix(ENDING)}-{kind}{ENDING}"


def _map_of(film: FilmLine) -> str:
    return f"{MAPS}/{film.file.removesuffix(ENDING)}.npy"
