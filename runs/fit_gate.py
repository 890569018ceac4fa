"""Fit the gate's rule for what a chest film looks like.

Takes the films of ../shared, drawn ones and the pictures of scikit-image (`pip install
scikit-image`); gives `src/tbspot/gate/chest.json` and the errors on films outside the fitted folds.
No film or picture goes into the package: 3,145 numbers do. About five minutes of one core:

    python runs/fit_gate.py
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from lateral import draw_lateral
from no_chest import Picture, draw_others, draw_patterns
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from tbspot.drawings import draw_dataset
from tbspot.gate import chest
from tbspot.gate.chest import KINDS, RULE_FILE, features
from tbspot.images import read_pixels, resize
from tbspot.storage import replacing

SHARED = Path(__file__).parents[2] / "shared" / "data"
RULE = Path(chest.__file__).with_name(RULE_FILE)
STRENGTH = 0.03  # inverse of the penalty, scikit-learn's C
# What the thresholds allow, of films in folds that were not fitted: of films as they are; of
# negatives, and what lies inside a border.
FALSE_REFUSALS = 0.004
STRICT_REFUSALS = 0.01
LATERALS = 2000
PATTERNS = 4000
OTHERS = 10_000
SEED = 0


def real_films() -> tuple[list[Path], list[str], list[str]]:
    """Paths, sources and patients of every real film."""
    found = [(path, "tbx11k", path.stem) for path in sorted(SHARED.glob("tbx11k/films/tb/*.jpg"))]
    for folder in ("nih", "shenzhen128"):
        with (SHARED / folder / "labels.csv").open(encoding="utf-8", newline="") as rows:
            found += [
                (SHARED / folder / row["path"], row["source"], row["patient"])
                for row in csv.DictReader(rows)
            ]
    paths, sources, patients = zip(*found, strict=True)
    return list(paths), list(sources), list(patients)


def drawn_films(folder: Path, count: int, seed: int) -> list[Picture]:
    """Films of `tbspot draw`: the demo's must pass the gate too."""
    draw_dataset(folder, count=count, size=256, seed=seed)
    return [read_pixels(path) for path in sorted(folder.rglob("imgs/**/*.png"))]


def variants(
    film: Picture, laterals: list[Picture], random: np.random.Generator
) -> Iterator[tuple[str, Picture]]:
    """What is fitted of one film: it as clinics store it, and what it is not."""
    for whole in (film, film[:, ::-1], _handled(film, random), _handled(film, random)):
        yield "chest", whole
        yield "inverted", 1 - whole
    yield "chest", _bordered(film, random)
    yield from (("inverted", _bordered(1 - film, random)) for _ in range(2))
    yield from (("turned", np.rot90(film, quarters)) for quarters in (1, 2, 3))
    yield "turned", film[::-1]
    yield from (("part", _part(film, which, random)) for which in random.permutation(5)[:3])
    for second in (film, film[:, ::-1], laterals[random.integers(len(laterals))]):
        yield "pair", _pair(film, second, random)
    yield "other", _scrambled(film, random)


def _handled(film: Picture, random: np.random.Generator) -> Picture:
    """Slightly turned, cut and, half of the time, within the edge of a collimator."""
    turned = ndimage.rotate(film, random.uniform(-8, 8), reshape=False, order=1, mode="nearest")
    high, low, left, right = random.integers(0, 7, 4)
    cut = turned[high : 64 - low, left : 64 - right]
    if random.random() < 0.5:
        edges = [(random.integers(0, 7), random.integers(0, 7)) for _ in range(2)]
        cut = np.pad(cut, edges, constant_values=float(random.random() < 0.3))
    return cut


def _bordered(film: Picture, random: np.random.Generator) -> Picture:
    """The film inside a plain border of up to a fifth of it at each side."""
    edges = random.integers(0, 13, (2, 2)) * (random.random((2, 1)) < 0.7)
    return np.pad(film, edges, constant_values=float(random.choice((0, 0, 1, 0.5))))


def _pair(film: Picture, second: Picture, random: np.random.Generator) -> Picture:
    """Two films in one picture, side by side or one over the other, with or without a gap."""
    two = [film, resize(_handled(second, random), 64, 64)][:: random.choice((-1, 1))]
    gap = np.full((64, random.choice((0, 0, 2, 6))), random.choice((0, 1)), np.float32)
    if random.random() < 0.3:
        return np.concatenate([two[0], gap.T, two[1]])
    return np.concatenate([two[0], gap, two[1]], axis=1)


def _part(film: Picture, which: int, random: np.random.Generator) -> Picture:
    """A half or the middle, as a cut film shows; one half also resembles a lateral view."""
    half = int(random.integers(26, 36))
    return (film[:, :half], film[:, -half:], film[:half], film[-half:], film[16:48, 16:48])[which]


def _scrambled(film: Picture, random: np.random.Generator) -> Picture:
    """The film's own spectrum with another picture's phases: no anatomy is left."""
    phases = np.angle(np.fft.fft2(random.normal(size=film.shape)))
    scrambled: Picture = np.fft.ifft2(np.abs(np.fft.fft2(film)) * np.exp(1j * phases)).real
    return scrambled.astype(np.float32)


def photographs() -> list[Picture]:
    """The pictures inside scikit-image."""
    import skimage

    folder = Path(skimage.__file__).parent / "data"
    found = sorted([*folder.glob("*.png"), *folder.glob("*.jpg")])
    return [read_pixels(path) for path in found]


def cuttings(picture: Picture, count: int, random: np.random.Generator) -> Iterator[Picture]:
    """The picture and pieces of it, mirrored and inverted at random."""
    yield picture
    for _ in range(count):
        size = (np.array(picture.shape) * random.uniform(0.3, 1, 2)).astype(int).clip(2)
        y, x = random.integers(0, np.array(picture.shape) - size + 1)
        piece = picture[y : y + size[0], x : x + size[1]][:, :: random.choice((-1, 1))]
        yield piece if random.random() < 0.5 else 1 - piece


def fit() -> None:
    """Fit the rule, choose its threshold on films outside the fitted folds, write the file."""
    random = np.random.default_rng(SEED)
    paths, sources, patients = real_films()
    films = [resize(read_pixels(path), 64, 64) for path in paths]
    owners = [f"{source} {patient}" for source, patient in zip(sources, patients, strict=True)]
    with tempfile.TemporaryDirectory() as folder:
        drawn = [resize(film, 64, 64) for film in drawn_films(Path(folder), 300, SEED)]
    laterals = [resize(draw_lateral(random), 64, 64) for _ in range(LATERALS)]
    rows = [
        (features(picture), KINDS.index(kind), owner)
        for film, owner in zip([*films, *drawn], [*owners, *["drawn"] * len(drawn)], strict=True)
        for kind, picture in variants(film, laterals, random)
    ]
    for lateral in laterals:
        handled = _handled(lateral, random)
        seen = (handled, 1 - handled) if random.random() < 0.3 else (handled,)
        rows += [(features(picture), KINDS.index("lateral"), "lateral") for picture in seen]
    others = draw_patterns(PATTERNS, random) + draw_others(OTHERS, random)
    others += [piece for photo in photographs() for piece in cuttings(photo, 40, random)]
    rows += [(features(picture), KINDS.index("other"), "other") for picture in others]
    x, y, owned = (np.array(column) for column in zip(*rows, strict=True))
    x = x.astype(np.float32)  # twice as fast

    chances = outside_folds(x, y, owned, films, np.array(owners))
    threshold, strict = (
        round(float(np.quantile(chances["as they are"], share)), 3)
        for share in (FALSE_REFUSALS, STRICT_REFUSALS)
    )
    print(f"strict {strict}")
    report(chances, threshold, np.array(sources), paths)
    model = _rule(x, y)
    rule = {
        "threshold": threshold,
        "strict": strict,
        "offsets": model.intercept_.astype(np.float64).round(4).tolist(),
        "weights": model.coef_.astype(np.float64).round(4).tolist(),
    }
    with replacing(RULE) as temporary:
        temporary.write_text(json.dumps(rule) + "\n", "utf-8")


def _rule(x: NDArray[np.float64], y: NDArray[np.int64]) -> LogisticRegression:
    return LogisticRegression(C=STRENGTH, tol=5e-4, max_iter=300).fit(x, y)


def outside_folds(
    x: NDArray[np.float64],
    y: NDArray[np.int64],
    owned: NDArray[np.str_],
    films: list[Picture],
    owners: NDArray[np.str_],
) -> dict[str, NDArray[np.float64]]:
    """Each film's chance of being a chest, as it is and spoilt, by a rule that saw none of its
    patient's films.
    """
    chances = {name: np.zeros(len(films)) for name in SPOILT}
    for _, held in GroupKFold(5).split(films, groups=owners):
        fitted = ~np.isin(owned, owners[held])
        model = _rule(x[fitted], y[fitted])
        for name, spoil in SPOILT.items():
            looks = [features(spoil(films[index])) for index in held]
            chances[name][held] = model.predict_proba(looks)[:, 0]
    return chances


def report(
    chances: dict[str, NDArray[np.float64]],
    threshold: float,
    sources: NDArray[np.str_],
    paths: list[Path],
) -> None:
    """Print what the rule lets pass outside its folds, and the films it likes least."""
    print(f"threshold {threshold}")
    for name, chance in chances.items():
        passed = [
            f"{source} {(chance[sources == source] >= threshold).sum()}/{(sources == source).sum()}"
            for source in dict.fromkeys(sources)
        ]
        print(f"{name}: {(chance >= threshold).mean():.2%} pass ({', '.join(passed)})")
    for index in np.argsort(chances["as they are"])[:12]:
        print(f"  {chances['as they are'][index]:.3f} {paths[index].name}")


# What a film is shown as, to the rule that did not see it.
SPOILT: dict[str, Callable[[Picture], Picture]] = {
    "as they are": lambda film: film,
    "inverted": lambda film: 1 - film,
    "on the side": np.rot90,
    "head down": lambda film: film[::-1, ::-1],
    "left half": lambda film: film[:, :32],
    "upper half": lambda film: film[:32],
    "lower half": lambda film: film[32:],
    "middle quarter": lambda film: film[16:48, 16:48],
}

if __name__ == "__main__":
    fit()
