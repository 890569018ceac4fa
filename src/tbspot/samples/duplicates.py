"""Copies: the same film in two splits, or twice in one.

Takes films; gives them without the training copies of held-out films, copies as of one patient,
and sentences that say so. Two films are copies when their files are equal byte for
byte: that is how copies in TBX11K occur, and it costs one look at the file sizes instead of
decoding every film.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from tbspot.errors import TbspotError
from tbspot.samples.reading import sha256_of
from tbspot.samples.sample import Sample

__all__ = ["Patient", "content_of", "copies", "united", "without_training_copies"]

# Who a film is of: its source, and the patient within it.
Patient: TypeAlias = tuple[str, str]

# Digests of files that a process keeps, some 300 bytes each.
KEPT_DIGESTS = 100_000


def copies(samples: Sequence[Sample]) -> list[list[Sample]]:
    """Groups of films with equal content, in the order of their first film."""
    by_size = _groups((_size(one.path), one) for one in samples)
    alike = [one for group in by_size if len(group) > 1 for one in group]
    by_content = _groups((content_of(one.path), one) for one in alike)
    return [group for group in by_content if len(group) > 1]


def without_training_copies(
    samples: Sequence[Sample], trained: Collection[str] = ("train",)
) -> tuple[tuple[Sample, ...], tuple[Sample, ...], tuple[str, ...]]:
    """The films less those trained on that are copies of films in another split, those, and notes.

    Copies in two held-out splits are reported and kept. Copies within a split and a source are of
    one patient, whatever their names say: they are no independent films.

    Args:
        samples: films, each with a split.
        trained: the splits that are trained on; a copy in two of them stays, but not in `train`.

    Raises:
        TbspotError: a film cannot be read, or two copies of one film have different labels.
    """
    groups = copies(samples)
    _refuse_two_labels(groups)
    across = [group for group in groups if len({one.split for one in group}) > 1]
    dropped = tuple(one for group in across for one in group if _leaks(one, group, trained))
    lost = set(dropped)
    left = [[one for one in group if one not in lost] for group in groups]
    kept = _of_one_patient([one for one in samples if one not in lost], left)
    if not across:
        return kept, (), ()
    first = " and ".join(f"{one.split}: {one.path}" for one in across[0])
    note = (
        f"films that stand in more than one split: {len(across):,} (the first is {first}); "
        f"copies dropped from {' and '.join(trained)}: {len(dropped):,}"
    )
    return kept, dropped, (note,)


def united(links: Iterable[Sequence[Patient]]) -> Callable[[Patient], Patient]:
    """Who stands for a patient, where those of each link are one: the first of them."""
    names: dict[Patient, Patient] = {}

    def name(patient: Patient) -> Patient:
        while (other := names.get(patient, patient)) != patient:
            patient = other
        return patient

    for link in links:
        for one in link:
            own, first = name(one), name(link[0])
            names[own] = first
    return name


def _leaks(one: Sample, group: Sequence[Sample], trained: Collection[str]) -> bool:
    """Whether a film with copies in other splits would teach a held-out film, or a film twice."""
    outside = any(other.split not in trained for other in group)
    return one.split in trained and (outside or one.split == "train")


def _refuse_two_labels(groups: Iterable[Sequence[Sample]]) -> None:
    for group in groups:
        labels = {one.label: one.path for one in group}
        if len(labels) > 1:
            raise TbspotError(
                f"{labels[1]} is listed as TB and {labels[0]} as not TB, and both files are the "
                "same film, byte for byte; correct one of the labels, or remove both films"
            )


def _of_one_patient(
    samples: Sequence[Sample], groups: Sequence[Sequence[Sample]]
) -> tuple[Sample, ...]:
    """The films; patients with copies of one film of a split have the name of the first."""
    links: dict[tuple[int, str, str], list[Patient]] = defaultdict(list)
    for number, group in enumerate(groups):
        for one in group:
            links[number, one.source, one.split].append((one.source, one.patient))
    name = united(links.values())
    return tuple(replace(one, patient=name((one.source, one.patient))[1]) for one in samples)


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


def content_of(path: Path) -> str:
    """SHA-256 of a film's file, read once as long as the file stays as it is.

    Raises:
        TbspotError: it cannot be read.
    """
    try:
        status = path.stat()
        told = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        return _content(path, told)
    except OSError as error:
        raise TbspotError(f"{path} cannot be read: {error.strerror}; check the file") from error


@lru_cache(KEPT_DIGESTS)
def _content(path: Path, _told: tuple[int, ...]) -> str:
    return sha256_of(path)
