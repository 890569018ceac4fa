"""What of the machine is this program's: cores and memory, as a container's quota leaves them.

Takes nothing; gives numbers. Linux says them in /proc and in control groups of version 1 and 2;
elsewhere they are those of the machine. What is done with them is left to who asks.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

__all__ = ["cores", "free_memory", "keep_within_quota", "threads_by_quota", "whole_cores"]

ROOT = Path("/")
# Version 1 says so where there is no limit; a multiple of the page size just below 2^63.
UNLIMITED = 1 << 62


def cores(root: Path = ROOT) -> float:
    """Cores that this process may keep busy: its affinity, or less where a quota says so.

    Args:
        root: where `proc` and `sys` lie; another for tests.
    """
    quotas = [
        quota / period
        for folder in _groups(root, "cpu")
        for quota, period in (_quota(folder),)
        if quota > 0 and period > 0
    ]
    return min([float(_seen()), *quotas])


def _seen() -> int:
    """Cores that the system lets this process run on, whatever their quota."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def whole_cores(root: Path = ROOT) -> int:
    """Threads that keep busy what `cores` gives: half a core is one."""
    return max(1, math.ceil(cores(root)))


def threads_by_quota(root: Path = ROOT) -> int:
    """`whole_cores` where a quota leaves fewer than libraries see; 0 where they see it right."""
    found = whole_cores(root)
    return found if found < _seen() else 0


def keep_within_quota() -> None:
    """Tell libraries of numbers, which count the machine's cores, where there are fewer."""
    if threads := threads_by_quota():
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(name, str(threads))


def free_memory(root: Path = ROOT) -> int | None:
    """Bytes that this process may still take, if the system says it.

    Args:
        root: where `proc` and `sys` lie; another for tests.
    """
    found = [_available(root)] if (root / "proc/meminfo").is_file() else []
    for folder in _groups(root, "memory"):
        limit = _first_number(folder, "memory.max", "memory.limit_in_bytes")
        used = _first_number(folder, "memory.current", "memory.usage_in_bytes")
        if limit is not None and used is not None and limit < UNLIMITED:
            found.append(max(0, limit - used + _cached(folder)))
    return min(found, default=None)


def _available(root: Path) -> int:
    with suppress(OSError, ValueError, IndexError):
        for line in (root / "proc/meminfo").read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return 1024 * int(line.split()[1])
    return UNLIMITED


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """Folders of this process's control group and of those above it, whose limits hold as well."""
    base = root / "sys/fs/cgroup"
    try:
        lines = (root / "proc/self/cgroup").read_text("utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers and controller not in controllers.split(","):
            continue
        # Version 2 has one tree; version 1 one a controller, under its name.
        top = base / controller if controllers else base
        group = top / path.lstrip("/")
        # In a container the path may be that of the host, and the tree begins at the container.
        below = [group, *group.parents]
        yield from below[: below.index(top) + 1] if top in below else [top]


def _quota(folder: Path) -> tuple[float, float]:
    """Microseconds of all cores together, and in how many; 0 where there is no limit."""
    with suppress(OSError, ValueError):
        quota, period = (folder / "cpu.max").read_text("ascii").split()
        return (0.0 if quota == "max" else float(quota)), float(period)
    quota_us = _first_number(folder, "cpu.cfs_quota_us")
    period_us = _first_number(folder, "cpu.cfs_period_us")
    return float(quota_us or 0), float(period_us or 0)


def _cached(folder: Path) -> int:
    """Of what a group uses, files in memory that the system gives up when it is asked for more."""
    with suppress(OSError, ValueError):
        for line in (folder / "memory.stat").read_text("ascii").splitlines():
            name, _, number = line.partition(" ")
            if name in ("inactive_file", "total_inactive_file"):
                return int(number)
    return 0


def _first_number(folder: Path, *names: str) -> int | None:
    for name in names:
        with suppress(OSError):
            text = (folder / name).read_text("ascii").strip()
            with suppress(ValueError):
                return UNLIMITED if text == "max" else int(text)
    return None
