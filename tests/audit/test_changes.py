from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from tbspot.audit import changes
from tbspot.audit.changes import CHANGES, Change
from tbspot.drawings import draw_film
from tbspot.images import resize

NAMES = [change.name for change in CHANGES]
STILL = CHANGES[0].undo
MOVING = [change for change in CHANGES if change.undo is not STILL]


def film(height: int = 256, width: int = 256) -> np.ndarray:
    return resize(draw_film("tb", 256, (1,)).pixels.astype(np.float32) / 255, height, width)


@pytest.mark.parametrize("change", CHANGES, ids=NAMES)
@pytest.mark.parametrize("size", [(256, 256), (200, 160)])
def test_a_changed_film_is_a_film_and_another(change: Change, size: tuple[int, int]) -> None:
    before = film(*size)
    kept = before.copy()
    after = change.apply(before, 128)
    assert after is not None
    assert after.dtype == np.float32
    assert after.min() >= 0
    assert after.max() <= 1
    assert np.array_equal(before, kept)
    assert after.shape != before.shape or not np.array_equal(after, before)


@pytest.mark.parametrize("change", CHANGES, ids=NAMES)
@pytest.mark.parametrize("size", [(1, 1), (5, 40), (9, 9), (3, 70_000)])
def test_a_tiny_or_narrow_film_is_changed_or_left_out(
    change: Change, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "SQUARE_SIDE", 512)
    after = change.apply(film(*size), 128)
    assert after is None or min(after.shape) > 0


@pytest.mark.parametrize("change", MOVING, ids=lambda change: change.name)
def test_a_map_of_the_changed_film_comes_back_to_the_place_of_the_films_own(
    change: Change,
) -> None:
    # The film is its own map: what lies where in the changed film must come back.
    spots = np.zeros((256, 256), np.float32)
    spots[60, 80], spots[180, 150] = 1, 0.7
    spots = ndimage.gaussian_filter(spots, 12)
    spots /= spots.max()
    changed = change.apply(spots, 128)
    assert changed is not None
    seen = resize(changed, 256, 256)
    came_back = change.undo(seen)
    top, left = np.unravel_index(came_back[:128].argmax(), (128, 256))
    assert np.hypot(top - 60, left - 80) <= 3
    low, right = np.unravel_index(came_back[128:].argmax(), (128, 256))
    assert np.hypot(low + 128 - 180, right - 150) <= 3


def test_a_film_that_is_not_reduced_has_no_kernel_to_change() -> None:
    applied = [change.apply(film(128, 128), 128) for change in CHANGES]
    assert [change.name.split()[0] for change, one in zip(CHANGES, applied, strict=True)
            if one is None] == ["reduced", "reduced"]  # fmt: skip


def test_what_moves_places_is_known_to() -> None:
    assert [change.name.split()[0] for change in MOVING] == ["turned", "turned", "mirrored", "5%"]


def test_no_two_changes_are_called_alike() -> None:
    assert len(set(NAMES)) == len(NAMES)
