"""What stands beside the figures: how many films there are, and what a reader must know of them.

Takes truths and predictions; gives counts and sentences. The figures are left to summary.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tbspot.evaluation.truth import Truth
from tbspot.records.matching import Matched
from tbspot.samples.counting import patient_notes

__all__ = ["counts_of", "notes_of"]


def counts_of(truths: Sequence[Truth], judged: Matched) -> dict[str, int]:
    """Films, labels and statuses of predictions, by what the report calls them.

    Args:
        truths: of the films reported on.
        judged: predictions of the same films, in the same order.
    """
    statuses = [one.status if one else "missing" for one in judged.predictions]
    return {
        "films": len(truths),
        "TB": sum(truth.sample.label == 1 for truth in truths),
        "TB with a box": sum(truth.is_boxed for truth in truths),
        "not TB": sum(truth.sample.label == 0 for truth in truths),
        **{f"prediction {status}": statuses.count(status) for status in dict.fromkeys(statuses)},
    }


def notes_of(truths: Sequence[Truth], models: Mapping[str, Matched]) -> list[str]:
    """What a reader must know of films that could not be judged, or are not independent.

    Args:
        truths: of the films reported on.
        models: predictions of the same films, in the same order, by the name of the model; of the
            model judged under the empty name.
    """
    notes = patient_notes([truth.sample for truth in truths])
    for name, films in models.items():
        absent = [
            truth.sample.name
            for truth, one in zip(truths, films.predictions, strict=True)
            if one is None or one.status != "ok"
        ]
        whose = f"of {name} " if name else ""
        notes += [f"{name}: {note}" if name else note for note in films.notes]
        if absent:
            notes.append(
                f"films without a usable prediction {whose}count 0 in localization and are left "
                f"out of classification: {len(absent):,} (first: {', '.join(absent[:3])})"
            )
        notes += _size_note(truths, films, whose)
    lost = [one.sample.name for one in truths if one.is_boxed and not len(one.boxes)]
    if lost:
        notes.append(
            f"boxed films that cannot be read count 0 for every row: {len(lost):,} "
            f"(first: {', '.join(lost[:3])})"
        )
    boxless = sum(one.sample.label == 1 and not one.is_boxed for one in truths)
    if boxless:
        notes.append(f"TB films without a box, not judged in localization: {boxless:,}")
    return notes


def _size_note(truths: Sequence[Truth], films: Matched, whose: str) -> list[str]:
    other = [
        truth.sample.name
        for truth, one in zip(truths, films.predictions, strict=True)
        if truth.is_boxed and truth.size and one and one.width and one.height
        if truth.size != (one.width, one.height)
    ]
    if not other:
        return []
    return [
        f"boxed films whose predictions {whose}were made on a copy of another size, compared by "
        f"places on the whole film: {len(other):,} (first: {', '.join(other[:3])})"
    ]
