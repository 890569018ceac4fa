"""Films to train on, and the batches of each epoch.

Takes decoded films, what is known of them and settings; gives one batch a step: films as they are,
with lesions drawn into them or as one of their halves, and what each is labelled. Views of them
are drawn in views.py, what a batch teaches is said in step.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor

from tbspot.maps.boxes import SIDE
from tbspot.maps.lungs import lung_field
from tbspot.samples.sample import Sample
from tbspot.training.cache import CachedFilms
from tbspot.training.drawn import draw_into
from tbspot.training.halves import choose_halves, halved, sides_of
from tbspot.training.settings import TrainingSettings

__all__ = ["Batch", "TrainingFilms", "paired_sources", "taught_sources"]

# Lung fields that are kept from one epoch to the next, 32 KiB each.
KEPT_FIELDS = 4096


@dataclass(frozen=True)
class Batch:
    """Films of one step on this process.

    Attributes:
        index: `[n]`, places in the list of training films.
        films: `[n, 1, h, w]` in [0, 1].
        labels: `[n]`, 1 = TB.
        counted: `[n]`, 1 where the image label is taught.
        places: `[n, 1, h, w]`, 1 in the rectangles around lesions that were drawn into a film.
        drawn: `[n]`, 1 where lesions were drawn.
        halves: `[n]`, which half of the film is shown twice; see `halves.choose_halves`.
    """

    index: NDArray[np.int64]
    films: Tensor
    labels: Tensor
    counted: Tensor
    places: Tensor
    drawn: Tensor
    halves: NDArray[np.int8]


class TrainingFilms:
    """Films to train on, decoded, and the order of each epoch.

    Args:
        samples: what is known of the films.
        cached: their pixels.
        settings: batch size, seed and which labels are taught.
    """

    def __init__(
        self, samples: Sequence[Sample], cached: CachedFilms, settings: TrainingSettings
    ) -> None:
        self.samples = samples
        self.cached = cached
        self.batch_size = min(settings.batch_size, len(samples))
        self._seed = settings.seed
        self._labels = torch.tensor([float(sample.label) for sample in samples])
        self._chance = settings.draw_lesions
        taught = taught_sources(samples, settings)
        self._counted = torch.tensor([float(sample.source in taught) for sample in samples])
        self._halves = settings.halves
        self._sides = np.zeros(len(samples), np.int8)
        self._kept_field = lru_cache(KEPT_FIELDS)(self._find_field)

    def locate_sides(self, maps: Tensor, low: float) -> None:
        """Learn from a teacher's maps of all films which ones may be shown as a half."""
        self._sides = sides_of(maps, low) * self._labels.numpy().astype(np.int8)

    def batches(self, epoch: int, first: int, fabric: Fabric) -> Iterator[Batch]:
        """This process's share of each batch of an epoch, from step `first` on."""
        order = np.random.default_rng((self._seed, epoch)).permutation(len(self.samples))

        def batch(step: int) -> Batch:
            whole = order[step * self.batch_size : (step + 1) * self.batch_size]
            index = whole[fabric.global_rank :: fabric.world_size]
            return self._batch(index, [(self._seed, epoch, int(one)) for one in index], fabric)

        return _made_ahead(batch, range(first, len(order) // self.batch_size))

    def _batch(
        self, index: NDArray[np.int64], seeds: Sequence[tuple[int, ...]], fabric: Fabric
    ) -> Batch:
        pixels = torch.from_numpy(self.cached.pixels[index]).unsqueeze(1).float() / 255
        sides = self._sides[index]
        kept = choose_halves(sides, self._halves, seeds)
        pixels = halved(pixels, kept)
        # The half beside the one with TB has none.
        labels = self._labels[index] * torch.from_numpy((kept == 0) | (kept == sides))
        counted = torch.maximum(self._counted[index], torch.from_numpy(kept != 0).float())
        # Halves have TB as often as not; with lesions drawn into the others they mostly would.
        chances = self._chance * (1 - labels) * torch.from_numpy(kept == 0)
        drawn = draw_into(pixels, chances.tolist(), seeds, lambda n: self._field(int(index[n])))
        return Batch(
            index,
            drawn.films.to(fabric.device),
            torch.maximum(labels, drawn.drawn).to(fabric.device),
            counted.to(fabric.device),
            drawn.places.to(fabric.device),
            drawn.drawn.to(fabric.device),
            kept,
        )

    def _field(self, index: int) -> NDArray[np.bool_]:
        """The lung field of a whole film `[SIDE, SIDE]`."""
        bits = np.unpackbits(self._kept_field(index), count=SIDE * SIDE)
        return bits.reshape(SIDE, SIDE).astype(np.bool_)

    def _find_field(self, index: int) -> NDArray[np.uint8]:
        return np.packbits(lung_field(self.cached.pixels[index].astype(np.float32) / 255))


def _made_ahead(make: Callable[[int], Batch], steps: Iterable[int]) -> Iterator[Batch]:
    """What `make` makes of each step, the next while this one is used: drawing takes its time."""
    with ThreadPoolExecutor(1) as pool:
        waiting: Future[Batch] | None = None
        for step in steps:
            made, waiting = waiting, pool.submit(make, step)
            if made:
                yield made.result()
        if waiting:
            yield waiting.result()


def paired_sources(samples: Sequence[Sample]) -> set[str]:
    """Sources that have films of both labels: within them the source cannot tell the label."""
    labels: dict[str, set[int]] = {}
    for sample in samples:
        labels.setdefault(sample.source, set()).add(sample.label)
    return {source for source, found in labels.items() if len(found) == 2}


def taught_sources(samples: Sequence[Sample], settings: TrainingSettings) -> set[str]:
    """Sources whose image labels are taught; lesions drawn into films make pairs of any."""
    if settings.label_sources == "all":
        return {sample.source for sample in samples}
    drawn_into = {one.source for one in samples if not one.label and settings.draw_lesions > 0}
    return paired_sources(samples) | drawn_into
