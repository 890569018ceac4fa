"""What a training run says while it goes on.

Takes losses and figures; gives a progress bar for people and one JSON line an epoch in the log.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from tbspot.lock import refusals_told
from tbspot.parsing import load_json, open_file
from tbspot.storage import replacing

__all__ = ["Reporter"]


class Reporter:
    """Progress bar and log of one training run; a process that is not the first stays silent.

    Args:
        folder: where `log.jsonl` is appended to.
        total: steps of the whole run.
        done: steps done before this process began.
        epochs: that were finished, and saved, before; later lines of the log are dropped;
            `None` = unknown, and they stay.
        losses: of the steps done of the epoch that has begun.
        silent: write and show nothing.
    """

    def __init__(
        self,
        folder: Path,
        total: int,
        done: int,
        *,
        epochs: int | None = None,
        losses: Sequence[float] = (),
        silent: bool,
    ) -> None:
        self._log = folder / "log.jsonl"
        self._silent = silent
        self._epochs = epochs
        self._auroc: float | None = None
        self._losses = list(losses)
        self._films, self._since = 0, time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), disable=silent
        )
        self._task: TaskID = self._bar.add_task("starting", total=total, completed=done)

    def __enter__(self) -> Reporter:
        if not self._silent and self._epochs is not None and self._log.exists():
            self._drop_what_was_not_saved(self._epochs)
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def step(self, done: int, loss: float, films: int) -> None:
        """Tell of one step over `films` films."""
        self._losses.append(loss)
        self._films += films
        recent = sum(self._losses[-20:]) / len(self._losses[-20:])
        auroc = "" if self._auroc is None else f", tuning AUROC {self._auroc:.3f}"
        self._bar.update(
            self._task,
            completed=done,
            description=f"loss {recent:.4f}{auroc}, {self._speed():.1f} images/s",
        )

    def epoch(self, epoch: int, auroc: float | None) -> None:
        """Tell of a finished epoch and its AUROC on the tuning films, if there are any."""
        self._auroc = auroc
        line = {
            "epoch": epoch,
            "loss": sum(self._losses) / max(1, len(self._losses)),
            "tuning_auroc": auroc,
            "images_per_second": round(self._speed(), 2),
        }
        if not self._silent:
            with refusals_told(self._log.parent), self._log.open("a", encoding="utf-8") as log:
                log.write(json.dumps(line) + "\n")
                log.flush()
                os.fsync(log.fileno())
        self._losses, self._films, self._since = [], 0, time.monotonic()

    def _drop_what_was_not_saved(self, epochs: int) -> None:
        """An epoch whose checkpoint was not written is trained, and logged, again."""
        with refusals_told(self._log.parent), open_file(self._log, sys.maxsize) as log:
            lines = log.read().splitlines(keepends=True)
        saved = [line for line in lines if 0 < _epoch_of(line) <= epochs]
        if saved != lines:
            with replacing(self._log) as temporary:
                temporary.write_bytes(b"".join(saved))

    def _speed(self) -> float:
        return self._films / max(1e-9, time.monotonic() - self._since)


def _epoch_of(line: bytes) -> int:
    """The epoch that a line of the log is of; 0 for one that was cut off."""
    try:
        return int(load_json(line)["epoch"]) if line.endswith(b"\n") else 0
    except (ValueError, KeyError, TypeError):
        return 0
