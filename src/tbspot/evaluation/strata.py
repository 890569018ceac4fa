"""Parts of the boxed films: by kind of lesion, sides, area, number of boxes.

Takes the truth; gives which films belong to which part. No prediction is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tbspot.evaluation.truth import Truth
from tbspot.maps.boxes import SIDE
from tbspot.metrics import one_sided
from tbspot.samples.sample import LesionKind

__all__ = ["AREA", "Part", "parts_of"]

KINDS: dict[LesionKind, str] = {"active": "active only", "latent": "latent only"}
# What divides films by the area of their lesions.
AREA = "lesion area"
MIXED = "mixed or uncertain"
THIRDS = ("small", "middle", "large")


@dataclass(frozen=True)
class Part:
    """Some of the boxed films.

    Attributes:
        group: what divides the films.
        name: of the part.
        places: in the split.
    """

    group: str
    name: str
    places: frozenset[int]


def parts_of(truths: Sequence[Truth]) -> tuple[Part, ...]:
    """The protocol's strata; each group's parts together hold every readable boxed film once."""
    boxed = {
        place: truth for place, truth in enumerate(truths) if truth.is_boxed and len(truth.boxes)
    }
    kind = {place: _kind(truth) for place, truth in boxed.items()}
    sides = {
        place: "one-sided" if one_sided(truth.boxes, SIDE) else "two-sided"
        for place, truth in boxed.items()
    }
    number = {
        place: "one box" if len(truth.boxes) == 1 else "several boxes"
        for place, truth in boxed.items()
    }
    return (
        *_parts("lesion", kind, (*KINDS.values(), MIXED)),
        *_parts("sides", sides, ("one-sided", "two-sided")),
        *_parts(AREA, _thirds(boxed), THIRDS),
        *_parts("boxes", number, ("one box", "several boxes")),
    )


def _kind(truth: Truth) -> str:
    kinds = {box.kind for box in truth.sample.boxes or ()}
    return KINDS.get(kinds.pop(), MIXED) if len(kinds) == 1 else MIXED


def _thirds(boxed: dict[int, Truth]) -> dict[int, str]:
    areas = {place: truth.mask().mean() for place, truth in boxed.items()}
    if not areas:
        return {}
    limits = np.quantile(list(areas.values()), (1 / 3, 2 / 3))
    return {place: THIRDS[int(np.searchsorted(limits, area))] for place, area in areas.items()}


def _parts(group: str, names: dict[int, str], wanted: Sequence[str]) -> list[Part]:
    return [
        Part(group, name, frozenset(place for place, other in names.items() if other == name))
        for name in wanted
    ]
