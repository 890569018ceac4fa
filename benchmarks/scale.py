"""`locate` over very many films, on this process alone and on workers of a Dask cluster.

Takes numbers of films and of workers; draws 48 films, links them that many times, and locates them
with a net of one layer (means of blocks), or with `--net` with the released model. Dask has the
settings of docs/scale.md, with `--defaults` its own. Prints time, processor time of each process
from after its imports, its memory, and the most files that a folder holds:

    python benchmarks/scale.py --films 1000 10000 --workers 0 1 2
    python benchmarks/scale.py --net --films 1000 --workers 0 2
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil
from distributed import Client, LocalCluster
from measuring import machine, row
from numpy.typing import NDArray

from tbspot.description import Description
from tbspot.drawings import draw_dataset
from tbspot.engine.engine import Answer, Engine, open_engine
from tbspot.locating import LocateSettings, films_at_once, find_items, locate
from tbspot.locating.cluster import Opening, answers_of, identity_of

SIZE, PLACE, NET_SIZE = 64, 8, 512
DOCS = Path(__file__).parents[1] / "docs" / "scale.md"
# What a cluster leaves alone, for a fair comparison with one process: a thread a worker.
THREADS = 1


def one_layer(films: NDArray[np.float32]) -> Answer:
    """Mean brightness of blocks of 8 x 8 pixels as map, its mean as logit."""
    side = SIZE // PLACE
    maps = films.reshape(len(films), side, PLACE, side, PLACE).mean((2, 4))
    return maps.mean((1, 2)), maps


ONE_LAYER = Engine(Description(name="one layer", version="1", size=SIZE), "numpy", one_layer)


@dataclass(frozen=True)
class OneLayer(Opening):
    """The net of one layer in place of a model file."""

    def engine(self, threads: int) -> Engine:
        """For so many films at a time."""
        return replace(ONE_LAYER, at_once=threads)


def main() -> None:
    """Measure, or be one of the processes that are measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--net", action="store_true", help="the released model")
    parser.add_argument("--defaults", action="store_true", help="Dask's own settings")
    parser.add_argument("--cluster", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--locate", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.cluster:
        serve(given.cluster)
    elif given.locate:
        folder, out, address = given.locate
        locate_folder(Path(folder), Path(out), address, net=given.net)
    else:
        measure(given.films, given.workers, net=given.net, defaults=given.defaults)


def measure(counts: Sequence[int], workers: Sequence[int], *, net: bool, defaults: bool) -> None:
    """Print a row for each number of films and of workers; 0 = without a cluster."""
    print(machine())
    row("films", "workers", "seconds", "ms a film", "processor ms a film", "of it client",
        "scheduler", "workers", "client MiB", "scheduler MiB", "worker MiB",
        "most files in a folder")  # fmt: skip
    row(*["---"] * 12)
    with tempfile.TemporaryDirectory() as name:
        config = Path(name, "dask.yaml")
        config.write_text("{}" if defaults else settings_of_dask())
        os.environ["DASK_CONFIG"] = str(config)
        draw_dataset(Path(name, "drawn"), count=48, size=NET_SIZE if net else SIZE)
        films = sorted(Path(name, "drawn", "imgs").rglob("*.png"))
        for count in counts:
            folder = Path(name, f"films-{count}")
            _link(films, folder, count)
            for number in workers:
                with cluster(number) as address:
                    show(folder, Path(name, f"found-{count}-{number}"), count, number, address, net)


def settings_of_dask() -> str:
    """What docs/scale.md says that the scheduler and the workers are to be started with."""
    found = re.search(r"<<END\n(.*?)^END$", DOCS.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert found is not None  # noqa: S101 - it is in this repository
    return found[1]


def _link(films: Sequence[Path], folder: Path, count: int) -> None:
    for number in range(count):
        path = folder / f"{number // 1000:04}" / f"{number:07}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(films[number % len(films)], path)


def show(folder: Path, out: Path, count: int, workers: int, address: str, net: bool) -> None:
    """Locate in a process of its own, and print what it took."""
    processes = _processes(address) if address else {}
    before = _processors(processes)
    command = [sys.executable, __file__, *["--net"] * net, "--locate", folder, out, address]
    begun = time.perf_counter()
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    seconds = time.perf_counter() - begun
    memory, client = map(float, said.split()[-2:])
    used = {who: one - before[who] for who, one in _processors(processes).items()}
    shares = (client, used.pop("scheduler", 0.0), sum(used.values()))
    greatest = {who: _greatest(pid) for who, pid in processes.items()}
    scheduler = greatest.pop("scheduler", None)
    most = max(sum(one.is_file() for one in inside.iterdir())
               for inside in (out, *out.rglob("*/")))  # fmt: skip
    row(f"{count:,}", workers or "none", f"{seconds:.1f}", f"{seconds / count * 1e3:.1f}",
        f"{sum(shares) / count * 1e3:.1f}",
        *(f"{one / count * 1e3:.1f}" for one in shares), f"{memory:.0f}",
        f"{scheduler:.0f}" if scheduler else "",
        f"{max(greatest.values()):.0f}" if greatest else "", f"{most:,}")  # fmt: skip


@contextmanager
def cluster(workers: int) -> Iterator[str]:
    """A scheduler and workers in processes of their own; gives its address, "" without workers."""
    if not workers:
        yield ""
        return
    command = [sys.executable, __file__, "--cluster", str(workers)]
    # A worker that a busy machine takes long to start is not given up.
    patience = {"DASK_DISTRIBUTED__DEPLOY__LOST_WORKER_TIMEOUT": "600s"}
    environment = os.environ | patience | {"PYTHONPATH": str(Path(__file__).parent)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as process:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        yield process.stdout.readline().strip()
        process.communicate()


def serve(workers: int) -> None:
    """Be the scheduler's process, until standard input ends."""
    with LocalCluster(
        n_workers=workers, threads_per_worker=THREADS, dashboard_address=None, memory_limit=0
    ) as running:
        print(running.scheduler_address, flush=True)
        sys.stdin.read()


def locate_folder(folder: Path, out: Path, address: str, *, net: bool) -> None:
    """What `tbspot locate` does; prints its greatest memory in MiB and its processor seconds."""
    before = _processor(os.getpid())
    items = find_items([folder], out)
    at_once = films_at_once(len(items))
    engine = open_engine(at_once=at_once) if net else replace(ONE_LAYER, at_once=at_once)
    model = f"{engine.description.name} {engine.description.version}"
    settings = LocateSettings((str(folder),), "", model, engine.name, "cam", gate=False)
    if address:
        # As workers know this module, not as the script that runs.
        from scale import OneLayer as Named

        opening = (Opening if net else Named)(settings, identity_of(engine))
        with answers_of(address, opening) as answers:
            locate(items, engine, settings, out, answers=answers)
    else:
        locate(items, engine, settings, out)
    print(_greatest(os.getpid()), _processor(os.getpid()) - before)


def _processes(address: str) -> dict[str, int]:
    with Client(address, set_as_default=False) as client:
        return {"scheduler": client.run_on_scheduler(os.getpid), **client.run(os.getpid)}


def _greatest(pid: int) -> float:
    """The greatest resident memory of a process, in MiB (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _processors(processes: dict[str, int]) -> dict[str, float]:
    # Workers, which are the children of the scheduler's process, are counted once.
    return {who: _processor(pid, readers=who != "scheduler") for who, pid in processes.items()}


def _processor(pid: int, *, readers: bool = True) -> float:
    """Processor seconds of a process, and of its children, where these read films."""
    process = psutil.Process(pid)
    own = process.cpu_times()
    if not readers:
        return own.user + own.system
    times = [own, *(one.cpu_times() for one in process.children(recursive=True))]
    alive = sum(one.user + one.system for one in times)
    return alive + own.children_user + own.children_system


if __name__ == "__main__":
    main()
