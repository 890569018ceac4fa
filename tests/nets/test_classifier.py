from __future__ import annotations

import math

import pytest
import torch

from tbspot.description import Description
from tbspot.nets.classifier import Classifier, pool
from tbspot.nets.refinement import refine
from tbspot.nets.weights import build_classifier

POOLINGS = ["mean", "lse", "pcam"]
PLACES = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0))
SMALL = Description(name="small", size=32, output_stride=8, pooling="lse")


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    """A net whose head says something."""
    net = build_classifier(SMALL)
    torch.nn.init.normal_(net.head.weight, generator=torch.Generator().manual_seed(0))
    net.bias.data.fill_(-1.5)
    return net.eval()


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_map_of_one_value_pools_to_that_value(pooling: str) -> None:
    pooled = pool(torch.full((2, 3, 3), -1.25), pooling)
    assert pooled.tolist() == pytest.approx([-1.25, -1.25])


@pytest.mark.parametrize("pooling", ["lse", "pcam"])
def test_a_pooling_that_looks_at_high_places_lies_between_mean_and_maximum(pooling: str) -> None:
    pooled = pool(PLACES, pooling)
    assert (pooled > PLACES.mean((1, 2))).all()
    assert (pooled < PLACES.amax((1, 2))).all()


@pytest.mark.parametrize("pooling", POOLINGS)
def test_it_does_not_matter_where_a_place_is(pooling: str) -> None:
    torch.testing.assert_close(pool(PLACES.flip(1, 2), pooling), pool(PLACES, pooling))


def test_poolings_of_two_places_are_the_values_computed_by_hand() -> None:
    # (ln(e^0 + e^5) - ln 2) / 5
    assert pool(torch.tensor([[[0.0, 1.0]]]), "lse").item() == pytest.approx(0.862714, abs=1e-5)
    # sigmoid is 1/2 and 3/4: 0.75 ln 3 / 1.25
    places = torch.tensor([[[0.0, math.log(3)]]])
    assert pool(places, "pcam").item() == pytest.approx(0.659167, abs=1e-5)


def test_another_pooling_is_refused() -> None:
    with pytest.raises(ValueError, match="mean, lse or pcam, not max"):
        pool(PLACES, "max")


@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_logit_is_the_pooled_map_and_the_bias(classifier: Classifier, pooling: str) -> None:
    classifier.pooling = pooling
    with torch.no_grad():
        output = classifier(torch.rand(2, 1, 32, 32))
    classifier.pooling = SMALL.pooling
    assert output.map.shape == (2, 4, 4)
    assert output.map.std() > 0
    torch.testing.assert_close(output.logit, pool(output.map - 1.5, pooling))


def test_logits_and_maps_are_float32_even_under_autocast(classifier: Classifier) -> None:
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        output = classifier(torch.rand(1, 1, 32, 32))
    assert output.logit.dtype == output.map.dtype == torch.float32


def test_an_untrained_head_says_nothing() -> None:
    with torch.no_grad():
        output = build_classifier(SMALL).eval()(torch.rand(1, 1, 32, 32))
    assert output.logit.item() == 0
    assert output.map.eq(0).all()


@pytest.mark.parametrize("stages", [3, 4])
def test_a_refinement_changes_the_map_and_not_the_logit(stages: int) -> None:
    films = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    described = SMALL.model_copy(update={"stages": stages})
    classifier = build_classifier(described).eval()
    torch.nn.init.normal_(classifier.head.weight)
    refining = Classifier(described.model_copy(update={"refinement": "affinity"})).eval()
    refining.load_state_dict(classifier.state_dict())
    with torch.no_grad():
        plain, refined = classifier(films), refining(films)
        second = classifier.body.early(films)
        stages = (second, classifier.body.layer3(second))
    assert torch.equal(refined.logit, plain.logit)
    torch.testing.assert_close(refined.map, refine(plain.map, stages))
    assert not torch.equal(refined.map, plain.map)
