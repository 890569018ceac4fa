from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tbspot.nets.refinement import refine


def _random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _two_halves() -> Tensor:
    """Features of 8 x 8 places: the left half has one vector, the right half its opposite."""
    features = torch.ones(1, 3, 8, 8)
    features[..., 4:] = -1
    return features


def test_evidence_stays_within_what_looks_alike() -> None:
    places = torch.zeros(1, 8, 8)
    places[0, 4, 3] = 1
    refined = refine(places, [_two_halves()])[0]
    assert (refined[:, 4:] == 0).all()
    assert (refined[3:6, 2:4] > 0).all()


def test_nearer_places_share_more() -> None:
    places = torch.zeros(1, 8, 8)
    places[0, 4, 0] = 1
    row = refine(places, [_two_halves()])[0, 4, :4]
    assert (row.diff() < 0).all()


def test_a_mean_of_two_places_is_the_one_computed_by_hand() -> None:
    # Distance 1/2 of the side: exp(-(1/2)^2 * 12^2 / 2) = exp(-18); the cosine is -1, so none.
    opposite = torch.tensor([[[[1.0, -1.0]]]])
    places = torch.tensor([[[2.0, 4.0]]])
    assert torch.equal(refine(places, [opposite]), places)
    # Three places of a side of three: the outer ones are alike, at 2/3, and exp(-32) is nothing.
    alike = torch.tensor([[[[1.0, -2.0, 1.0]]]])
    torch.testing.assert_close(
        refine(torch.tensor([[[1.0, 5.0, 3.0]]]), [alike]), torch.tensor([[[1.0, 5.0, 3.0]]])
    )
    # 24 places, two neighbours alike: weights 1 and exp(-1/8), evidence 0 and 1.
    line = torch.full((1, 1, 1, 24), -1.0)
    line[..., 10:12] = 1.0
    places = torch.zeros(1, 1, 24)
    places[..., 11] = 1
    share = torch.exp(torch.tensor(-1 / 8))
    torch.testing.assert_close(refine(places, [line])[0, 0, 10], share / (1 + share))


@given(st.integers(0, 2**16))
def test_a_refined_map_lies_between_nothing_and_the_greatest_evidence(seed: int) -> None:
    places = _random(2, 6, 5, seed=seed)
    refined = refine(places, [_random(2, 7, 12, 10, seed=seed + 1)])
    assert refined.min() >= 0
    assert (refined.amax((1, 2)) <= places.relu().amax((1, 2)) + 1e-5).all()


def test_equal_evidence_stays_as_it_is() -> None:
    places = torch.full((1, 6, 5), 0.75)
    torch.testing.assert_close(refine(places, [_random(1, 7, 12, 10)]), places)


def test_the_mirrored_film_has_the_mirrored_map() -> None:
    places, features = _random(1, 6, 6), _random(1, 4, 12, 12)
    mirrored = refine(places.flip(-1), [features.flip(-1)])
    torch.testing.assert_close(mirrored, refine(places, [features]).flip(-1))


def test_a_film_without_structure_has_no_evidence_and_no_nan() -> None:
    assert torch.equal(refine(torch.ones(1, 4, 4), [torch.ones(1, 3, 8, 8)]), torch.zeros(1, 4, 4))


def test_films_of_a_batch_do_not_know_of_each_other() -> None:
    places, features = _random(3, 4, 4), _random(3, 5, 8, 8)
    alone = torch.cat([refine(places[i : i + 1], [features[i : i + 1]]) for i in range(3)])
    torch.testing.assert_close(refine(places, [features]), alone)
