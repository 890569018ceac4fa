"""How many films of each source, class and split there are, and what that warns of.

Takes films; gives counts and sentences. Printing them is left to the command line.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from tbspot.samples.sample import Sample

__all__ = ["balance_notes", "count"]


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
