"""A Dask cluster of this machine in a process of its own, and a net for its workers.

Takes numbers of workers and threads; gives the scheduler's address. As a script it is that
process, which ends when its standard input does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines import bright, bright_engine
from tbspot.engine.engine import Answer, Engine
from tbspot.locating.cluster import Opening, identity_of

__all__ = ["Bright", "Running", "running"]

# Every worker that a film ends is counted by us, not tried again by the scheduler first; and a
# worker that a busy machine takes long to start again is not given up.
SETTINGS = {
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0",
    "DASK_DISTRIBUTED__DEPLOY__LOST_WORKER_TIMEOUT": "600s",
}


def deadly(films: NDArray[np.float32]) -> Answer:
    """The bright net, but a film black all over ends its process, a white one nobody foresaw."""
    if not films.any():
        os.kill(os.getpid(), signal.SIGKILL)
    if (films == 1).all():
        raise RuntimeError("nobody foresaw it")
    return bright(films)


@dataclass(frozen=True)
class Bright(Opening):
    """The bright net in place of a model file."""

    identity: str = identity_of(bright_engine())

    def engine(self, threads: int) -> Engine:
        """For so many films at a time."""
        return replace(bright_engine(), ask=deadly, at_once=threads)


@dataclass(frozen=True)
class Running:
    """A cluster that runs."""

    address: str
    process: subprocess.Popen[str]

    def end(self) -> None:
        """Kill scheduler and workers, as a power cut would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def running(workers: int = 2) -> Iterator[Running]:
    """A scheduler and workers of one thread each."""
    environment = os.environ | SETTINGS | {"PYTHONPATH": str(Path(__file__).parent)}
    with subprocess.Popen(
        [sys.executable, __file__, str(workers)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        cluster = Running(process.stdout.readline().strip(), process)
        try:
            yield cluster
        finally:
            if process.poll() is None:
                cluster.end()


def main() -> None:
    """Run a cluster until standard input ends."""
    from distributed import LocalCluster

    workers = int(sys.argv[1])
    with LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        sys.stdout.write(f"{cluster.scheduler_address}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
