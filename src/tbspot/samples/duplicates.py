"""Copies: the same film in two splits, or twice in one.

Takes films with their splits; gives them without the training copies of held-out films, copies as
of one patient, and sentences that say so. Two films are copies when their files are equal byte for
byte: that is how copies in TBX11K occur, and it costs one look at the file sizes instead of
decoding every film.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from tbspot.errors import TbspotError
from tbspot.samples.reading import sha256_of
from tbspot.samples.sample import Sample

__all__ = ["copies", "without_training_copies"]


def copies(samples: Sequence[Sample]) -> list[list[Sample]]:
    """Groups of films with equal content, in the order of their first film."""
    by_size = _groups((_size(one.path), one) for one in samples)
    alike = [one for group in by_size if len(group) > 1 for one in group]
    by_content = _groups((_content(one.path), one) for one in alike)
    return [group for group in by_content if len(group) > 1]


def without_training_copies(
    samples: Sequence[Sample],
) -> tuple[tuple[Sample, ...], tuple[Sample, ...], tuple[str, ...]]:
    """The films less those in `train` that are copies of films in another split, those, and notes.

    Copies in two held-out splits are reported and kept. Copies within a split and a source are of
    one patient, whatever their names say: they are no independent films.
    """
    groups = copies(samples)
    across = [group for group in groups if len({one.split for one in group}) > 1]
    dropped = tuple(one for group in across for one in group if one.split == "train")
    lost = set(dropped)
    left = [[one for one in group if one not in lost] for group in groups]
    kept = _of_one_patient([one for one in samples if one not in lost], left)
    if not across:
        return kept, (), ()
    first = " and ".join(f"{one.split}: {one.path}" for one in across[0])
    note = (
        f"films that stand in more than one split: {len(across):,} (the first is {first}); "
        f"copies dropped from train: {len(dropped):,}"
    )
    return kept, dropped, (note,)


def _of_one_patient(
    samples: Sequence[Sample], groups: Sequence[Sequence[Sample]]
) -> tuple[Sample, ...]:
    """The films; patients with copies of one film of a split have the name of the first."""
    names: dict[tuple[str, str], str] = {}

    def name(source: str, patient: str) -> str:
        while (other := names.get((source, patient), patient)) != patient:
            patient = other
        return patient

    for group in groups:
        firsts: dict[tuple[str, str], str] = {}
        for one in group:
            own = name(one.source, one.patient)
            first = firsts.setdefault((one.source, one.split), own)
            names[one.source, own] = name(one.source, first)
    return tuple(
        replace(one, patient=name(one.source, one.patient))
        if (one.source, one.patient) in names
        else one
        for one in samples
    )


def _groups(keyed: Iterable[tuple[Hashable, Sample]]) -> list[list[Sample]]:
    groups: dict[Hashable, list[Sample]] = defaultdict(list)
    for key, one in keyed:
        groups[key].append(one)
    return list(groups.values())


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise TbspotError(f"{path} cannot be read: {error.strerror}; check the file") from error


def _content(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise TbspotError(f"{path} cannot be read: {error.strerror}; check the file") from error
