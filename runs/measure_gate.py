"""Measure the gate on films and on pictures that are none.

Takes the films of ../shared, drawn ones, and pictures of packages that the rule was not fitted
on (`pip install scikit-image pydicom-data`); prints the second table of docs/gate.md:

    python runs/measure_gate.py
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np
from fit_gate import drawn_films, real_films
from lateral import draw_lateral
from no_chest import Picture, draw_others, draw_patterns, draw_slice

from tbspot.errors import TbspotError
from tbspot.gate.verdict import examine
from tbspot.images import Facts, Film, read_pixels, read_with_facts, resize

# A chest film, a JPEG 2000 twin of a clinic's; all else in pydicom's files is none.
CHEST_STEMS = ("RG1_",)
# Height and width: all real films are kept square, clinics' are mostly of 35 x 43 cm.
SHAPES = {"1:1.25": (320, 256), "1.25:1": (256, 320)}


def measure() -> None:
    """Print one line a group of pictures: how many, how many refused, and the codes."""
    paths, sources, _ = real_films()
    for source in dict.fromkeys(sources):
        mine = [path for path, of in zip(paths, sources, strict=True) if of == source]
        line(f"films: {source}", (bare(read_pixels(path)) for path in mine))
        for shape, sides in SHAPES.items():
            shaped = (resize(read_pixels(path), *sides) for path in mine)
            line(f"films of {shape}: {source}", (bare(film) for film in shaped))
    # Enlarged before they are framed: what is found inside a frame must not be too small.
    some = [bare(read_pixels(path)).pixels for path in paths[::5]]
    line("negatives of every fifth film", (bare(1 - film) for film in some))
    framed = (np.pad(1 - film, film.shape[0] // 8) for film in some)
    line("the same inside a black border", (bare(film) for film in framed))
    for level in (0.0, 0.5):
        shown = (photographed(film, level) for film in some)
        line(f"every fifth film in 3:2, sides of {level}", (bare(film) for film in shown))
    line("two films side by side", (bare(beside(*two)) for two in pairwise(some)))
    line("one over the other", (bare(beside(*two, axis=0)) for two in pairwise(some)))
    with tempfile.TemporaryDirectory() as folder:
        line("films: drawn", (bare(film) for film in drawn_films(Path(folder), 300, seed=1)))
    random = np.random.default_rng(1)
    line("lateral views, drawn", (bare(draw_lateral(random)) for _ in range(300)))
    line("slices of CT, drawn", (bare(draw_slice(random)) for _ in range(300)))
    line("slices, icons, screens, scenes, figures, drawn",
         (bare(each) for each in draw_others(2000, random)))  # fmt: skip
    line("drawn patterns", (bare(each) for each in draw_patterns(2000, np.random.default_rng(1))))
    line("faces (scikit-image)", (bare(face) for face in faces()))
    line("digits (scikit-learn)", (bare(digit) for digit in digits()))
    line("photographs (scikit-learn)", (bare(photo) for photo in photographs()))
    films = list(medical())
    line("CT, MR, ultrasound, limbs (pydicom): by look alone", (bare(f.pixels) for f in films))
    line("the same: by tags and look", films)


def bare(pixels: Picture) -> Film:
    """The picture without tags, enlarged where its size alone would have it refused."""
    height, width = pixels.shape
    if min(height, width) < 200:
        pixels = resize(pixels, 256, 256)
    return Film(pixels, Facts("PNG"))


def photographed(film: Picture, level: float) -> Picture:
    """The square film in the middle of a picture of 3:2."""
    side = film.shape[1] // 4
    return np.pad(film, ((0, 0), (side, side)), constant_values=np.float32(level))


def beside(first: Picture, second: Picture, axis: int = 1) -> Picture:
    """Two films of one size in one picture."""
    high, wide = first.shape
    return np.concatenate([first, resize(second, high, wide)], axis)


def line(name: str, films: Iterable[Film]) -> None:
    """Print the verdicts on one group."""
    verdicts = [examine(film) for film in films]
    refused = sum(verdict.status == "refused" for verdict in verdicts)
    codes = Counter(verdict.code for verdict in verdicts if verdict.code)
    said = ", ".join(f"{code} {count}" for code, count in codes.most_common())
    print(f"| {name} | {len(verdicts)} | {refused} | {refused / len(verdicts):.1%} | {said} |")


def faces() -> list[Picture]:
    """Hundred faces and hundred pieces of background, 25 pixels each."""
    import skimage

    found = np.load(Path(skimage.__file__).parent / "data" / "lfw_subset.npy")
    return [face.astype(np.float32) for face in found]


def digits() -> list[Picture]:
    """Handwritten digits of 8 pixels."""
    from sklearn.datasets import load_digits

    return [(digit / 16).astype(np.float32) for digit in load_digits().images[:200]]


def photographs() -> list[Picture]:
    """A flower and a temple."""
    from sklearn import datasets

    folder = Path(datasets.__file__).parent / "images"
    return [read_pixels(path) for path in sorted(folder.glob("*.jpg"))]


def medical() -> list[Film]:
    """The readable files of pydicom's two sets that are no chest film, one of each picture."""
    import data_store
    import pydicom

    folders = (Path(pydicom.__file__).parent / "data" / "test_files",
               Path(data_store.__file__).parent / "data")  # fmt: skip
    films, seen = [], set()
    for path in sorted(path for folder in folders for path in folder.glob("*.dcm")):
        if path.name.startswith(CHEST_STEMS):
            continue
        try:
            film = read_with_facts(path)
        except TbspotError:
            continue
        mark = resize(film.pixels, 8, 8).round(1).tobytes()
        if mark not in seen:
            seen.add(mark)
            films.append(film)
    return films


if __name__ == "__main__":
    measure()
