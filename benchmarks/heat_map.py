"""Score and heat map of a film: pytorch-grad-cam and torch-cam on the same net, and ours.

Takes nothing; prints the time a film, the ratio to pytorch-grad-cam, and the floor that the
processor's matrix multiplication sets. Both packages, and ONNX Runtime for our exported file, are
used where they are installed:

    pip install --no-deps grad-cam torchcam
    pip install onnxruntime
    python benchmarks/heat_map.py
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import cycle
from pathlib import Path

import numpy as np
import torch
from measuring import interleaved, machine, random_model, row
from numpy.typing import NDArray
from peers import Films, Side, installed_peers, onnx_runtime
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from tbspot.choices import Precision
from tbspot.drawings import draw_film
from tbspot.engine.engine import Engine, engine_of, open_engine
from tbspot.images import Frame, read_pixels
from tbspot.locating import films_at_once
from tbspot.maps.boxes import find_boxes, normalise, threshold_of
from tbspot.maps.evidence import evidence_of
from tbspot.nets.weights import load_classifier

Pixels = NDArray[np.uint8]

WITHOUT_NET = "ours, the net left out"
MANY = 24


def ours(engine: Engine) -> Side:
    """The closed form in one forward pass, clipped on the net's grid as Grad-CAM is."""
    description = engine.description.model_copy(update={"baseline": "none"})

    def ask(films: Films) -> tuple[Films, Films]:
        logits, raw = engine(films)
        side = films.shape[-1]
        return logits, np.stack(
            [normalise(evidence_of(one, description).clip(min=0), side) for one in raw]
        )

    return ask


def without_net(engine: Engine, films: Films) -> Side:
    """Ours with a net that takes no time: what is left when every film gets the same answer."""
    answer = engine(films)
    return ours(Engine(engine.description, "none", lambda _: answer))


def find_sides(checkpoint: Path, exported: Path) -> dict[str, Side]:
    """Every way that can be measured here, with the same weights."""
    torch.set_num_threads(os.cpu_count() or 1)
    sides: dict[str, Side] = {}
    for name, make in installed_peers().items():
        sides[name] = make(load_classifier(checkpoint)[0])
    classifier, description = load_classifier(checkpoint)
    runtime = onnx_runtime(exported)
    if runtime is not None:
        sides["ours, ONNX Runtime float32"] = ours(Engine(description, "ONNX Runtime", runtime))
    for precision in ("float32", "bfloat16"):
        engine = engine_of(classifier, description, precision)
        sides[f"ours, {engine.name}"] = ours(engine)
    return sides | exported_sides(exported, 1)


def exported_sides(exported: Path, at_once: int) -> dict[str, Side]:
    """Ours in OpenVINO, for as many threads that ask at the same time."""
    precisions: list[Precision] = ["float32", "bfloat16"]
    if open_engine(exported).description.ranges:
        precisions.append("int8")
    else:
        print("int8 moves the maps of this net too far and is not measured")
    threads = os.cpu_count() or 1
    engines = [open_engine(exported, precision, threads, at_once) for precision in precisions]
    return {f"ours, {engine.name}": ours(engine) for engine in engines}


def whole_way(path: Path, side: Side, out: Path, size: int) -> None:
    """From the file of a film to score, the file of its heat map, and boxes."""
    pixels = read_pixels(path)
    _, maps = side(Frame(pixels.shape[0], pixels.shape[1], size).apply(pixels)[None])
    find_boxes(maps[0], threshold_of(maps[0], "otsu", None))
    np.save(out, maps[0])


def many_ways(paths: Sequence[Path], side: Side, size: int, at_once: int) -> None:
    """The whole way of many films, as `tbspot locate` goes it."""
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lambda path: whole_way(path, side, path.with_suffix(".npy"), size), paths))


def compare(title: str, calls: dict[str, Callable[[], object]], films: int, rounds: int) -> None:
    """Time the calls in turns and print a table; the first is the reference."""
    print()
    row(title, "ms a film", "times the first", "CPU ms a film", "times the first by CPU")
    row(*["---"] * 5)
    taken = interleaved(calls, rounds)
    first = next(iter(taken.values()))
    for name, each in taken.items():
        faster, cheaper = first.clock / each.clock, first.processor / each.processor
        clock, processor = (f"{seconds / films * 1e3:.0f}" for seconds in each)
        row(name, clock, f"{faster:.1f}", processor, f"{cheaper:.1f}")


def floor(checkpoint: Path, size: int) -> None:
    """The net's operations over the rate at which torch multiplies matrices."""
    classifier, _ = load_classifier(checkpoint)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        classifier(torch.zeros(1, 1, size, size))
    operations = counter.get_total_flops()
    calls: dict[str, Callable[[], object]] = {}
    for kind in (torch.float32, torch.bfloat16):
        matrix = torch.randn(2048, 2048).to(kind)
        calls[str(kind)] = partial(torch.mm, matrix, matrix)
    # torch names no public one.
    steps = torch.randint(-128, 128, (2048, 2048), dtype=torch.int8)
    calls[str(steps.dtype)] = partial(torch._int_mm, steps, steps)
    for name, seconds in interleaved(calls, 9).items():
        rate = 2 * 2048**3 / seconds.clock
        print(
            f"floor, {name}: {operations / 1e9:.1f} GFLOP at {rate / 1e9:.0f} G/s = "
            f"{operations / rate * 1e3:.0f} ms"
        )


def compare_films(sides: dict[str, Side], films: Films, rounds: int) -> None:
    """Print the table of films that are read already."""
    calls = {name: partial(side, films) for name, side in sides.items()}
    compare(f"score and map, batch {len(films)}", calls, len(films), rounds)


def compare_files(
    sides: dict[str, Side], exported: Path, drawn: Sequence[Pixels], folder: Path, rounds: int
) -> None:
    """Print the tables of the whole way from files, of one film and of many."""
    size = drawn[0].shape[0]
    paths = [folder / f"{number}.png" for number in range(MANY)]
    for path, pixels in zip(paths, cycle(drawn), strict=False):
        Image.fromarray(pixels).save(path)
    calls = {name: partial(many_ways, paths[:1], side, size, 1) for name, side in sides.items()}
    compare("one PNG file to score, map file and boxes", calls, 1, rounds)
    at_once = films_at_once(MANY)
    shared = exported_sides(exported, at_once)
    for name, side in sides.items():
        calls[name] = partial(many_ways, paths, side, size, 1)
        if name in shared:
            calls[name] = partial(many_ways, paths, shared[name], size, at_once)
    title = f"{MANY} PNG files to scores, map files and boxes"
    compare(title, calls, MANY, max(1, rounds // 2))


def compare_maps(sides: dict[str, Side], films: Films) -> None:
    """Print how far each side's maps are from the first's."""
    (_, reference), *others = [side(films) for side in sides.values()]
    for name, (_, maps) in zip(list(sides)[1:], others, strict=True):
        difference = np.abs(maps - reference).max()
        print(f"greatest difference of the map in [0, 1] to the first's: {difference:.4f}, {name}")


def measure(size: int, rounds: int, only: str) -> None:
    """Print every table, of the sides whose names hold a word."""
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checkpoint, exported = random_model(folder, size)
        found = find_sides(checkpoint, exported)
        sides = {name: side for name, side in found.items() if only in name}
        drawn = [draw_film("tb", size, (seed,)).pixels for seed in range(8)]
        films = np.stack(drawn).astype(np.float32) / 255
        compare_films(sides, films[:1], rounds)
        with_none = sides | {WITHOUT_NET: without_net(open_engine(exported), films[:1])}
        compare_files(with_none, exported, drawn, folder, rounds)
        # Last: torch is slower at single films in a process that has seen batches.
        compare_films(sides, films, max(1, rounds // 3))
        print()
        floor(checkpoint, size)
        compare_maps(sides, films[:1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="of the sides, those with this in their name")
    given = parser.parse_args()
    measure(given.size, given.rounds, given.only)
