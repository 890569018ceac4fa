"""How many films of each source, class, split and patient there are, and what that warns of.

Takes films; gives counts and sentences. Printing them is left to the command line.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tbspot.samples.sample import Sample

__all__ = ["balance_notes", "count", "patient_notes", "patients_in_words", "patients_of"]


def count(samples: Sequence[Sample]) -> dict[tuple[str, int], Counter[str]]:
    """Number of films of each split, by source and label, sorted."""
    counts: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    for one in samples:
        counts[one.source, one.label][one.split] += 1
    return dict(sorted(counts.items()))


def balance_notes(samples: Sequence[Sample]) -> tuple[str, ...]:
    """Warn of splits that hold one class only, and of those where the source tells the class."""
    classes: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for one in samples:
        classes[one.split][one.source].add(one.label)
    notes = []
    for split, sources in sorted(classes.items()):
        present = set().union(*sources.values())
        if len(present) == 1:
            notes.append(
                f"split {split} holds only films {'with' if present == {1} else 'without'} TB"
            )
        elif all(len(labels) == 1 for labels in sources.values()):
            notes.append(
                f"in split {split} every source holds one class only: the source tells the label, "
                "so a figure over all sources proves nothing"
            )
    return tuple(notes)


def patients_of(samples: Sequence[Sample]) -> NDArray[np.str_]:
    """Who each film is of, `[n]`: patients of two sources are two, whatever their names."""
    return np.array([f"{one.source}\n{one.patient}" for one in samples], np.str_)


def patients_in_words(count: int) -> str:
    """A number of patients as sentences say it."""
    return "1 patient" if count == 1 else f"{count:,} patients"


def patient_notes(samples: Sequence[Sample]) -> list[str]:
    """The sentence that says of how many patients the films are, if that is not one film each."""
    patients = len(np.unique(patients_of(samples)))
    if patients == len(samples):
        return []
    return [
        f"the {len(samples):,} films are of {patients_in_words(patients)} (copies byte for "
        "byte are of one): intervals and p-values are of patients, each with all films"
    ]
