"""From sources to films: the one way that commands get their data.

Takes sources as typed on the command line (a folder, or a CSV file with `?column=name`); gives
their films, each in one split, and notes for the user. Reading each layout is left to the modules
beside this one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from tbspot.errors import TbspotError
from tbspot.samples.duplicates import copies, without_training_copies
from tbspot.samples.given import checked
from tbspot.samples.names import stem, without_ending
from tbspot.samples.reading import Reading, as_sought
from tbspot.samples.sample import Sample
from tbspot.samples.sources import read_source
from tbspot.samples.splitting import (
    SHARES,
    divide,
    our_split,
    read_split,
    refuse_other_letters,
    shared_patient_notes,
)
from tbspot.samples.tbx11k import official_split

__all__ = [
    "Loaded",
    "Source",
    "films_of",
    "in_split",
    "load",
    "require_both_classes",
    "require_positives",
]

# What films are named by: a path with options, or films that were read already.
Source: TypeAlias = str | Reading


@dataclass(frozen=True)
class Loaded:
    """What sources hold.

    Attributes:
        samples: films, each with a split.
        notes: sentences for the user about what was found.
        dropped: films of splits that are trained on, left out because they are copies of films in
            another split.
    """

    samples: tuple[Sample, ...]
    notes: tuple[str, ...]
    dropped: tuple[Sample, ...] = ()

    @property
    def every(self) -> tuple[Sample, ...]:
        """All films, those left out too: no prediction of one of them is another film's."""
        return (*self.samples, *self.dropped)


def load(
    sources: Sequence[Source],
    split_file: Path | None = None,
    seed: int = 0,
    trained: str = "train",
    *,
    divided: bool = True,
) -> Loaded:
    """Read sources and combine them.

    Args:
        sources: folders or CSV files, with options after a question mark; or what a reader of
            another layout read.
        split_file: from `tbspot prepare`; without it films that come without a split are divided
            by patient.
        seed: of that division.
        trained: the split that is trained on, as `in_split` names it: films of it are left out
            that are copies of films in others.
        divided: whether films that come without a split are given one; who takes all films needs
            none.

    Raises:
        TbspotError: a source, a film or the split file is absent or wrong, they contradict each
            other, or a class that a source lists has no film left.
        TypeError: a reading holds what is no film.
    """
    readings = [checked(one) if isinstance(one, Reading) else read_source(one) for one in sources]
    samples = _distinct([_renamed(one) for reading in readings for one in reading.samples])
    _require_listed_classes(samples, readings)
    notes = [note for reading in readings for note in reading.notes]
    notes.extend(_boxed_without_tb_note(samples))
    if split_file is not None:
        samples = read_split(split_file, samples)
    elif divided:
        notes.extend(_division_notes(samples, seed))
        samples = divide(samples, seed, _copies_to_divide(samples))
    refuse_other_letters(samples)
    notes.extend(shared_patient_notes(samples))
    kept, dropped, told = without_training_copies(samples, _splits_of(trained))
    return Loaded(kept, (*notes, *told), dropped)


def films_of(sources: Sequence[Source], split_file: Path | None = None) -> Iterator[Path]:
    """Where all films of sources lie; they are read when the first path is asked for.

    Raises:
        TbspotError: as `load`.
    """
    if sources:
        yield from (one.path for one in load(sources, split_file).every)


def in_split(samples: Sequence[Sample], name: str) -> tuple[Sample, ...]:
    """The films of a split.

    Args:
        samples: films with their splits.
        name: of the split. `training` is `train`, `tuning` is `tune`; `trainval` is `train` and
            `val`; an official list's name (`TBX11K_val`) means the films of TBX11K only.

    Raises:
        TbspotError: no film is in that split.
    """
    names = _splits_of(name)
    official = name.startswith("TBX11K_")
    found = tuple(
        one for one in samples if one.split in names and (one.source == "tbx11k" or not official)
    )
    if not found:
        present = ", ".join(sorted({one.split for one in samples})) or "none"
        raise TbspotError(f"no film is in split {name!r}; there are: {present}")
    return found


def _splits_of(name: str) -> tuple[str, ...]:
    wanted = official_split(name)
    return ("train", "val") if wanted == "trainval" else (our_split(wanted),)


def require_positives(samples: Sequence[Sample], what: str) -> None:
    """Refuse films without TB among them.

    Raises:
        TbspotError: no film is labelled TB.
    """
    if not any(one.label for one in samples):
        raise TbspotError(
            f"{what} has no film with TB; add a source that has, or name another split"
        )


def require_both_classes(samples: Sequence[Sample], what: str) -> None:
    """Refuse films of one class only.

    Raises:
        TbspotError: all films, or none, are labelled TB.
    """
    require_positives(samples, what)
    if all(one.label for one in samples):
        raise TbspotError(
            f"{what} has only films with TB; add a source of films without it, "
            "or name another split"
        )


def _renamed(sample: Sample) -> Sample:
    return replace(sample, split=our_split(sample.split))


def _distinct(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """The films without repetitions of the same file in the same split.

    Of a film that is listed again what only one list knows is kept: boxes, patient, split.
    """
    paths: dict[tuple[str, str], Path] = {}
    for one in samples:
        other = paths.setdefault((one.source, one.name), one.path)
        if other != one.path:
            raise TbspotError(
                f"two films of source {one.source} are called {one.name} ({other} and {one.path}); "
                "use one of them, or list the films in a CSV file with a column of sources"
            )
    _refuse_contradictions(samples)
    splits: dict[Path, dict[str, None]] = defaultdict(dict)
    for one in samples:
        if one.split:
            splits[one.path][one.split] = None
    films: dict[tuple[Path, str], Sample] = {}
    for one in samples:
        for split in (one.split,) if one.split else (splits.get(one.path) or ("",)):
            film = replace(one, split=split)
            first = films.setdefault((one.path, split), film)
            films[one.path, split] = _combined(first, film)
    return tuple(films.values())


def _combined(first: Sample, again: Sample) -> Sample:
    """One film of two records of it: the patient of the one that names one, whose boxes are known.

    Where both do, or neither, the later one counts.
    """
    film, other = again, first
    if _names_patient(first) and not _names_patient(again):
        film, other = first, again
    if film.boxes is not None or other.boxes is None:
        return film
    return replace(film, boxes=other.boxes, size=other.size)


def _names_patient(one: Sample) -> bool:
    """Whether its list says of whom a film is; readers call others by the film's name."""
    return one.patient not in (without_ending(one.name), stem(one.name))


def _refuse_contradictions(samples: Sequence[Sample]) -> None:
    """Refuse films that are listed with two labels, or with boxes or patients that differ."""
    firsts: dict[Path, Sample] = {}
    patients: dict[Path, str] = {}
    for one in samples:
        first = firsts.setdefault(one.path, one)
        if first.label != one.label:
            raise TbspotError(f"{one.path} is listed as TB and as not TB; correct one of the lists")
        # Where nobody looked for boxes in one list, the other does not contradict it.
        if first.boxes != one.boxes and None not in (first.boxes, one.boxes):
            raise TbspotError(
                f"{one.path} is listed again with other boxes; correct one of the lists"
            )
        if _names_patient(one) and patients.setdefault(one.path, one.patient) != one.patient:
            raise TbspotError(
                f"{one.path} is listed as of the patient {patients[one.path]!r} and of "
                f"{one.patient!r}; correct one of the lists"
            )


def _boxed_without_tb_note(samples: Sequence[Sample]) -> tuple[str, ...]:
    """The sentence on films that are not TB and have boxes, which may be of another disease."""
    boxed = {one.path: one.name for one in samples if not one.label and one.boxes}
    if not boxed:
        return ()
    first = ", ".join(list(boxed.values())[:3])
    return (
        f"films without TB that have boxes, which are not judged: {len(boxed):,} (first: {first}); "
        "if these are of TB, correct the labels",
    )


def _require_listed_classes(samples: Sequence[Sample], readings: Sequence[Reading]) -> None:
    absent = sum((reading.absent for reading in readings), Counter[int]())
    present = {one.label for one in samples}
    firsts = [one.first_absent for one in readings if one.first_absent]
    sought = f" ({as_sought(firsts[0])})" if firsts else ""
    for label, name in ((1, "with TB"), (0, "without TB")):
        if absent[label] and label not in present:
            raise TbspotError(
                f"none of the {absent[label]:,} listed films {name} exists{sought}; "
                "check that the films lie beside the lists"
            )
    if not samples:
        raise TbspotError("the data hold no film; check the paths")


def _copies_to_divide(samples: Sequence[Sample]) -> list[list[Sample]]:
    """Groups of copies with a film among them that has no split, in whatever order they come."""
    if all(one.split for one in samples):
        return []
    groups = copies(sorted(samples, key=lambda one: (one.source, one.name)))
    return [group for group in groups if not all(one.split for one in group)]


def _division_notes(samples: Sequence[Sample], seed: int) -> list[str]:
    counts = Counter(one.source for one in samples if not one.split)
    shares = ", ".join(f"{name} {share:.0%}" for name, share in SHARES.items())
    return [
        f"{source}: films without a split, divided by patient: {count:,} ({shares}; seed {seed})"
        for source, count in counts.items()
    ]
