"""Drawn pictures of what is no chest film, for the gate: slices, icons, screens, scenes, patterns.

Takes a random generator; gives pictures `[SIDE, SIDE]` in [0, 1]. They are as rough as the gate
sees them: it looks at 64 x 64 pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

__all__ = ["Picture", "draw_others", "draw_patterns", "draw_slice"]

SIDE = 64
FINE = 192  # shapes are drawn with this side and made smaller, so that their edges are smooth

Picture = NDArray[np.float32]
Make = Callable[[np.random.Generator], Picture]


def draw_patterns(count: int, random: np.random.Generator) -> list[Picture]:
    """Clouds, blobs, blocks, waves and ramps, in turn."""
    makers: list[Make] = [_cloud, _blobs, _blocks, _waves]
    return [makers[index % 4](random) for index in range(count)]


def draw_others(count: int, random: np.random.Generator) -> list[Picture]:
    """Slices, icons, screens, scenes and figures, in turn; some inverted, some in a border."""
    makers: list[Make] = [draw_slice, _icon, _screen, _scene, _figure]
    return [_shown(makers[index % 5](random), random) for index in range(count)]


def draw_slice(random: np.random.Generator) -> Picture:
    """A slice across the chest, as CT shows it: the wall, two lungs, heart, spine and ribs."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    high, wide = random.uniform(0.24, 0.5), random.uniform(0.38, 0.56)
    y, x = y - random.uniform(-0.1, 0.1), x - random.uniform(-0.03, 0.03)
    wall = random.uniform(0.06, 0.2)
    body = _oval(y / high, x / wide, random.uniform(2, 3.5))
    inside = _oval(y / (high * (1 - wall)), x / (wide * (1 - wall)), random.uniform(2, 3))
    fat = random.uniform(-120, -60)
    # Hounsfield units: air -1000, lung about -850, water 0, bone 300 to 900.
    picture = np.where(inside < 1, random.uniform(20, 70), np.where(body < 1, fat, -1000.0))
    picture[(body < 1) & (inside >= 1) & (body > random.uniform(0.6, 0.95))] = fat
    lung = random.uniform(-920, -700)
    for side in (-1, 1):
        from_middle = random.uniform(0.4, 0.6) * wide * side
        long, broad = high * random.uniform(0.5, 0.9), wide * random.uniform(0.25, 0.5)
        field = _oval((y - random.uniform(-0.05, 0.05)) / long, (x - from_middle) / broad, 2.5)
        vessels = _scaled(ndimage.gaussian_filter(random.normal(size=y.shape), 0.8))
        picture = np.where((field < 1) & (inside < 0.97), lung + 900 * (vessels > 0.75), picture)
    heart = np.hypot(
        (y + high * random.uniform(-0.2, 0.4)) / (high * 0.5), (x - 0.05) / (wide * 0.4)
    )
    if random.random() < 0.7:
        picture[heart < random.uniform(0.5, 1)] = random.uniform(30, 200)
    picture = _bones(picture, y, x, high, wide, random)
    centre, width = random.choice(((-600, 1500), (-500, 1400), (0, 2000), (40, 400), (-200, 1600)))
    picture = ndimage.gaussian_filter(picture, random.uniform(0.2, 0.7))
    shown = (picture - centre * random.uniform(0.8, 1.2)) / (width * random.uniform(0.8, 1.3)) + 0.5
    return np.asarray(shown.clip(0, 1), np.float32)


def _bones(
    picture: NDArray[Any],
    y: NDArray[Any],
    x: NDArray[Any],
    high: float,
    wide: float,
    random: np.random.Generator,
) -> NDArray[Any]:
    """The slice with spine, breastbone, ribs and shoulder blades; the table under it."""
    spine = np.hypot((y - 0.6 * high) / 0.07, x / 0.07)
    picture[spine < random.uniform(0.8, 1.2)] = random.uniform(250, 700)
    picture[np.hypot((y - 0.6 * high - 0.07) / 0.02, x / 0.02) < 1] = 30
    picture[(np.abs(x) < 0.07) & (np.abs(y + 0.85 * high) < 0.02)] = random.uniform(200, 600)
    ring = _oval(y / (high * 0.9), x / (wide * 0.9), 2.3)
    angle = np.arctan2(y / high, x / wide) * random.integers(5, 10) + random.uniform(0, 6)
    picture[(np.abs(ring - 0.95) < 0.09) & (np.sin(angle) > random.uniform(0, 0.6))] = 600
    if random.random() < 0.6:
        table = y - 1.05 * high - 0.1 * x**2 * random.uniform(-3, 1)
        picture[(np.abs(table) < 0.012) & (np.abs(x) < 0.42)] = random.uniform(-300, 300)
    return picture


def _oval(y: NDArray[Any], x: NDArray[Any], power: float) -> NDArray[Any]:
    oval: NDArray[Any] = np.abs(y) ** power + np.abs(x) ** power
    return oval


def _icon(random: np.random.Generator) -> Picture:
    """A few shapes on a plain ground, most of them the same on both sides."""
    image = Image.new("L", (FINE, FINE), int(random.choice((0, 0, 255, 255, 128))))
    draw = ImageDraw.Draw(image)
    for index in range(random.integers(2, 9)):
        size = random.uniform(0.1, 0.95, 2) * FINE / (1 + index / 3)
        at = random.uniform(0, 1, 2) * (FINE - size) if index else (FINE - size) / 2
        _shape(draw, at, size, random)
    picture = _small(image)
    if random.random() < 0.6:
        picture = np.concatenate([picture[:, :32], picture[:, 31::-1]], axis=1)
    return _shaded(picture, random)


def _shape(draw: ImageDraw.ImageDraw, at: Any, size: Any, random: np.random.Generator) -> None:
    """One oval, rectangle, line or polygon inside a rectangle."""
    (x, y), (wide, high) = at, np.maximum(size, 8)
    box = (x, y, x + wide, y + high)
    fill, line = (int(level) for level in random.integers(0, 256, 2))
    thick = int(random.choice((0, 0, 1, 3, 8)))
    kind = random.integers(4)
    if kind == 0:
        draw.ellipse(box, fill, line, thick)
    elif kind == 1:
        draw.rounded_rectangle(box, random.uniform(0, min(wide, high) / 2 - 1), fill, line, thick)
    elif kind == 2:
        draw.line(box, line, int(random.integers(2, 16)))
    else:
        corners = random.random((random.integers(3, 7), 2)) * size + at
        draw.polygon([tuple(corner) for corner in corners], fill, line)


def _screen(random: np.random.Generator) -> Picture:
    """A window of a program or a page: bars, columns, lines of text, tables, charts, pictures."""
    ground = int(random.choice((255, 245, 230, 40, 20)))
    image = Image.new("L", (FINE, FINE), ground)
    draw = ImageDraw.Draw(image)
    for _ in range(random.integers(0, 4)):
        x, y = random.integers(0, FINE, 2)
        wide, high = ((FINE, 12), (50, FINE), (FINE - int(x), 60))[random.integers(3)]
        draw.rectangle((x, y, x + wide, y + high), int(random.integers(0, 256)))
    for _ in range(random.integers(1, 5)):
        x, y = random.integers(0, FINE - 40, 2)
        wide, high = random.integers(30, FINE, 2)
        (_text, _table, _chart)[random.integers(3)](draw, (x, y, x + wide, y + high), random)
    return _small(image)


def _text(draw: ImageDraw.ImageDraw, box: Any, random: np.random.Generator) -> None:
    ink, step = int(random.integers(0, 256)), int(random.integers(5, 12))
    for y in range(box[1], box[3], step):
        x, end = box[0], random.uniform(0.4, 1) * (box[2] - box[0]) + box[0]
        while x < end:
            word = int(random.integers(3, 24))
            draw.rectangle((x, y, x + word, y + step // 2), ink)
            x += word + step // 2


def _table(draw: ImageDraw.ImageDraw, box: Any, random: np.random.Generator) -> None:
    ink, (wide, high) = int(random.integers(0, 256)), random.integers(8, 40, 2)
    for x in range(box[0], box[2], wide):
        draw.line((x, box[1], x, box[3]), ink)
    for y in range(box[1], box[3], high):
        draw.line((box[0], y, box[2], y), ink)


def _chart(draw: ImageDraw.ImageDraw, box: Any, random: np.random.Generator) -> None:
    ink, x = int(random.integers(0, 256)), np.linspace(box[0], box[2], random.integers(4, 40))
    heights = box[3] - random.random(len(x)) * (box[3] - box[1])
    draw.rectangle(box, outline=ink)
    if random.random() < 0.5:
        draw.line(list(zip(x, heights, strict=True)), ink, int(random.integers(1, 5)))
        return
    for left, top in zip(x, heights, strict=True):
        draw.rectangle((left, top, left + (x[1] - x[0]) * 0.7, box[3]), ink)


def _scene(random: np.random.Generator) -> Picture:
    """Things of all sizes, one before the other, as a photograph shows them; some mirrored."""
    image = Image.new("L", (FINE, FINE), int(random.integers(0, 256)))
    draw = ImageDraw.Draw(image)
    if random.random() < 0.5:
        horizon = int(random.uniform(0.2, 0.9) * FINE)
        draw.rectangle((0, horizon, FINE, FINE), int(random.integers(0, 256)))
    count = int(random.integers(5, 80))
    for size in np.sort(random.pareto(1.5, count) + 0.06)[::-1]:
        sides = size * FINE * random.uniform(0.4, 1, 2)
        _shape(draw, random.uniform(-0.2, 1, 2) * FINE, sides, random)
    picture = _small(image)
    if random.random() < 0.3:
        picture = np.concatenate([picture[:, :32], picture[:, 31::-1]], axis=1)
    return _shaded(picture + random.uniform(0, 0.6) * _cloud(random), random)


def _figure(random: np.random.Generator) -> Picture:
    """A person, an animal or a device from the front: ovals, the same on both sides."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    x = np.abs(x - 0.5 - random.uniform(-0.05, 0.05)) + random.uniform(-0.05, 0.05) * y
    picture = random.random() * np.ones((SIDE, SIDE)) + random.uniform(0, 0.7) * _cloud(random)
    for _ in range(random.integers(2, 12)):
        at_y, at_x = random.uniform(0, 1.1), random.choice((0, random.uniform(0, 0.5)))
        high, wide = random.uniform(0.03, 0.6), random.uniform(0.03, 0.5)
        oval = _oval((y - at_y) / high, (x - at_x) / wide, random.uniform(1.5, 8))
        level = random.random() + random.uniform(-0.5, 0.5) * oval
        picture = np.where(oval < 1, level, picture)
    return _shaded(_scaled(ndimage.gaussian_filter(picture, random.uniform(0, 1.2))), random)


def _shaded(picture: NDArray[Any], random: np.random.Generator) -> Picture:
    """The picture under light from one side, and a little out of focus."""
    blurred = ndimage.gaussian_filter(picture, random.choice((0, 0, 0.5, 1)))
    return _scaled(blurred * (1 + random.uniform(0, 1) * _waves(random)))


def _shown(picture: Picture, random: np.random.Generator) -> Picture:
    if random.random() < 0.4:
        picture = 1 - picture
    if random.random() < 0.3:
        edges = random.integers(0, 20, (2, 2))
        picture = np.pad(picture, edges, constant_values=float(random.choice((0, 1, 0.5))))
    return picture


def _small(image: Image.Image) -> Picture:
    reduced = image.resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(reduced, np.float32) / np.float32(255)


def _cloud(random: np.random.Generator) -> Picture:
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(64), np.fft.fftfreq(64))) + 1 / 64
    noise = np.fft.fft2(random.normal(size=(64, 64))) / frequency ** random.uniform(0, 3)
    cloud = _scaled(np.fft.ifft2(noise).real)
    both: Picture = (cloud + cloud[:, ::-1]) / np.float32(2)
    return both if random.random() < 0.3 else cloud


def _blobs(random: np.random.Generator) -> Picture:
    picture = np.zeros((64, 64))
    y, x = np.mgrid[:64, :64] / 64
    for _ in range(random.integers(1, 9)):
        at_y, at_x, high, wide = random.random(4) * (1, 1, 0.5, 0.5)
        blob = ((y - at_y) / (high + 0.02)) ** 2 + ((x - at_x) / (wide + 0.02)) ** 2 < 1
        picture += random.normal() * blob
    return _scaled(ndimage.gaussian_filter(picture, random.uniform(0, 3)))


def _blocks(random: np.random.Generator) -> Picture:
    picture = np.zeros((64, 64))
    for _ in range(random.integers(1, 13)):
        y, x, high, wide = random.integers((0, 0, 2, 2), (60, 60, 60, 60))
        picture[y : y + high, x : x + wide] += random.normal()
    return _scaled(picture)


def _waves(random: np.random.Generator) -> Picture:
    y, x = np.mgrid[:64, :64] / 64
    across = random.uniform(-1, 1) * y + random.uniform(-1, 1) * x
    ramp = across + random.uniform(-1, 1) * y**2
    wave = np.sin(random.uniform(1, 60) * across + random.uniform(0, 6))
    return _scaled(wave if random.random() < 0.6 else ramp)


def _scaled(picture: NDArray[np.float64]) -> Picture:
    low, high = picture.min(), picture.max()
    return np.asarray((picture - low) / max(high - low, 1e-9), np.float32)
