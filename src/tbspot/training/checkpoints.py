"""Where an interrupted training run goes on.

Takes nets, optimizer and the number of steps done; gives them back after an interruption. A file
is whole or absent; the finished model is left to nets/weights.py.
"""

from __future__ import annotations

import io
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from tbspot.errors import TbspotError, refuse_unread
from tbspot.parsing import open_file
from tbspot.storage import replacing

__all__ = ["CHECKPOINT_FILE", "TrainingState", "diverged"]

CHECKPOINT_FILE = "checkpoint.pt"


def diverged(what: str) -> TbspotError:
    """The error that says what is no longer a number, and what to do."""
    return TbspotError(
        f"the training diverged: {what}; what was saved before is kept; lower `body_rate` and "
        '`head_rate`, or use `precision="32-true"`'
    )


@dataclass
class TrainingState:
    """All that changes while training; views and order follow from the number of steps.

    Attributes:
        net: as it is trained, on its device.
        optimizer: of the net.
        average: moving average of the net's state; empty where none is kept.
        done: steps done.
        losses: of the steps of the epoch that has begun, for its line in the log.
        run: fingerprint of what decides the run: its checkpoint is taken by no other.
    """

    net: nn.Module
    optimizer: Any  # Fabric wraps optimizers in a class of its own.
    average: dict[str, Tensor]
    done: int = 0
    losses: list[float] = field(default_factory=list)
    run: str = ""
    _saved: float = field(default_factory=time.monotonic)

    @classmethod
    def start(
        cls,
        net: nn.Module,
        optimizer: Any,
        folder: Path,
        *,
        averaged: bool,
        run: str,
        steps: int,
    ) -> TrainingState:
        """The state to begin with: the folder's checkpoint, or `net` and `optimizer` as they are.

        Args:
            net: to be trained.
            optimizer: of the net.
            folder: of the run.
            averaged: whether a moving average is kept.
            run: fingerprint of what decides the run.
            steps: that the whole run takes.

        Raises:
            TbspotError: the checkpoint is broken, of another net or of another run.
        """
        average = {name: value.clone() for name, value in net.state_dict().items()}
        state = cls(net, optimizer, average if averaged else {}, run=run)
        if (folder / CHECKPOINT_FILE).exists():
            state._resume(folder / CHECKPOINT_FILE, steps)
        return state

    def advance(self, decay: float) -> None:
        """Count a step and move the average towards the net by `1 - decay`.

        Early on it moves faster, so that it forgets the start.
        """
        self.done += 1
        decay = min(decay, self.done / (self.done + 10))
        state = self.net.state_dict() if self.average else {}
        for name, value in state.items():
            if value.is_floating_point():
                self.average[name].lerp_(value, 1 - decay)
            else:
                self.average[name].copy_(value)

    def save_if_due(self, folder: Path, minutes: float, steps: int, fabric: Fabric) -> None:
        """Save when so many minutes have passed since the last time.

        Not at the last of an epoch's `steps`: that is saved once the epoch's line is written, or
        a run that ends between the two goes on without the line.
        """
        due = time.monotonic() - self._saved > 60 * minutes and self.done % steps > 0
        # The first process decides for all, whose clocks may differ.
        if fabric.broadcast(due):
            self.save(folder, fabric)

    def save(self, folder: Path, fabric: Fabric) -> None:
        """Write the checkpoint, on the first process; the one before stays until this is whole.

        Raises:
            TbspotError: it cannot be written, for instance because the disk is full, or the
                weights are no longer numbers.
        """
        if not all(value.isfinite().all() for value in self.net.state_dict().values()):
            raise diverged(f"weights are no numbers after step {self.done}")
        self._saved = time.monotonic()
        if fabric.is_global_zero:
            self._write(folder / CHECKPOINT_FILE)
        fabric.barrier()

    def _write(self, path: Path) -> None:
        # Through memory: torch reports a full disk as a RuntimeError without a reason.
        content = io.BytesIO()
        torch.save(
            {
                "net": self.net.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "average": self.average,
                "done": self.done,
                "losses": self.losses,
                "run": self.run,
            },
            content,
        )
        with replacing(path, parents=False) as temporary:
            temporary.write_bytes(content.getbuffer())

    def _resume(self, path: Path, steps: int) -> None:
        try:
            with open_file(path, sys.maxsize) as file:
                saved = torch.load(file, map_location="cpu", weights_only=True)
            # Of a net of the same shape another run's weights would be taken without a word.
            if saved["run"] != self.run or not 0 <= saved["done"] <= steps:
                raise ValueError("of another run")
            self.net.load_state_dict(saved["net"])
            self.optimizer.load_state_dict(saved["optimizer"])
            for name, value in saved["average"].items():
                self.average[name].copy_(value)
            self.done = int(saved["done"])
            # Checkpoints of before have none.
            self.losses = [float(loss) for loss in saved.get("losses", ())]
        except Exception as error:  # a broken pickle may raise anything
            refuse_unread(error, path)
            raise TbspotError(
                f"{path} is not a checkpoint of this run, or is truncated; remove it to train "
                "from the start"
            ) from error
