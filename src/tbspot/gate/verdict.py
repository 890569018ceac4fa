"""Is this a film to be judged? Abstain with a reason where it is not.

Takes a film with its facts; gives a verdict and the film to judge (an inverted one is set
right). What a chest looks like is left to chest.py, what a verdict does to a batch to locating/.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tbspot.gate.borders import Area, crop, inner_areas
from tbspot.gate.chest import look, threshold
from tbspot.images import Facts, Film, resize

__all__ = ["Remark", "Verdict", "examine"]

Code = Literal[
    "blank", "cropped", "inverted", "lateral", "mirrored", "not_chest", "saturated", "small",
    "turned", "child", "for_processing", "tags", "border", "result",
]  # fmt: skip

LEAST_SIDE = 200
# A chest is at most about a third longer than wide, or wider than long; halves are not whole.
MOST_ASPECT = 2.0
# Two films beside each other are longer than wide, or wider than long; so are the commonest single
# ones, of 35 x 43 cm and 14 x 17 inches.
PAIR_ASPECT = 1.2
# The least probability of `chest` of each half then: of a single film, both are hardly ever so.
PAIR_HALF = 0.2
PAIR_SIDE = 128  # pixels that are enough to see it
# A plain border that takes up more than this share of the picture is left out even where the whole
# passes: it takes pixels from the film, and scores fall.
MOST_BORDER = 0.2
# Films of ../shared span at least 0.48 between their 1 and 99 percentile.
LEAST_SPAN = 0.1
# Their black and white together take up at most 0.65, nearly all of it outside the body.
MOST_EXTREME = 0.8
EXTREME = 2 / 255
ADULT = 15
# Codes under which a plain X-ray film may come, RF from units for fluoroscopy too; others are of
# other machines.
FILM_MODALITIES = ("", "CR", "DX", "RF", "RG", "OT", "SC")


@dataclass(frozen=True)
class Remark:
    """One thing that is not as it should be: a code, a sentence, and whether it refuses."""

    code: Code
    sentence: str
    refuses: bool


@dataclass(frozen=True, eq=False)
class Verdict:
    """What the gate says of a film.

    Attributes:
        film: the film to judge: the one that was examined, set right where it was inverted.
        remarks: what is not as it should be; refusals first.
        area: of the film that is to be judged, in its pixels, where a plain border was left out;
            `None` = all of it.
    """

    film: Film
    remarks: tuple[Remark, ...]
    area: Area | None = None

    @property
    def status(self) -> Literal["ok", "warn", "refused"]:
        """`refused` if any remark refuses, `warn` if there are others, else `ok`."""
        if not self.remarks:
            return "ok"
        return "refused" if self.remarks[0].refuses else "warn"

    @property
    def as_it_is(self) -> bool:
        """Whether the film is to be judged, and need not be inverted for it."""
        return self.status != "refused" and "inverted" not in self.codes

    @property
    def codes(self) -> tuple[Code, ...]:
        """All remarks' codes, refusals first."""
        return tuple(remark.code for remark in self.remarks)

    @property
    def code(self) -> Code | None:
        """The first remark's code."""
        return self.remarks[0].code if self.remarks else None

    @property
    def reason(self) -> str | None:
        """The remarks' sentences as one."""
        return "; ".join(remark.sentence for remark in self.remarks) or None


def examine(film: Film) -> Verdict:
    """Say whether a film is to be judged, by its tags, its size, its values and its look.

    A film that does not look like one as it is may be a whole one inside a plain border, as of a
    photograph or a screen: then it is judged inside it. So is one with much of a border.
    """
    verdict = _examine(film)
    if any(remark.refuses for remark in _tags(film.facts)):
        return verdict
    for area in inner_areas(film.pixels):
        if verdict.as_it_is and _border_share(film, area) <= MOST_BORDER:
            continue
        inner = _examine(_part(film, area), strict=True)
        as_good = inner.as_it_is or inner.status != "refused" == verdict.status
        if as_good or (verdict.status == "refused" and _is_only_small(inner, verdict)):
            return _inside(film, area, inner)
    return verdict


def _is_only_small(inner: Verdict, whole: Verdict) -> bool:
    """Whether what is inside a border is refused for its few pixels alone, and the whole is not."""
    refusals = [remark.code for remark in inner.remarks if remark.refuses]
    if refusals != ["small"] or "small" in whole.codes:
        return False
    return not any(remark.refuses for remark in _look(inner.film, strict=True)[1])


def _examine(film: Film, *, strict: bool = False) -> Verdict:
    found = [*_tags(film.facts), *_values(film)]
    if not any(remark.code in ("small", "blank", "saturated") for remark in found):
        film, looks = _look(film, strict)
        known = {remark.code for remark in found}
        found += [remark for remark in looks if remark.code not in known]
    return Verdict(film, tuple(sorted(found, key=lambda remark: not remark.refuses)))


def _border_share(film: Film, area: Area) -> float:
    """The share of the film's pixels outside an area."""
    return 1 - crop(film.pixels, area).size / film.pixels.size


def _part(film: Film, area: Area) -> Film:
    """The film inside an area of its pixels."""
    pixels = crop(film.pixels, area)
    scales = [whole / side for whole, side in zip(film.shape, film.pixels.shape, strict=True)]
    height, width = (round(side * scale) for side, scale in zip(pixels.shape, scales, strict=True))
    return Film(pixels, film.facts, film.reduced_from and (height, width))


def _inside(film: Film, area: Area, inner: Verdict) -> Verdict:
    """What was said of the inner film, said of the whole; one set right is so with its border."""
    pixels = 1 - film.pixels if "inverted" in inner.codes else film.pixels
    whole = replace(film, pixels=pixels, facts=inner.film.facts)
    border = Remark("border", "the plain border around the film was left out", False)
    return Verdict(whole, (*inner.remarks, border), area)


def _tags(facts: Facts) -> list[Remark]:
    young = facts.age is not None and facts.age < ADULT
    set_aside = ", ".join(facts.faults)
    said: tuple[tuple[bool, Code, bool, str], ...] = (
        (facts.is_result, "result", True, "made by tbspot: a result, not a film"),
        (facts.modality not in FILM_MODALITIES, "not_chest", True,
         f"tagged {facts.modality}, not a plain chest film"),
        (facts.for_processing, "for_processing", True,
         "tagged FOR PROCESSING: raw values of a detector; export it for presentation"),
        (facts.body_part == "other", "not_chest", True, "tagged as another part of the body"),
        (facts.view == "lateral", "lateral", True,
         "tagged as a lateral view; a frontal one is needed"),
        (facts.orientation == "turned", "turned", True,
         "tagged as lying on its side or head down"),
        (facts.orientation == "mirrored", "mirrored", False,
         "tagged as mirrored: left and right are changed"),
        (young, "child", False,
         f"tagged as of a child under {ADULT}: trained on adults, not to be relied on"),
        (set_aside != "", "tags", False, f"unusable tags were set aside: {set_aside}"),
    )  # fmt: skip
    return [Remark(code, sentence, refuses) for applies, code, refuses, sentence in said if applies]


def _values(film: Film) -> list[Remark]:
    pixels, (height, width) = film.pixels, film.shape
    found = []
    if min(height, width) < LEAST_SIDE:
        sentence = f"{width} x {height} pixels are too few; {LEAST_SIDE} a side are needed"
        found.append(Remark("small", sentence, True))
    elif _times_longer(film) > MOST_ASPECT:
        found.append(Remark("cropped", f"{width} x {height} pixels are not a whole chest", True))
    low, high = np.percentile(pixels, (1, 99))
    extreme = np.mean((pixels <= EXTREME) | (pixels >= 1 - EXTREME))
    if high - low < LEAST_SPAN:
        found.append(Remark("blank", "nearly blank", True))
    elif extreme > MOST_EXTREME:
        sentence = f"saturated: {extreme:.0%} of it is plain black or white"
        found.append(Remark("saturated", sentence, True))
    return found


def _times_longer(film: Film) -> float:
    """How many times as long one side is as the other.

    Where pixels are not square it is so by their number or by their size, whichever is less: a
    wrong tag must not cost a film.
    """
    height, width = film.shape
    ratios = (height / width, height * film.facts.pixel_aspect / width)
    return min(max(ratio, 1 / ratio) for ratio in ratios)


def _look(film: Film, strict: bool) -> tuple[Film, list[Remark]]:
    """The film as it should be seen, and what it does not look like."""
    if _shows_two(film.pixels):
        return film, [LOOKS["pair"]]
    chances = look(film.pixels)
    if chances["chest"] >= threshold(strict=strict):
        return film, []
    negative = 1 - film.pixels
    if look(negative)["chest"] >= threshold(strict=True):
        said = "inverted despite its tags" if film.facts.kind == "DICOM" else "inverted"
        sentence = f"{said}: it was set right"
        facts = replace(film.facts, corrections=(*film.facts.corrections, sentence))
        return replace(film, pixels=negative, facts=facts), [Remark("inverted", sentence, False)]
    most = max(LOOKS, key=lambda kind: chances[kind])
    return film, [LOOKS[most]]


def _shows_two(pixels: NDArray[np.float32]) -> bool:
    """Whether both halves of a picture longer one way than the other look like a whole chest.

    Or both of their negatives; and more so than the whole does, either way up: a single film's
    halves may look somewhat like chests, but it does so itself.
    """
    height, width = pixels.shape
    if max(height, width) < PAIR_ASPECT * min(height, width):
        return False
    small = resize(pixels, PAIR_SIDE, PAIR_SIDE)
    halves = np.array_split(small, 2, axis=int(width > height))
    least = max(_least_chest(halves), _least_chest([1 - half for half in halves]))
    return least >= PAIR_HALF and least >= max(_chest(small), _chest(1 - small))


def _least_chest(halves: Iterable[NDArray[np.float32]]) -> float:
    return min(_chest(half) for half in halves)


def _chest(pixels: NDArray[np.float32]) -> float:
    return look(pixels)["chest"]


LOOKS = {
    "turned": Remark("turned", "does not look like an upright chest film, but turned", True),
    "part": Remark(
        "cropped", "does not look like a whole frontal chest film, but a part or side of it", True
    ),
    "pair": Remark("cropped", "shows two films; save each alone", True),
    "lateral": Remark("lateral", "looks like a lateral view; a frontal one is needed", True),
    "other": Remark("not_chest", "does not look like a frontal chest film", True),
}
