"""Does distillation take shortcuts over, or lose them? The experiment behind docs/spurious.md.

Draws films on which something beside TB goes with the label in training and against it in `val`,
trains a teacher, students and controls on them, and judges all on `val`. Gives shortcuts.csv, a
row a model, and tables of means over seeds. Called again, it goes on where it was interrupted.

    python runs/shortcuts.py OUT [--weights FILE] [--kinds marker ...] [--strengths 0 ...] [--print]
"""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from statistics import mean, stdev

from tbspot.cli import app
from tbspot.records.evaluation import FILE_NAME, read_evaluation
from tbspot.records.figures import Figure
from tbspot.tables import write_table

Row = list[str | float | None]

KINDS = ("marker", "exposure", "source")
# 0: by chance, so nothing to learn from it; 1: on every TB film of `train` and on no other.
STRENGTHS = (0.0, 0.5, 0.8, 1.0)
# Small, so that all of it takes hours on two cores and not days: docs/spurious.md.
FILMS, SIZE, EPOCHS = 360, 128, 4

NET = ["--size", str(SIZE), "--output-stride", "16", "--frozen-stages", "2"]
STEPS = ["--epochs", str(EPOCHS), "--body-rate", "1e-4", "--head-rate", "3e-3"]
SCORES = ["--score-weight", "1"]
MAPS = ["--teacher-view", "clean", "--teacher-map", "fused", "--score-weight", "0.25"]
MAPS += ["--map-target", "overlap", "--map-weight", "2", "--map-low", "0.1", "--map-high", "0.7"]
LABELS = ["--label-weight", "0.5"]
NO_LABELS = ["--label-weight", "0"]


@dataclass(frozen=True)
class Recipe:
    """How one model of a study is made.

    Attributes:
        name: in the table.
        teacher: the biased one (`same`), or that of films whose shortcut goes with nothing
            (`unbiased`); empty for a model of its own.
        distils: whether the teacher is asked. It begins with the teacher's weights otherwise.
        options: of the command.
    """

    name: str
    teacher: str = ""
    distils: bool = False
    options: list[str] = field(default_factory=list)


# A student begins with the weights that its teacher began with: what it has of its teacher came
# to it by what it was taught.
RECIPES = (
    Recipe("teacher"),
    # As many steps as teacher and student together.
    Recipe("teacher, trained on", "same"),
    Recipe("scores distilled", "same", True, [*SCORES, *LABELS]),
    Recipe("maps distilled", "same", True, [*MAPS, *LABELS]),
    Recipe("unbiased teacher's scores", "unbiased", True, [*SCORES, *NO_LABELS]),
    Recipe("unbiased teacher's maps", "unbiased", True, [*MAPS, *NO_LABELS]),
)


@dataclass(frozen=True)
class Study:
    """One shortcut of one strength, one seed."""

    out: Path
    weights: str
    kind: str
    strength: float
    seed: int

    @property
    def folder(self) -> Path:
        """Of its films and models."""
        return self.out / f"{self.kind}-{self.strength:g}-{self.seed}"

    def model(self, recipe: Recipe) -> Path:
        """File of a model."""
        return self.folder / "-".join(re.findall(r"\w+", recipe.name)) / "model.safetensors"

    def found(self, recipe: Recipe) -> Path:
        """Folder of a model's predictions and evaluation."""
        return self.folder / "found" / self.model(recipe).parent.name

    @property
    def done(self) -> bool:
        """Whether every model was judged."""
        return all((self.found(recipe) / FILE_NAME).exists() for recipe in RECIPES)

    def commands(self) -> Iterator[list[str]]:
        """The calls of tbspot, in order."""
        data = str(self.folder / "films")
        yield [
            *("draw", data, "--count", str(FILMS), "--size", str(SIZE), "--seed", str(self.seed)),
            *("--shortcut", self.kind, "--strength", f"{self.strength:g}", "--in-val", "reversed"),
        ]
        for recipe in RECIPES:
            yield self._training(recipe, data)
            found = str(self.found(recipe))
            of_val = ["--data", data, "--split", "val"]
            model = ["--model", str(self.model(recipe))]
            yield ["locate", *of_val, *model, "--no-overlays", "--out", found]
            yield ["evaluate", found, *of_val, "--resamples", "1000"]

    def _training(self, recipe: Recipe, data: str) -> list[str]:
        common = ["--data", data, *NET, *STEPS, "--seed", str(self.seed), *recipe.options]
        common += ["--out", str(self.model(recipe).parent)]
        # Of strength 0 the shortcut goes with nothing: its teacher had nothing to learn from it.
        strength = 0.0 if recipe.teacher == "unbiased" else self.strength
        teacher = str(replace(self, strength=strength).model(RECIPES[0]))
        if recipe.distils:
            return ["distill", *common, "--init", self.weights, "--teacher", teacher]
        return ["train", *common, "--init", teacher if recipe.teacher else self.weights]

    def rows(self) -> Iterator[Row]:
        """The figures of each model on `val`, where the shortcut is reversed."""
        for recipe in RECIPES:
            evaluation = read_evaluation(self.found(recipe))
            judged = evaluation.contenders[0]
            right = [film.called == bool(film.label) for film in evaluation.films]
            auroc: Figure | None = None
            if judged.classification is not None:
                auroc = judged.classification.pooled.auroc
            yield [
                self.kind,
                self.strength,
                self.seed,
                recipe.name,
                sum(right) / len(right),
                auroc.value if auroc else None,
                judged.localization.miou.value,
                judged.localization.hit.value,
            ]


COLUMNS = ["shortcut", "strength", "seed", "model", "accuracy", "auroc", "miou", "hit"]


def _print_curves(rows: list[Row]) -> None:
    """A table a figure: how it changes with the strength of the shortcut."""
    strengths = sorted({float(row[1] or 0) for row in rows})
    for place, figure in enumerate(COLUMNS[4:], start=4):
        print(f"\n| {figure} | model | {' | '.join(f'{one:g}' for one in strengths)} |")
        print("|---|---|" + "---|" * len(strengths))
        for kind, recipe in product(dict.fromkeys(str(row[0]) for row in rows), RECIPES):
            cells = [
                _mean([row[place] for row in rows if _is_of(row, kind, strength, recipe)])
                for strength in strengths
            ]
            print(f"| {kind} | {recipe.name} | {' | '.join(cells)} |")


def _is_of(row: Row, kind: str, strength: float, recipe: Recipe) -> bool:
    return (row[0], row[1], row[3]) == (kind, strength, recipe.name)


def _mean(figures: list[str | float | None]) -> str:
    """Mean and deviation over seeds."""
    values = [figure for figure in figures if isinstance(figure, float)]
    if not values:
        return "-"
    spread = f" ± {stdev(values):.3f}" if len(values) > 1 else ""
    return f"{mean(values):.3f}{spread}"


def main() -> None:
    """Make the studies one after another, then the table of all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--weights", default="imagenet", help="safetensors file, or imagenet")
    parser.add_argument("--kinds", nargs="+", default=KINDS[:1], choices=KINDS)
    parser.add_argument("--strengths", nargs="+", type=float, default=STRENGTHS)
    parser.add_argument("--seeds", nargs="+", type=int, default=(1, 2, 3))
    parser.add_argument("--print", action="store_true", help="the commands, and do nothing")
    given = parser.parse_args()
    # Strength 0 first: it makes the unbiased teachers.
    strengths = sorted({0.0, *given.strengths})
    studies = [
        Study(given.out, given.weights, kind, strength, seed)
        for seed in given.seeds
        for kind in given.kinds
        for strength in strengths
    ]
    rows: list[Row] = []
    for study in studies:
        for command in () if study.done else study.commands():
            print("tbspot", shlex.join(command), flush=True)
            if not given.print:
                # In this process: to start another for each would take a third of the time.
                app(command, standalone_mode=False)
        if not given.print:
            rows += study.rows()
            write_table(given.out / "shortcuts.csv", COLUMNS, rows)
    if rows:
        _print_curves(rows)


if __name__ == "__main__":
    main()
