import numpy as np
import pytest
from numpy.typing import NDArray

from engines import DESCRIPTION, bright
from tbspot.engine.engine import Answer
from tbspot.errors import TbspotError
from tbspot.export.agreement import compare, observations

LEFT = np.zeros((8, 8), np.float32)
LEFT[2:6, :4] = 1


def test_an_engine_agrees_with_itself() -> None:
    films = [np.random.default_rng(seed).random((64, 64)).astype(np.float32) for seed in range(3)]
    answers = observations(bright, DESCRIPTION.model_copy(update={"output_stride": 8}), films)
    agreement = compare(answers, answers, DESCRIPTION)
    assert (agreement.films, agreement.score, agreement.mask) == (3, 0, 1)


def test_the_worst_film_counts() -> None:
    one = [(0.5, LEFT), (0.5, LEFT)]
    other = [(0.5, LEFT), (0.7, LEFT[:, ::-1].copy())]
    agreement = compare(one, other, DESCRIPTION)
    assert agreement.score == pytest.approx(0.2)
    assert agreement.mask < 0.1
    assert agreement.mean_mask == pytest.approx((1 + agreement.mask) / 2)


def test_two_maps_without_evidence_agree_and_one_does_not() -> None:
    empty = np.zeros((8, 8), np.float32)
    assert compare([(0.5, empty)], [(0.5, empty)], DESCRIPTION).mask == 1
    assert compare([(0.5, empty)], [(0.5, LEFT)], DESCRIPTION).mask == 0


def test_answers_that_are_not_finite_are_refused() -> None:
    def broken(films: NDArray[np.float32]) -> Answer:
        logits, maps = bright(films)
        return logits * np.nan, maps

    with pytest.raises(TbspotError, match="no finite answer"):
        observations(broken, DESCRIPTION, [LEFT])
