"""Is the data set answerable without lungs, and do a model's features tell where films are from?

Takes the measures of films; gives AUROCs with intervals and a sentence. What a probe leaves of a
film is left to probes.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tbspot.audit.per_film import FilmMeasures
from tbspot.audit.probes import PROBES
from tbspot.audit.regression import out_of_fold
from tbspot.extras import missing
from tbspot.metrics import delong, source_label_auroc
from tbspot.records.audit import Shortcuts, SourceAuroc
from tbspot.records.figures import Figure, figure_of
from tbspot.samples.counting import patients_of
from tbspot.scores import shown_figure

__all__ = ["shortcuts_of", "source_aurocs"]

POOLED = "all sources pooled"
# Fewer films of a class, in five folds, tell nothing.
LEAST_FILMS = 20
# A probe this close to a model answers as well.
AS_WELL = 0.02


def shortcuts_of(films: Sequence[FilmMeasures], seed: int) -> tuple[Shortcuts, ...]:
    """Within each source and, where there are several, of all pooled."""
    sources = sorted({one.sample.source for one in films})
    parts = [(name, [one for one in films if one.sample.source == name]) for name in sources]
    if len(sources) > 1:
        parts.append((POOLED, list(films)))
    return tuple(_shortcuts(name, part, seed) for name, part in parts)


def _shortcuts(name: str, films: Sequence[FilmMeasures], seed: int) -> Shortcuts:
    labels = np.array([one.sample.label for one in films], np.int_)
    patients = patients_of([one.sample for one in films])
    models = list(films[0].logits)
    plain, erased = (
        {
            model: _auroc(labels, np.array([one.logits[model][place] for one in films]), patients)
            for model in models
        }
        for place in (0, 1)
    )
    probes = {
        probe: _probed(np.array([one.probes[probe] for one in films]), labels, films, seed)
        for probe in PROBES
    }
    sources = [one.sample.source for one in films]
    label_alone = None
    if name == POOLED:
        label_alone = figure_of(lambda: source_label_auroc(labels, sources), len(films))
    return Shortcuts(
        source=name,
        tb=int(labels.sum()),
        others=int((1 - labels).sum()),
        models=plain,
        models_erased=erased,
        probes=probes,
        source_label=label_alone,
        sentence=_sentence(name, plain, erased, probes, label_alone),
    )


def _auroc(
    labels: NDArray[np.int_], scores: NDArray[np.float64], patients: NDArray[np.str_]
) -> Figure:
    return figure_of(lambda: delong(labels, scores, patients), len(labels))


def _probed(
    features: NDArray[np.float64],
    labels: NDArray[np.int_],
    films: Sequence[FilmMeasures],
    seed: int,
) -> Figure:
    if min((labels == 1).sum(), (labels == 0).sum()) < LEAST_FILMS:
        reason = f"it needs {LEAST_FILMS} films of each class"
        return Figure(value=None, films=len(labels), reason=reason)
    patients = patients_of([one.sample for one in films])
    return figure_of(
        lambda: delong(labels, out_of_fold(features, labels, patients.tolist(), seed), patients),
        len(labels),
    )


def _sentence(
    name: str,
    models: dict[str, Figure],
    erased: dict[str, Figure],
    probes: dict[str, Figure],
    label_alone: Figure | None,
) -> str:
    """What the reader of an AUROC on these films must know."""
    by_probe, scored = _values(probes), _values(models)
    if not by_probe or not scored:
        return f"{name}: too few films of a class to ask; {LEAST_FILMS} of each are needed."
    model, highest = max(scored.items(), key=lambda pair: pair[1])
    without_lungs = _values(
        {f"no more than the {probe}": figure for probe, figure in probes.items()}
        | {f"{model} itself with the lungs erased": erased[model]}
        | ({"the name of the source alone": label_alone} if label_alone else {})
    )
    means, best = max(without_lungs.items(), key=lambda pair: pair[1])
    begin = f"{name}: TB is told with AUROC {shown_figure(best)} by {means}"
    against = f"{model} reaches {shown_figure(highest)}"
    if best >= highest - AS_WELL:
        return f"{begin}; {against}, which therefore says nothing of lungs."
    if best >= 0.5 + (highest - 0.5) / 2:
        return f"{begin}; {against}, of which a good part can come from elsewhere than the lungs."
    return f"{begin}; {against}, which such means do not explain."


def _values(figures: dict[str, Figure]) -> dict[str, float]:
    """Of those that have one."""
    return {name: one.value for name, one in figures.items() if one.value is not None}


def source_aurocs(films: Sequence[FilmMeasures], model: str, seed: int) -> tuple[SourceAuroc, ...]:
    """How well a model's features tell sources, among films of one class: else TB would help."""
    return tuple(
        _source_auroc(
            [one for one in films if one.sample.label == label and model in one.by_model],
            model,
            "with TB" if label else "without TB",
            seed,
        )
        for label in (1, 0)
    )


def _source_auroc(films: Sequence[FilmMeasures], model: str, kind: str, seed: int) -> SourceAuroc:
    names = [one.sample.source for one in films]
    sources = tuple(name for name in sorted(set(names)) if names.count(name) >= LEAST_FILMS)
    kept = [one for one in films if one.sample.source in sources]
    features = [one.by_model[model].features for one in kept]
    reason = ""
    if len(sources) < 2:
        reason = f"there are no two sources with {LEAST_FILMS} such films each"
    elif any(one is None for one in features):
        reason = missing("torch", "train", "a comparison of features")
    if reason:
        auroc = Figure(value=None, films=len(kept), reason=reason)
        return SourceAuroc(films=kind, sources=sources, auroc=auroc)
    matrix = np.array(features, np.float64)
    figures = [
        _probed(matrix, np.array([one.sample.source == name for one in kept], np.int_), kept, seed)
        for name in (sources[:1] if len(sources) == 2 else sources)
    ]
    return SourceAuroc(films=kind, sources=sources, auroc=_mean(figures, len(kept)))


def _mean(figures: Sequence[Figure], films: int) -> Figure:
    """One against the rest, for each source: of two sources there is only one such figure."""
    if len(figures) == 1:
        return figures[0]
    values = [figure.value for figure in figures if figure.value is not None]
    lost = [figure for figure in figures if figure.value is None]
    if not values:
        return lost[0]
    note = "mean over sources of one against the rest"
    if lost:
        note += f", of {len(values)} of {len(figures)} sources: of the others {lost[0].reason}"
    return Figure(value=float(np.mean(values)), films=films, note=note)
