from __future__ import annotations

import numpy as np

from tbspot.audit.probes import erased, probe


def test_of_a_film_that_is_lung_field_throughout_nothing_is_left() -> None:
    film, field = np.full((1, 1), 0.4, np.float32), np.ones((1, 1), bool)
    assert erased(film, field).tolist() == [[0]]
    assert all(np.isfinite(values).all() for values in probe(film, field).values())


def test_the_lung_field_is_filled_with_the_mean_of_the_rest() -> None:
    film, field = np.array([[0.2, 0.4, 0.9]], np.float32), np.array([[False, False, True]])
    np.testing.assert_allclose(erased(film, field), [[0.2, 0.4, 0.3]], atol=1e-6)
