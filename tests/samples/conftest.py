"""Tiny films in the layouts of public data sets, all different unless a test copies one."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

DrawFilm = Callable[..., Path]


@pytest.fixture
def film() -> DrawFilm:
    """Draw a film of noise that depends on its path: width x height pixels."""

    def draw(path: Path, width: int = 16, height: int = 16) -> Path:
        rng = np.random.default_rng(zlib.crc32(os.fsencode(path)))
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (height, width), np.uint8)).save(path)
        return path

    return draw


@pytest.fixture
def coco() -> Callable[..., dict[str, Any]]:
    """Make COCO content: (file name, category, box) for each box, films of 16 x 16 pixels."""

    def make(names: list[str], boxes: list[tuple[str, int, list[float]]]) -> dict[str, Any]:
        images = [
            {"id": number, "file_name": name, "width": 16, "height": 16}
            for number, name in enumerate(names, 1)
        ]
        return {
            "categories": [
                {"id": 1, "name": "ActiveTuberculosis"},
                {"id": 2, "name": "ObsoletePulmonaryTuberculosis"},
                {"id": 3, "name": "PulmonaryTuberculosis"},
            ],
            "images": images,
            "annotations": [
                {"id": number, "image_id": names.index(name) + 1, "category_id": kind, "bbox": box}
                for number, (name, kind, box) in enumerate(boxes, 1)
            ],
        }

    return make


@pytest.fixture
def tbx11k(tmp_path: Path, film: DrawFilm, coco: Callable[..., dict[str, Any]]) -> Path:
    """TBX11K in small: train of 4 films, val of 2, the all lists with four extras more."""
    folder = tmp_path / "TBX11K"
    train = ["tb/tb0001.png", "tb/tb1199.png", "health/h0001.png", "sick/s0001.png"]
    val = ["tb/tb0002.png", "health/h0002.png"]
    extra = [
        "extra/da+db/train/px7.jpg",
        "extra/da+db/train/n11.png",
        "extra/mc+shenzhen/train/CHNCXR_0004_0.png",
        "extra/mc+shenzhen/train/MCUCXR_0375_1.png",
    ]
    lists = {
        "TBX11K_train": train,
        "TBX11K_val": val,
        "TBX11K_trainval": train + val,
        "all_train": train + extra,
        "all_val": val,
        "all_test": ["test/unknown_1.png"],
    }
    for name in train + val + extra:
        film(folder / "imgs" / name)
    boxes = [
        ("tb/tb0001.png", 1, [2.0, 3.0, 4.0, 5.0]),
        ("tb/tb0001.png", 2, [10.0, 3.0, 4.0, 5.0]),
        ("tb/tb0002.png", 3, [0.0, 0.0, 16.0, 16.0]),
    ]
    annotations = folder / "annotations" / "json"
    annotations.mkdir(parents=True)
    (folder / "lists").mkdir()
    for stem, names in lists.items():
        (folder / "lists" / f"{stem}.txt").write_text("\n".join(names) + "\n")
        content = coco(names, [box for box in boxes if box[0] in names])
        (annotations / f"{stem}.json").write_text(json.dumps(content))
    return folder
