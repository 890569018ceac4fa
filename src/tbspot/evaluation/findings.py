"""Findings and truth to an evaluation, as a caller of the library has them.

Takes findings, or files of any model's predictions, and films with their truth; gives the figures
that `tbspot evaluate` gives. How they are computed is left to protocol.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tbspot.errors import DataError, told_as
from tbspot.evaluation.foreign import matched
from tbspot.evaluation.protocol import evaluate_matched
from tbspot.evaluation.settings import JUDGED
from tbspot.locating.finding import Finding
from tbspot.pathnames import as_given_path
from tbspot.records.evaluation import Evaluation
from tbspot.records.figures import Drawing
from tbspot.records.matching import Matched, Predictions, match
from tbspot.records.predictions import Prediction
from tbspot.samples.loading import Loaded, Source, in_split, load
from tbspot.samples.reading import Reading
from tbspot.samples.sample import Sample

__all__ = ["evaluate"]

# What sentences call the findings of the model judged.
LIST = "the list of findings"

FindingsSource = Iterable[Finding] | str | os.PathLike[str]
TruthSource = str | os.PathLike[str] | Reading | Sequence[Sample]


def evaluate(
    findings: FindingsSource,
    truth: TruthSource,
    *,
    split: str | None = None,
    controls: Mapping[str, FindingsSource] | None = None,
    resamples: int = 10_000,
    seed: int = 0,
) -> Evaluation:
    """Judge a model's findings by the protocol of docs/protocol.md.

    Args:
        findings: of `Model.locate_many`, which may be streamed: of each the line and the small map
            are kept; or a path: a folder of `tbspot locate`, COCO results or a CSV of boxes of
            any model, or a folder of its maps.
        truth: films with labels and boxes: a data set's folder or CSV file, what a reader of
            another layout read, or the films themselves.
        split: name of the split to report on; `None` = all films.
        controls: other models' findings of the same films, or paths as above, by the name of each;
            `teacher` is the model's teacher. The `difference` of each row is paired, film by film.
        resamples: bootstrap samples and sign flips, 100 or more.
        seed: of them.

    Returns:
        Figures with intervals, controls and strata, as evaluation.json has them;
        `contenders[0]` is the model, then come the controls. `model_dump()` makes a dict of it.

    Raises:
        DataError: the truth cannot be read, findings and films do not belong together, or a number
            is out of its range.
        TypeError: what is given as findings, as films, as controls or as a split, are none.
    """
    if not isinstance(split, str | None):
        raise TypeError(f"`split` is the name of a split, not {split!r}")
    others = {} if controls is None else controls
    if not isinstance(others, Mapping) or not all(isinstance(one, str) and one for one in others):
        raise TypeError(f"`controls` are findings by the name of their model, not {others!r}")
    with told_as(DataError):
        drawing = Drawing(resamples, seed)  # refused before hours of findings are asked for
        loaded = _loaded(truth, divided=split is not None)
        samples = loaded.samples if split is None else in_split(loaded.samples, split)
        models = {
            name: _matched(given, samples, loaded, f"{LIST} of {name}" if name else LIST)
            for name, given in {JUDGED: findings, **others}.items()
        }
        return evaluate_matched(
            models,
            samples,
            split="all films" if split is None else split,
            drawing=drawing,
            data=(str(truth),) if not _are_samples(truth) else ("films given",),
            notes=loaded.notes,
        )


def _loaded(truth: TruthSource, *, divided: bool) -> Loaded:
    source: Source
    if isinstance(truth, (str, os.PathLike)):
        source = str(as_given_path(truth, "truth"))
    elif isinstance(truth, Reading):
        source = truth
    elif isinstance(truth, Iterable):
        source = Reading(tuple(truth))
    else:
        raise TypeError(f"{truth!r} are no films; give a data set, a Reading or a list of Samples")
    return load([source], divided=divided)


def _are_samples(truth: TruthSource) -> bool:
    return not isinstance(truth, (str, os.PathLike, Reading))


def _matched(
    findings: FindingsSource, samples: Sequence[Sample], loaded: Loaded, source: str
) -> Matched:
    what = "the films given as truth"
    if isinstance(findings, (str, os.PathLike)):
        return matched(as_given_path(findings, "findings"), samples, what, loaded.every)
    if not isinstance(findings, Iterable):
        raise TypeError(f"{findings!r} are no findings; give those of a model, or a path")
    maps: dict[str, NDArray[np.float32]] = {}

    def lines() -> Iterator[Prediction]:
        for finding in findings:
            if not isinstance(finding, Finding):
                raise TypeError(f"{finding!r} is no finding; give those of a model, or a path")
            if finding.evidence is not None:
                maps[finding.image] = finding.evidence
            yield finding.prediction.model_copy(update={"boxes": ()})

    def read_map(prediction: Prediction) -> NDArray[np.float32]:
        return maps[prediction.image]

    given = Predictions(
        source,
        lines(),
        read_map,
        "locate these films",
        twice=(
            "two findings are called",
            "give one of each film, and films that are no files a `name` of their own",
        ),
    )
    return match(given, samples, what, loaded.every)
