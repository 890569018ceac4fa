"""`tbspot evaluate`: predictions and truth to figures with intervals and controls.

Takes folders that `tbspot locate` wrote; gives evaluation.json and a table. All figures are left
to tbspot.evaluation.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tbspot.errors import TbspotError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table
    from rich.text import Text

    from tbspot.records.evaluation import Classification, Contender

__all__ = ["evaluate"]


def evaluate(
    predictions: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="Folder that `tbspot locate` wrote.")
    ] = None,
    *,
    data: Annotated[
        list[str],
        typer.Option(
            metavar="SOURCE", help="Folder or CSV with films and boxes; may be given several times."
        ),
    ],
    split: Annotated[str, typer.Option(metavar="NAME", help="Films to report on.")],
    split_file: Annotated[
        Path | None, typer.Option(help="A split written by `tbspot prepare`.")
    ] = None,
    teacher: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The teacher's predictions.")
    ] = None,
    control: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=DIR", help="Another model's predictions; several times."),
    ] = None,
    tuning: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]DIR",
            help="Predictions of the tuning split, to choose the threshold on: of the model "
            "judged, or of `teacher` or a control by name; several times.",
        ),
    ] = None,
    tuning_split: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Whose boxes choose thresholds and fit controls."),
    ] = None,
    training: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Predictions of training films: for the share of area and the controls that "
            "are fitted without boxes.",
        ),
    ] = None,
    boxes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="In the place of DIR, any model's boxes: COCO results (.json), or a CSV file with "
            "the columns image, x0, y0, x1, y1, score.",
        ),
    ] = None,
    boxes_images: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="COCO file whose list of images the ids of COCO results are of."
        ),
    ] = None,
    maps: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="In the place of DIR, any model's maps: .npy, grey PNG or TIFF, each named as its "
            "film.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for evaluation.json; by default DIR.")
    ] = None,
    resamples: Annotated[int, typer.Option(min=100, help="Bootstrap samples.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Of the resampling.")] = 0,
    overwrite: Annotated[bool, typer.Option(help="Replace the evaluation of other films.")] = False,
) -> None:
    """Judge predictions against image labels and boxes, with controls and intervals.

    A prediction belongs to the film of its name, else to that of the closest
    one. Without --tuning the threshold is the one that the model carries.

    Example: tbspot evaluate found --data drawn --split val

    Another's boxes by the same protocol:
        tbspot evaluate --boxes results.json --data drawn --split val --out theirs
    """
    from tbspot import evaluation
    from tbspot.console import open_console, print_notes, showing_status
    from tbspot.lock import holding
    from tbspot.records.evaluation import classification_remarks, write_evaluation

    given = _given(predictions, boxes, maps)
    settings = evaluation.EvaluationSettings(
        predictions=given,
        out=out or _default_out(predictions),
        data=tuple(data),
        split=split,
        split_file=split_file,
        teacher=teacher,
        controls=_named(control or [], "--control"),
        tuning_split=tuning_split,
        tuning=_tuning(tuning or [], control or []),
        training=training,
        coco_images=boxes_images,
        resamples=resamples,
        seed=seed,
    )
    console = open_console()
    with holding(settings.out) as hold:
        if not overwrite:
            evaluation.refuse_another(settings)
        with showing_status(console, "reading films") as tell:
            result = evaluation.evaluate_files(settings, tell)
        hold.check()
        path = write_evaluation(settings.out, result)
    console.print(_localization(result.contenders))
    for row in result.contenders:
        if row.classification is not None:
            console.print(_classification(row.name, row.classification))
    print_notes(console, classification_remarks(result.contenders))
    print_notes(console, result.notes)
    console.print(f"evaluation: {path}")


def _given(*places: Path | None) -> Path:
    """The one place of DIR, --boxes and --maps that is named."""
    given = [place for place in places if place is not None]
    if len(given) != 1:
        raise TbspotError("name one of DIR, --boxes FILE and --maps DIR to evaluate")
    return given[0]


def _default_out(predictions: Path | None) -> Path:
    """The folder of our own predictions; nothing is written beside others' files unasked."""
    if predictions is None:
        raise TbspotError("--boxes and --maps need --out DIR, the folder for evaluation.json")
    return predictions


def _named(options: Sequence[str], option: str) -> dict[str, Path]:

    named: dict[str, Path] = {}
    for text in options:
        name, mark, folder = text.partition("=")
        if not mark or not name or not folder:
            raise TbspotError(f"{option} {text!r} is not NAME=DIR; write it so")
        if name in named or name == "teacher":
            raise TbspotError(f"{option} {name}=... is taken; choose another name")
        named[name] = Path(folder)
    return named


def _tuning(options: Sequence[str], controls: Sequence[str]) -> dict[str, Path]:
    from tbspot.evaluation import JUDGED, TEACHER

    names = {TEACHER, *_named(controls, "--control")}
    tuning: dict[str, Path] = {}
    for text in options:
        name, _, folder = text.partition("=")
        key, path = (name, folder) if folder and name in names else (JUDGED, text)
        if key in tuning:
            raise TbspotError(f"--tuning {text} is a second folder of one model; give one")
        tuning[key] = Path(path)
    return tuning


def _localization(rows: Sequence[Contender]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(
        "row",
        title="Localization on TB films with a box (95 % intervals)",
        caption="* boxes were used, or the model carries one threshold for all films: its card "
        "says what chose it; † another program's, and what that was trained on is not known; "
        "difference = mean IoU of the first row minus this one's",
        box=SIMPLE_HEAD,
    )
    for heading in ("mean IoU", "raw mask", "hit", "side", "difference"):
        table.add_column(heading, justify="right")
    for row in rows:
        figures, difference = row.localization, row.difference
        p = f"\np {difference.p_words}" if difference and difference.p_words else ""
        table.add_row(
            f"{row.name} {row.mark}".rstrip(),
            _cell(figures.miou.words()),
            figures.raw_miou.words(interval=False),
            figures.hit.words(interval=False),
            figures.side.words(interval=False),
            _cell(difference.words() + p) if difference else "",
        )
    return table


def _classification(name: str, figures: Classification) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(
        "source",
        title=f"{name}: TB or not, within each source (95 % intervals)",
        caption="pooled means nothing unless far above the source's name alone: AUROC "
        f"{figures.source_label.words()}"
        if len(figures.sources) > 1
        else None,
        box=SIMPLE_HEAD,
    )
    for heading in ("TB", "not TB", "AUROC", "average\nprecision", "sensitivity at\n90 % spec."):
        table.add_column(Text(heading), justify="right", no_wrap=True)
    for source in figures.rows:
        table.add_row(
            source.source,
            f"{source.tb:,}",
            f"{source.others:,}",
            _cell(source.auroc.words()),
            _cell(source.average_precision.words()),
            _cell(source.sensitivity.words()),
        )
    return table


def _cell(words: str) -> Text:
    """A figure's interval under the figure, so that a table fits 80 columns.

    A `Text`, as a line's end in a string is taken for a stranger's (console.py).
    """
    from rich.text import Text

    return Text(words.replace(" [", "\n[", 1))
