"""A training step of tbspot against a plain PyTorch loop, on the same net, films and batch.

Takes nothing; prints images/s of both, and what reading 1,000 cached films costs:

    python benchmarks/training.py

The plain loop is what one would write first: PNG files decoded with Pillow, torchvision's usual
transforms of Pillow pictures, float32, batch normalisation in training mode, every layer trained.
It decodes between steps; workers would take the same cores.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import os
import random
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from measuring import interleaved, machine, row
from PIL import Image, ImageEnhance
from torch.nn import functional

from tbspot import training
from tbspot.cache import cache_films
from tbspot.description import Description
from tbspot.drawings import draw_dataset
from tbspot.models import build
from tbspot.samples.loading import load
from tbspot.samples.sample import Sample
from tbspot.settings import Settings

BATCH = 8
CACHED = 1000


def plain_step(samples: list[Sample], size: int) -> Callable[[], object]:
    """One step of the plain loop."""
    net = build(Description(name="plain", size=size)).train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4)
    order = itertools.cycle(samples)

    def step() -> None:
        chosen = list(itertools.islice(order, BATCH))
        films = torch.stack([_transformed(sample.path, size) for sample in chosen])
        labels = torch.tensor([float(sample.label) for sample in chosen])
        loss = functional.binary_cross_entropy_with_logits(net(films).logit, labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def _transformed(path: Path, size: int) -> torch.Tensor:
    """Resize, mirror, rotation and colour jitter as torchvision does them on Pillow pictures."""
    film = Image.open(path).convert("L").resize((size, size), Image.Resampling.BILINEAR)
    if random.random() < 0.5:
        film = film.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    film = film.rotate(random.uniform(-8, 8), Image.Resampling.BILINEAR)
    film = ImageEnhance.Brightness(film).enhance(random.uniform(0.9, 1.1))
    film = ImageEnhance.Contrast(film).enhance(random.uniform(0.75, 1.25))
    return torch.from_numpy(np.asarray(film, np.float32) / 255)[None]


def our_step(films: training.Films, settings: Settings, precision: str) -> Callable[[], object]:
    """One step of the loop in `tbspot.training.train`."""
    fabric = Fabric(accelerator="cpu", devices=1, precision=precision)  # type: ignore[arg-type]
    net = training._start(settings, Description(name="ours", size=settings.size))
    model, optimizer = fabric.setup(net, training._optimizer(net, settings))
    training._set_mode(net, settings)
    batches = itertools.chain.from_iterable(
        films.batches(epoch, 0, fabric) for epoch in itertools.count()
    )

    def step() -> None:
        loss = training._loss(model, next(batches), None, settings, 0)
        fabric.backward(loss)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def read_all(films: training.Films, fabric: Fabric) -> None:
    """An epoch's batches, and no step."""
    for _ in films.batches(0, 0, fabric):
        pass


def measure(size: int, rounds: int) -> None:
    """Print both tables."""
    print(machine())
    torch.set_num_threads(os.cpu_count() or 1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw_dataset(folder / "films", count=24, size=512, seed=0)
        drawn = load([str(folder / "films")]).samples
        samples = list(itertools.islice(itertools.cycle(drawn), CACHED))
        # Weights are random, treated as if they came from elsewhere: frozen normalisation.
        tuned = Settings((), size=size, batch_size=BATCH)
        scratch = dataclasses.replace(tuned, batch_norm="train", frozen_stages=0)
        films = training.Films(samples, cache_films(samples, size, None, folder), tuned)
        sides = {
            "plain loop, float32": plain_step(samples, size),
            "tbspot train from ImageNet weights, bfloat16": our_step(films, tuned, "bf16-mixed"),
            "tbspot train from ImageNet weights, float32": our_step(films, tuned, "32-true"),
            "tbspot train from random weights, bfloat16": our_step(films, scratch, "bf16-mixed"),
        }
        compare(sides, rounds)
        fabric = Fabric(accelerator="cpu", devices=1)
        read = interleaved({"read": partial(read_all, films, fabric)}, 3)["read"]
        print(f"reading {CACHED:,} cached films: {read.clock:.2f} s")


def compare(sides: dict[str, Callable[[], object]], rounds: int) -> None:
    """Time steps in turns; the first side is the reference."""
    row(f"a step of {BATCH} films", "s", "images/s", "times the first", "CPU s", "by CPU")
    row(*["---"] * 6)
    taken = interleaved(sides, rounds)
    first = next(iter(taken.values()))
    for name, (clock, processor) in taken.items():
        faster, cheaper = first.clock / clock, first.processor / processor
        row(name, f"{clock:.2f}", f"{BATCH / clock:.2f}", f"{faster:.1f}", f"{processor:.2f}",
            f"{cheaper:.1f}")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    measure(given.size, given.rounds)
