"""A training step of tbspot against a plain PyTorch loop, on the same net, films and batch.

Takes weights; prints images/s of both, what reading 1,000 cached films costs, and a student's step
with a teacher that is asked at every step against one whose answers were kept:

    python benchmarks/training.py --init ../shared/weights/resnet50_imagenet_fp16.safetensors

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
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from measuring import interleaved, machine, row
from PIL import Image, ImageEnhance
from torch import nn
from torch.nn import functional

from tbspot.description import Description
from tbspot.drawings import draw_dataset
from tbspot.nets.weights import build_classifier, save_classifier, stride_place_of
from tbspot.samples.loading import load
from tbspot.samples.sample import Sample
from tbspot.training import step as steps
from tbspot.training.cache import cache_films
from tbspot.training.films import TrainingFilms
from tbspot.training.settings import TrainingSettings
from tbspot.training.teachers import open_teachers

BATCH = 8
CACHED = 1000
# Deviation of the head's weights, which would pass no gradient on from their start at zero.
HEAD = 0.01


def plain_step(samples: list[Sample], settings: TrainingSettings) -> Callable[[], object]:
    """One step of the plain loop."""
    size = settings.size
    net = build_classifier(_described(settings), settings.init).train()
    nn.init.normal_(net.head.weight, std=HEAD)
    optimizer = torch.optim.AdamW(net.parameters(), lr=settings.body_rate)
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


def our_step(
    films: TrainingFilms, settings: TrainingSettings, precision: str, cache: Path | None = None
) -> Callable[[], object]:
    """One step of the loop in `tbspot.training.loop.train`; `cache` is for a teacher's answers."""
    fabric = Fabric(accelerator="cpu", devices=1, precision=precision)  # type: ignore[arg-type]
    teachers = open_teachers(settings, films.cached, cache, fabric) if cache else None
    net = steps.start_net(settings, _described(settings))
    nn.init.normal_(net.head.weight, std=HEAD)
    model, optimizer = fabric.setup(net, steps.optimizer_of(net, settings))
    steps.set_mode(net, settings)
    steps.set_rates(optimizer, 0.2)
    batches = itertools.chain.from_iterable(
        films.batches(epoch, 0, fabric) for epoch in itertools.count()
    )

    def step() -> None:
        loss = steps.batch_loss(model, next(batches), teachers, settings, 0)
        fabric.backward(loss)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def student_steps(
    samples: Sequence[Sample], settings: TrainingSettings, folder: Path
) -> dict[str, Callable[[], object]]:
    """Steps of a student in bfloat16: without a teacher, and with one of its own size."""
    teacher = folder / "teacher.safetensors"
    described = _described(settings)
    net = build_classifier(described, settings.init)
    nn.init.normal_(net.head.weight, std=HEAD)
    save_classifier(teacher, net, described)
    films = TrainingFilms(samples, cache_films(samples, settings.size, None, folder), settings)
    taught = dataclasses.replace(
        settings, teachers=(teacher,), map_weight=1.0, map_target="overlap"
    )
    step = partial(our_step, films, precision="bf16-mixed")
    return {
        "no teacher": step(settings=settings),
        "teacher asked of the student's view": step(settings=taught, cache=folder),
        "teacher's answers kept": step(
            settings=dataclasses.replace(taught, teacher_view="clean"), cache=folder
        ),
    }


def _described(settings: TrainingSettings) -> Description:
    return Description(name="net", size=settings.size, stride_place=settings.stride_place)


def read_all(films: TrainingFilms, fabric: Fabric) -> None:
    """An epoch's batches, and no step."""
    for _ in films.batches(0, 0, fabric):
        pass


def measure(init: str, size: int, rounds: int) -> None:
    """Print both tables."""
    print(machine())
    torch.set_num_threads(os.cpu_count() or 1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw_dataset(folder / "films", count=24, size=512, seed=0)
        drawn = load([str(folder / "films")]).samples
        samples = list(itertools.islice(itertools.cycle(drawn), CACHED))
        whole = TrainingSettings(
            data=(),
            init=init,
            size=size,
            stride_place=stride_place_of(init),
            batch_size=BATCH,
            batch_norm="train",
            frozen_stages=0,
        )
        default = dataclasses.replace(whole, batch_norm="frozen", frozen_stages=1)
        films = TrainingFilms(samples, cache_films(samples, size, None, folder), whole)
        sides = {
            "plain loop, float32": plain_step(samples, whole),
            "tbspot, every layer and normalisation trained, float32": our_step(
                films, whole, "32-true"
            ),
            "the same, bfloat16": our_step(films, whole, "bf16-mixed"),
            "tbspot as it fine-tunes, float32": our_step(films, default, "32-true"),
            "tbspot as it fine-tunes, bfloat16": our_step(films, default, "bf16-mixed"),
        }
        compare(sides, rounds)
        fabric = Fabric(accelerator="cpu", devices=1)
        read = interleaved({"read": partial(read_all, films, fabric)}, 3)["read"]
        print(f"reading {CACHED:,} cached films: {read.clock:.2f} s")
        compare(student_steps(drawn, default, folder), rounds)


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
    parser.add_argument("--init", default="imagenet", help="weights; imagenet: torchvision's")
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    measure(given.init, given.size, given.rounds)
