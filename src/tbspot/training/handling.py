"""What happens to films on their way that changes nothing medical: cut, lettered, compressed.

Takes one film, or the affine matrix of its view, and a random generator; gives it so changed.
Whether a view is changed at all is left to views.py.
"""

from __future__ import annotations

from io import BytesIO

import numpy as np
import torch
from numpy.random import Generator
from PIL import Image, ImageDraw
from torch import Tensor

from tbspot.images import resize

__all__ = ["compressed", "cropped", "lettered"]

# At most, of the side, on each edge by itself.
CROP = 0.08
# Of the side: height of letters, and how far from the edges their middle may be.
LETTER_HEIGHTS = (0.04, 0.1)
LETTER_REACH = 0.12
LETTERS = "LRABDEFHJKMNPTUX0123456789"
QUALITIES = (30, 90)
# Of the side: a film may have been stored small, where compression takes more from it.
STORED_SIDES = (1 / 3, 1)


def cropped(matrix: Tensor, rng: Generator) -> Tensor:
    """The matrix `[2, 3]` of `affine_grid` for a view without up to 8 % on each edge."""
    left, right, top, bottom = rng.uniform(0, CROP, 4)
    kept = torch.eye(3)
    kept[0, 0], kept[0, 2] = 1 - left - right, left - right
    kept[1, 1], kept[1, 2] = 1 - top - bottom, top - bottom
    return kept[:2] @ torch.cat([matrix, torch.tensor([[0.0, 0.0, 1.0]])])


def lettered(film: Tensor, rng: Generator) -> Tensor:
    """The film `[1, h, w]` with one to three letters or digits near an upper or lower corner."""
    image = Image.fromarray(film[0].cpu().numpy())
    width, height = image.size
    text = "".join(rng.choice(list(LETTERS), int(rng.integers(1, 4))))
    size = rng.uniform(*LETTER_HEIGHTS) * min(height, width)
    across, down = rng.uniform(0.03, LETTER_REACH, 2)
    x, y = (share if rng.random() < 0.5 else 1 - share for share in (across, down))
    white = float(rng.uniform(0.8, 1))
    ImageDraw.Draw(image).text((x * width, y * height), text, white, anchor="mm", font_size=size)
    return torch.from_numpy(np.array(image)).unsqueeze(0).to(film.device)


def compressed(film: Tensor, rng: Generator) -> Tensor:
    """The film `[1, h, w]` as it was stored, whole or smaller, as JPEG of quality 30 to 90."""
    stored = BytesIO()
    pixels = (film[0] * 255).round().byte().cpu().numpy()
    quality = int(rng.integers(QUALITIES[0], QUALITIES[1] + 1))
    share = rng.uniform(*STORED_SIDES)
    height, width = pixels.shape
    small = (max(1, round(share * width)), max(1, round(share * height)))
    Image.fromarray(pixels).resize(small, Image.Resampling.BILINEAR).save(
        stored, "JPEG", quality=quality
    )
    read = np.asarray(Image.open(stored), np.float32) / np.float32(255)
    return torch.from_numpy(resize(read, height, width).copy()).unsqueeze(0).to(film.device)
