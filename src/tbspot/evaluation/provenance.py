"""What an evaluation is of, and whether another lies where it is to be written.

Takes settings and films; gives a `Provenance`, or refuses. What is judged is left to protocol.py.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tbspot import __version__
from tbspot.errors import TbspotError
from tbspot.evaluation.per_film import TOLERANCE
from tbspot.evaluation.settings import EvaluationSettings
from tbspot.files import fingerprint
from tbspot.maps.boxes import SIDE
from tbspot.pathnames import as_text
from tbspot.records.evaluation import FILE_NAME, Provenance, read_evaluation
from tbspot.records.figures import Drawing
from tbspot.samples.loading import in_split, load
from tbspot.samples.sample import Sample

__all__ = ["data_of", "predictions_of", "provenance_of", "refuse_another"]


def provenance_of(
    samples: Sequence[Sample],
    predictions: str,
    data: tuple[str, ...],
    split: str,
    drawing: Drawing,
) -> Provenance:
    """What an evaluation was made of, and how.

    Args:
        samples: films reported on, with their truth.
        predictions: where those of the model judged come from.
        data: where the films come from.
        split: what the films are called.
        drawing: of intervals.
    """
    return Provenance(
        tbspot=__version__,
        predictions=predictions,
        data=data,
        split=split,
        truth=_truth(samples),
        side=SIDE,
        tolerance=TOLERANCE,
        resamples=drawing.resamples,
        seed=drawing.seed,
    )


def refuse_another(settings: EvaluationSettings) -> None:
    """Refuse to replace the evaluation of another model, split or data.

    Raises:
        TbspotError: there is one where this one is to be written, or the data are absent or wrong.
    """
    path = settings.out / FILE_NAME
    if not path.exists():
        return
    remedy = "choose another --out, or add --overwrite to replace it"
    there = read_evaluation(settings.out, remedy).provenance
    given = (predictions_of(settings), data_of(settings), as_text(settings.split))
    if (there.predictions, there.data, there.split) != given:
        of = f"of split {there.split} of {', '.join(there.data)}"
    elif there.truth != _truth(_reported(settings)):
        of = f"of split {there.split} of other films, labels or boxes"
    else:
        return
    raise TbspotError(f"{path} is the evaluation {of}; {remedy}")


def predictions_of(settings: EvaluationSettings) -> str:
    """Where the judged predictions lie, from the folder of the evaluation."""
    return as_text(Path(os.path.relpath(settings.predictions, settings.out)).as_posix())


def data_of(settings: EvaluationSettings) -> tuple[str, ...]:
    """Sources of the films, as records hold them."""
    return tuple(map(as_text, settings.data))


def _reported(settings: EvaluationSettings) -> tuple[Sample, ...]:
    return in_split(load(settings.data, settings.split_file).samples, settings.split)


def _truth(samples: Sequence[Sample]) -> str:
    """Fingerprint of films, labels and boxes."""
    return fingerprint(
        *(
            as_text(f"{one.source} {one.name} {one.label} {one.boxes}").encode()
            for one in sorted(samples, key=lambda one: (one.source, one.name))
        )
    )
