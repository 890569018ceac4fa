from __future__ import annotations

import os
from pathlib import Path

import pytest

from tbspot import machine
from tbspot.locating import films_at_once
from tbspot.locating import model as module
from tbspot.machine import cores, free_memory, keep_within_quota, threads_by_quota, whole_cores

GIB = 1 << 30


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_seen", lambda: 8)


def _system(root: Path, groups: str, **files: str) -> Path:
    """A system's files: `groups` is /proc/self/cgroup, the rest lies below /sys/fs/cgroup."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(groups)
    (root / "proc/meminfo").write_text(f"MemTotal: 1 kB\nMemAvailable: {16 << 20} kB\n")
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return root


def test_without_control_groups_the_machine_is_all_there_is(tmp_path: Path) -> None:
    assert cores(tmp_path) == 8
    assert free_memory(tmp_path) is None
    assert free_memory(_system(tmp_path / "x", "")) == 16 * GIB


@pytest.mark.parametrize(
    ("text", "found", "threads"),
    [("50000 100000", 0.5, 1), ("max 100000", 8, 8), ("250000 100000", 2.5, 3),
     ("1600000 100000", 8, 8), ("nonsense", 8, 8), ("0 0", 8, 8)],
)  # fmt: skip
def test_a_quota_of_version_2_counts(tmp_path: Path, text: str, found: float, threads: int) -> None:
    root = _system(tmp_path, "0::/a/b\n", **{"a/b/cpu.max": text})
    assert cores(root) == found
    assert whole_cores(root) == threads
    assert threads_by_quota(root) == (threads if threads < 8 else 0)


def test_a_quota_of_a_group_above_counts_too(tmp_path: Path) -> None:
    files = {"a/b/cpu.max": "max 100000", "a/cpu.max": "100000 100000", "cpu.max": "400000 100000"}
    assert cores(_system(tmp_path, "0::/a/b\n", **files)) == 1


def test_in_a_container_the_tree_begins_at_the_container(tmp_path: Path) -> None:
    root = _system(tmp_path, "0::/../../of-the-host\n", **{"cpu.max": "50000 100000"})
    assert cores(root) == 0.5


def test_a_quota_of_version_1_counts(tmp_path: Path) -> None:
    files = {"cpu/docker/x/cpu.cfs_quota_us": "50000", "cpu/docker/x/cpu.cfs_period_us": "100000"}
    root = _system(tmp_path / "a", "4:memory:/\n3:cpu,cpuacct:/docker/x\n", **files)
    assert cores(root) == 0.5
    files = {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}
    assert cores(_system(tmp_path / "b", "3:cpu:/\n", **files)) == 8


def test_memory_is_what_the_group_leaves(tmp_path: Path) -> None:
    files = {"a/memory.max": str(2 * GIB), "a/memory.current": str(GIB),
             "a/memory.stat": f"anon 1\ninactive_file {GIB // 2}"}  # fmt: skip
    assert free_memory(_system(tmp_path / "2", "0::/a\n", **files)) == GIB + GIB // 2
    files = {"memory/a/memory.limit_in_bytes": str(2 * GIB), "memory/a/memory.usage_in_bytes": "9"}
    assert free_memory(_system(tmp_path / "1", "4:memory:/a\n", **files)) == 2 * GIB - 9
    files = {"a/memory.max": "max", "a/memory.current": "5"}
    assert free_memory(_system(tmp_path / "0", "0::/a\n", **files)) == 16 * GIB
    files = {"memory/memory.limit_in_bytes": str((1 << 63) - 4096),
             "memory/memory.usage_in_bytes": "9"}  # fmt: skip
    assert free_memory(_system(tmp_path / "3", "4:memory:/\n", **files)) == 16 * GIB


@pytest.mark.parametrize(
    ("free", "threads", "films"),
    [(None, 8, 4), (64 * GIB, 8, 4), (64 * GIB, 1, 1), (GIB, 8, 1), (0, 8, 1), (2 * GIB, 8, 3)],
)
def test_films_at_once_follow_cores_and_memory(
    monkeypatch: pytest.MonkeyPatch, free: int | None, threads: int, films: int
) -> None:
    monkeypatch.setattr(module, "free_memory", lambda: free)
    monkeypatch.setattr(module, "whole_cores", lambda: threads)
    assert films_at_once(100) == films


def test_libraries_are_told_of_a_quota_and_of_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
        monkeypatch.delenv(name)
    monkeypatch.setattr(machine, "threads_by_quota", lambda: 0)
    keep_within_quota()
    assert "OMP_NUM_THREADS" not in os.environ
    monkeypatch.setattr(machine, "threads_by_quota", lambda: 2)
    monkeypatch.setenv("MKL_NUM_THREADS", "5")
    keep_within_quota()
    assert (os.environ["OMP_NUM_THREADS"], os.environ["MKL_NUM_THREADS"]) == ("2", "5")
