"""Lesions like those of TB drawn into films of people who have none.

Takes a film, its lung field and a random generator; gives the film with one to three lesions and
the rectangles around what can be seen of them. Whole drawn films are left to film.py, what a
student is taught by them to tbspot.training.drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage

from tbspot.drawings.anatomy import SIDES, centres, smooth_noise, step
from tbspot.images import resize

__all__ = ["WithLesions", "draw_lesions"]

Picture = NDArray[np.float32]
Kind = Literal["patches", "nodules", "cavity", "strands", "haze"]
KINDS: tuple[Kind, ...] = get_args(Kind)
KIND_SHARES = (0.4, 0.17, 0.13, 0.15, 0.15)
COUNTS = (0.55, 0.35, 0.1)
# Of a lesion's rectangle, as shares of the film's area: log-normal, and broader than what TBX11K
# publishes of its boxes (2.4 %, 7.4 % and 18.9 % of a film at the 10th, 50th and 90th percentile),
# so that a size cannot be guessed.
MIDDLE_AREA, SPREAD = 0.055, 0.95
LEAST_AREA, GREATEST_AREA = 0.004, 0.3
# Mostly on the other side than the first, and mostly above: where TB that comes back is seen.
OTHER_SIDE = 0.8
FALL = 4.0
# What is drawn has no detail finer than this share of the side, a film's of 200 pixels: a sharper
# lesion than its film would be told by that. So nothing is lost on a grid of about as many places.
FINEST = 0.0045
GRID = 192
# Of the logit that stands for attenuation: a film's blacks and whites are clipped there.
DARKEST, LIGHTEST = 0.02, 0.98
# By how much what is around the lungs differs from their darker parts, as far as it is believed.
LEAST_CONTRAST, GREATEST_CONTRAST = 0.6, 2.6
# The logarithm of how dense a lesion is, 1 being as dense as what is around the lungs.
STRENGTHS = (math.log(0.15), math.log(0.9))
# What radiologists box as one is seldom alike throughout: so many are of two kinds, and so many are
# dense in one place and faint far from it, down to a share of that.
MIXED, FADING = 0.5, 0.6
FAINTEST = (0.1, 0.6)
# A lesion that is nowhere denser than this is not seen. Of one that is, so much may lie outside of
# the rectangle on each side.
SEEN, LEFT_OUT = 0.1, 0.015


class Place(NamedTuple):
    """Where a lesion is to be: rows and columns of the film, half-open."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True)
class WithLesions:
    """A film with lesions drawn into it.

    Attributes:
        film: `float32 [h, w]` in [0, 1].
        boxes: the rectangles around what was drawn, in pixels of the film.
    """

    film: Picture
    boxes: tuple[Place, ...]

    @property
    def mask(self) -> NDArray[np.bool_]:
        """`[h, w]`, the union of the rectangles."""
        mask = np.zeros(self.film.shape, np.bool_)
        for box in self.boxes:
            mask[box.top : box.bottom, box.left : box.right] = True
        return mask


def draw_lesions(film: Picture, field: NDArray[np.bool_], rng: Generator) -> WithLesions:
    """Draw one to three lesions into a film.

    Attenuation adds up, and a film's tone is taken for a sigmoid of it: so what lies under a
    lesion shines through, less where it is dense, and whites are not exceeded. How dense a lesion
    is goes by how much the film's lungs differ from what is around them.

    Args:
        film: `[h, w]` in [0, 1], 0 = black = air.
        field: the lung field of the whole film, in as many places as one likes.
        rng: decides what is drawn.

    Returns:
        The film and where it was drawn; a film without a lung field, or that is blank, comes back
        as it is.
    """
    height, width = film.shape
    reduction = max(1.0, max(film.shape) / GRID)
    grid = (max(1, round(height / reduction)), max(1, round(width / reduction)))
    coarse = _on_grid(field, grid)
    lungs = _soft(coarse)
    boxes, added = [], np.zeros(grid, np.float32)
    for place in _places(coarse, rng):
        opacity = _opacity(place, lungs, rng)
        strength = math.exp(rng.uniform(*STRENGTHS))
        seen = _seen(opacity)
        if seen is not None:
            boxes.append(_in_pixels(seen, height / grid[0], width / grid[1]))
            added += np.float32(strength) * opacity
    if not boxes:
        return WithLesions(film, ())
    changed = _with(film, resize(added, height, width), field)
    # Nothing is lighter than the lightest that a film has: on a blank one nothing is seen.
    return WithLesions(changed, () if np.array_equal(changed, film) else tuple(boxes))


def _on_grid(field: NDArray[np.bool_], grid: tuple[int, int]) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = resize(field.astype(np.float32), *grid) > 0.5
    return inside


def _in_pixels(place: Place, down: float, across: float) -> Place:
    """A place of a coarser grid in pixels of the film."""
    return Place(
        round(down * place.top),
        round(across * place.left),
        round(down * place.bottom),
        round(across * place.right),
    )


def _soft(field: NDArray[np.bool_]) -> Picture:
    """The lung field with a soft border, a little within its margin."""
    width = 0.015 * len(field)
    blurred: Picture = ndimage.gaussian_filter(field.astype(np.float32), width)
    return np.asarray(step(blurred - 0.6, 0.7), np.float32)


def _places(field: NDArray[np.bool_], rng: Generator) -> list[Place]:
    """One to three rectangles in the lungs, mostly above and on both sides."""
    columns = np.flatnonzero(field.any(axis=0))
    if not len(columns):
        return []
    middle = int(columns[[0, -1]].mean())
    first = int(rng.choice(SIDES))
    sides = [first, -first if rng.random() < OTHER_SIDE else first, int(rng.choice(SIDES))]
    extent = rng.normal(0, 0.7 * SPREAD)
    places = []
    for side in sides[: 1 + int(rng.choice(len(COUNTS), p=COUNTS))]:
        lung = field.copy()
        lung[:, middle:] &= side > 0
        lung[:, :middle] &= side < 0
        area = MIDDLE_AREA * math.exp(extent + rng.normal(0, 0.7 * SPREAD))
        if lung.any():
            places.append(_place(lung, float(np.clip(area, LEAST_AREA, GREATEST_AREA)), rng))
    return places


def _place(lung: NDArray[np.bool_], area: float, rng: Generator) -> Place:
    """A rectangle of an area (share of the film) in one lung, as far as the lung has room."""
    rows, columns = np.flatnonzero(lung.any(axis=1)), np.flatnonzero(lung.any(axis=0))
    size = area * lung.size
    wide = min(math.sqrt(size * math.exp(rng.normal(-0.15, 0.3))), float(np.ptp(columns)) + 1)
    tall = min(size / wide, float(np.ptp(rows)) + 1)
    y, x = np.nonzero(lung)
    weights = np.exp(-FALL * (y - rows[0]) / len(rows))
    at = rng.choice(len(y), p=weights / weights.sum())
    # Moved into the lung's rectangle, so that nothing is cut off that was to be drawn.
    top = np.clip(y[at] - tall / 2, rows[0], rows[-1] + 1 - tall)
    left = np.clip(x[at] - wide / 2, columns[0], columns[-1] + 1 - wide)
    least = 2
    bottom, right = max(top + tall, top + least), max(left + wide, left + least)
    up, down = _within(round(top), round(bottom), lung.shape[0])
    west, east = _within(round(left), round(right), lung.shape[1])
    return Place(up, west, down, east)


def _within(start: int, end: int, length: int) -> tuple[int, int]:
    """The same places as far as there are so many: on a narrow film a lesion may have only one."""
    end = min(end, length)
    return max(0, min(start, end - 1)), end


def _opacity(place: Place, lungs: Picture, rng: Generator) -> Picture:
    """What one lesion adds, `[h, w]`, about 1 where it is dense."""
    size = len(lungs)
    shape = (place.bottom - place.top, place.right - place.left)
    texture = _texture(rng, shape, size) * _outline(rng, shape, size)
    if rng.random() < FADING:
        texture = texture * _fading(rng, shape)
    whole = np.zeros_like(lungs)
    whole[place.top : place.bottom, place.left : place.right] = texture
    blurred = ndimage.gaussian_filter(whole * lungs, FINEST * size)
    return np.asarray(blurred, np.float32)


def _texture(rng: Generator, shape: tuple[int, int], size: int) -> Picture:
    """A lesion of one kind, or of two that give way to each other."""
    first, second = (TEXTURES[KINDS[n]] for n in rng.choice(len(KINDS), 2, p=KIND_SHARES))
    texture = first(rng, shape, size)
    if rng.random() < MIXED:
        share = step(smooth_noise(rng, shape, 0.3 * max(shape)), 1.0)
        texture = share * texture + (1 - share) * second(rng, shape, size)
    return np.asarray(texture, np.float32)


def _fading(rng: Generator, shape: tuple[int, int]) -> Picture:
    """1 at one place of the rectangle, fainter the farther from it."""
    right, down = rng.uniform(-0.8, 0.8, 2)
    y, x = centres(shape[0], -1, 1)[:, None] - down, centres(shape[1], -1, 1)[None, :] - right
    away = np.hypot(x, y)
    faintest, power = rng.uniform(*FAINTEST), rng.uniform(0.6, 1.6)
    return np.asarray(1 - (1 - faintest) * (away / away.max()) ** power, np.float32)


def _outline(rng: Generator, shape: tuple[int, int], size: int) -> Picture:
    """1 inside, 0 outside of an uneven blot that fills the rectangle, its border sharp or soft."""
    y, x = centres(shape[0], -1, 1)[:, None], centres(shape[1], -1, 1)[None, :]
    power = rng.uniform(2, 4)
    radius = (np.abs(x) ** power + np.abs(y) ** power) ** (1 / power)
    coarse = smooth_noise(rng, shape, max(0.22 * min(shape), 1.0))
    fine = smooth_noise(rng, shape, 0.012 * size)
    uneven = radius + rng.uniform(0.04, 0.16) * coarse + rng.uniform(0.02, 0.08) * fine
    return np.asarray(step(0.8 - uneven, rng.uniform(0.15, 0.8)), np.float32)


def _patches(rng: Generator, shape: tuple[int, int], size: int) -> Picture:
    """Uneven patches of several sizes that run together in places, and clear lung between."""
    clumps = smooth_noise(rng, shape, rng.uniform(0.02, 0.04) * size)
    lumps = smooth_noise(rng, shape, rng.uniform(0.009, 0.014) * size)
    grains = smooth_noise(rng, shape, 0.0055 * size)
    mixed = 0.7 * clumps + 0.55 * lumps + 0.35 * grains
    veil = rng.uniform(0.1, 0.4)
    return np.asarray(veil + 0.6 * (mixed - rng.uniform(-0.6, 0.5)).clip(0, 2), np.float32)


def _nodules(rng: Generator, shape: tuple[int, int], size: int) -> Picture:
    """Dots of many sizes, closer together in places, over a faint veil."""
    clumps = (0.6 + 0.5 * smooth_noise(rng, shape, 0.035 * size)).clip(0.05, 2)
    least = rng.uniform(0.0045, 0.008) * size
    share = rng.uniform(0.12, 0.4)
    dots = sum(
        _dots(rng, shape, radius=least * times, share=share / times) for times in (1.0, 1.5, 2.2)
    )
    return np.asarray(0.12 + (clumps * dots).clip(0, 1.5), np.float32)


def _cavity(rng: Generator, shape: tuple[int, int], size: int) -> Picture:
    """A dark hole with an uneven wall in a patchy infiltrate, which may reach further."""
    right, down = rng.uniform(-0.4, 0.4, 2)
    y, x = centres(shape[0], -1, 1)[:, None] - down, centres(shape[1], -1, 1)[None, :] - right
    away = np.hypot(x, y) + 0.1 * smooth_noise(rng, shape, 0.02 * size)
    radius, width = rng.uniform(0.25, 0.5), rng.uniform(0.06, 0.2)
    wall = np.exp(-(((away - radius) / width) ** 2)) * rng.uniform(0.5, 1.1)
    around = _patches(rng, shape, size) * step(away - radius, 0.15)
    return np.asarray(wall * (0.8 + 0.2 * smooth_noise(rng, shape, 0.015 * size)) + around)


def _strands(rng: Generator, shape: tuple[int, int], size: int) -> Picture:
    """Strands in two directions, some dense dots, little between."""
    meshes = [_mesh(rng, shape, size) for _ in range(2)]
    dots = _dots(rng, shape, radius=rng.uniform(0.0045, 0.007) * size, share=0.04)
    clumps = (0.7 + 0.5 * smooth_noise(rng, shape, 0.04 * size)).clip(0.1, 2)
    return np.asarray(0.12 + clumps * (0.5 * sum(meshes) + dots), np.float32)


def _mesh(rng: Generator, shape: tuple[int, int], size: int) -> Picture:
    """Strands along one direction."""
    side = 2 * max(shape)
    along, across = rng.uniform(0.015, 0.04) * size, rng.uniform(0.0035, 0.006) * size
    noise = smooth_noise(rng, (side, side), (along, across))
    turned = ndimage.rotate(noise, rng.uniform(-90, 90), reshape=False, order=1)
    cut = turned[side // 4 :, side // 4 :][: shape[0], : shape[1]]
    return np.asarray((cut - 0.4).clip(0, 1.5), np.float32)


def _haze(rng: Generator, shape: tuple[int, int], size: int) -> Picture:
    """A veil, denser to one side, with mottle."""
    y, x = centres(shape[0], -1, 1)[:, None], centres(shape[1], -1, 1)[None, :]
    angle = rng.uniform(0, 2 * math.pi)
    slope = 1 + 0.5 * (x * math.cos(angle) + y * math.sin(angle))
    mottle = 1 + 0.2 * smooth_noise(rng, shape, rng.uniform(0.01, 0.03) * size)
    return np.asarray((0.7 * slope * mottle).clip(0, 2), np.float32)


TEXTURES: dict[Kind, Callable[[Generator, tuple[int, int], int], Picture]] = {
    "patches": _patches,
    "nodules": _nodules,
    "cavity": _cavity,
    "strands": _strands,
    "haze": _haze,
}


def _dots(rng: Generator, shape: tuple[int, int], *, radius: float, share: float) -> Picture:
    """Soft round dots of height about 1 that cover a share of the place."""
    each = 2 * math.pi * radius**2
    seeds = (rng.random(shape, np.float32) < share / each).astype(np.float32)
    seeds *= rng.uniform(0.5, 1.3, shape).astype(np.float32)
    return np.asarray(ndimage.gaussian_filter(seeds, radius, mode="constant") * each, np.float32)


def _seen(opacity: Picture) -> Place | None:
    """The rectangle around what is seen of a lesion; None where nothing is."""
    if opacity.max() < SEEN:
        return None
    (top, bottom), (left, right) = (_extent(opacity.sum(axis=axis)) for axis in (1, 0))
    return Place(top, left, bottom, right)


def _extent(weights: Picture) -> tuple[int, int]:
    """From where to where all but `LEFT_OUT` of the weight lies on either side, half-open."""
    share = np.cumsum(weights, dtype=np.float64) / weights.sum(dtype=np.float64)
    first, last = np.searchsorted(share, (LEFT_OUT, 1 - LEFT_OUT))
    return int(first), int(last) + 1


def _with(film: Picture, added: Picture, field: NDArray[np.bool_]) -> Picture:
    """The film with what lesions add, which hide what lies under their dense parts."""
    tone = film.clip(DARKEST, LIGHTEST)
    attenuation = np.log(tone / (1 - tone))
    height, width = film.shape
    # On a grid that is coarse enough to be quick and fine enough for what is asked.
    grid = (max(1, height // 4), max(1, width // 4))
    reduced = resize(attenuation, *grid)
    inside = _on_grid(field, grid)
    lightest, dense = np.quantile(reduced, (0.97, 0.85))
    airy = np.quantile(reduced[inside], 0.3) if inside.any() else dense
    added = np.float32(np.clip(dense - airy, LEAST_CONTRAST, GREATEST_CONTRAST)) * added
    blurred = ndimage.gaussian_filter(reduced, 0.02 * grid[0])
    smooth = resize(np.asarray(blurred, np.float32), height, width)
    covered = attenuation + 0.5 * (added / 2).clip(0, 1) * (smooth - attenuation)
    covered += added * ((lightest - covered) / 1.2).clip(0, 1)
    # As a difference, so that blacks and whites beyond what is believed stay as they are.
    change = 1 / (1 + np.exp(-covered)) - tone
    return np.asarray((film + change * (added > 0)).clip(0, 1), np.float32)
