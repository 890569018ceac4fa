"""Splits: which films are for training, for tuning, for testing.

Takes films; gives films that all have a split, divided by patient with a seed or as a split file
says, and writes that file. Films that come with a split keep it.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from tbspot.errors import TbspotError
from tbspot.files import write_json
from tbspot.parsing import read_json
from tbspot.pathnames import as_text
from tbspot.samples.duplicates import Patient, united
from tbspot.samples.sample import Sample
from tbspot.targets import check_target

__all__ = [
    "SHARES",
    "SplitFile",
    "check_split_target",
    "divide",
    "our_split",
    "read_split",
    "refuse_other_letters",
    "shared_patient_notes",
    "write_split",
]

SHARES = {"train": 0.8, "tune": 0.1, "test": 0.1}
# What data sets call a split of ours.
ALIASES = {"training": "train", "tuning": "tune"}


class SplitFile(BaseModel):
    """A split as it lies on disk.

    Attributes:
        seed: with which films without a split of their own were divided.
        films: the split of each film, by source and name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int
    films: dict[str, dict[str, str]]


def divide(
    samples: Sequence[Sample], seed: int = 0, copies: Sequence[Sequence[Sample]] = ()
) -> tuple[Sample, ...]:
    """Give every film without a split one of `SHARES`, by patient.

    Patients of each source and class are ordered by a hash of the seed and themselves, so the
    order of the films does not matter. A patient with a film in a split stays in that split.

    Args:
        samples: the films.
        seed: of the order.
        copies: groups of them that are one film: whoever they are of counts as one patient.
    """
    name = united([(one.source, one.patient) for one in group] for group in copies)
    who = [name((one.source, one.patient)) for one in samples]
    known = {patient: one.split for one, patient in zip(samples, who, strict=True) if one.split}
    strata: dict[tuple[str, int], list[Patient]] = defaultdict(list)
    labels: dict[Patient, int] = defaultdict(int)
    for one, patient in zip(samples, who, strict=True):
        if patient not in known:
            labels[patient] |= one.label
    for patient, label in labels.items():
        strata[patient[0], label].append(patient)
    for patients in strata.values():
        patients.sort(key=lambda patient: _order(seed, *patient))
        for place, patient in enumerate(patients):
            known[patient] = _share((place + 0.5) / len(patients))
    return tuple(
        one if one.split else replace(one, split=known[patient])
        for one, patient in zip(samples, who, strict=True)
    )


def _order(seed: int, source: str, patient: str) -> bytes:
    return hashlib.sha256(as_text(f"{seed}\n{source}\n{patient}").encode()).digest()


def _share(position: float) -> str:
    """The split in which a position between 0 and 1 falls."""
    edge = 0.0
    for name, share in SHARES.items():
        edge += share
        if position < edge:
            return name
    return name


def our_split(name: str) -> str:
    """What a split is called here: `training` is `train`, `tuning` is `tune`."""
    return ALIASES.get(name, name)


def refuse_other_letters(samples: Sequence[Sample]) -> None:
    """Refuse splits whose names differ in case alone: each would be a split of its own.

    Raises:
        TbspotError: there are two.
    """
    firsts: dict[str, Sample] = {}
    for one in samples:
        first = firsts.setdefault(our_split(one.split.casefold()), one)
        if first.split != one.split:
            raise TbspotError(
                f"{first.path} is in split {first.split!r} and {one.path} in split {one.split!r}, "
                "which are two splits; write both in the same letters"
            )


def shared_patient_notes(samples: Sequence[Sample]) -> tuple[str, ...]:
    """The sentence that warns of patients with films in more than one split, if there are any."""
    splits: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in samples:
        splits[one.source, one.patient].add(one.split)
    shared = {key: found for key, found in splits.items() if len(found) > 1}
    if not shared:
        return ()
    (source, patient), found = next(iter(shared.items()))
    return (
        f"patients with films in more than one split: {len(shared):,} (the first is "
        f"{source} {patient} in {', '.join(sorted(found))}); figures on them flatter",
    )


def check_split_target(path: Path) -> None:
    """See that a split can be written where a user named it, before films are read for it.

    Raises:
        TbspotError: a folder lies there, or a file that is no split, which is never replaced; or
            it cannot be written.
    """
    check_target(path, "a split file of `tbspot prepare`", _is_split)


def _is_split(path: Path) -> bool:
    try:
        read_json(path, SplitFile, "a split file")
    except TbspotError:
        return False
    return True


def write_split(
    path: Path, samples: Sequence[Sample], seed: int, *, overwrite: bool = False
) -> None:
    """Write the split of every film; the same split is written again without complaint.

    Raises:
        TbspotError: another split lies there and `overwrite` is not set; or another file.
    """
    check_split_target(path)
    films: dict[str, dict[str, str]] = defaultdict(dict)
    for one in sorted(samples, key=lambda one: (one.source, one.name)):
        films[one.source][one.name] = one.split
    content = SplitFile(seed=seed, films=films).model_dump()
    if path.exists() and not overwrite and not _holds(path, content):
        raise TbspotError(
            f"{path} holds another split; choose another file, or add `overwrite=True` to replace "
            "it"
        )
    write_json(path, content, named=True)


def _holds(path: Path, content: dict[str, object]) -> bool:
    try:
        return bool(json.loads(path.read_text("utf-8")) == content)
    except (OSError, ValueError):
        return False


def read_split(path: Path, samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """Give every film without a split the one that a split file says.

    Raises:
        TbspotError: the file is not a split file, does not know a film, or says another split of
            a film than the data do.
    """
    films = read_json(path, SplitFile, "a split file of `tbspot prepare`").films
    unknown = [
        one for one in samples if not one.split and one.name not in films.get(one.source, {})
    ]
    if unknown:
        raise TbspotError(
            f"{path} does not say the split of {len(unknown):,} films, "
            f"{unknown[0].path} among them; run `tbspot prepare` again"
        )
    _refuse_contradiction(path, films, samples)
    return tuple(
        one if one.split else replace(one, split=our_split(films[one.source][one.name]))
        for one in samples
    )


def _refuse_contradiction(
    path: Path, films: dict[str, dict[str, str]], samples: Sequence[Sample]
) -> None:
    # An edited line would be read over in silence. A film may be listed in two splits.
    own: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in samples:
        own[one.source, one.name].add(one.split)
    for one in samples:
        said = our_split(films.get(one.source, {}).get(one.name, one.split))
        if one.split and said not in own[one.source, one.name]:
            raise TbspotError(
                f"{path} says that {one.path} is in split {said!r}, and its data set that it is in "
                f"{one.split!r}; change it in the data set's own list, or run `tbspot prepare` "
                "again"
            )
