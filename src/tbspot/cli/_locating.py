"""From the options of `tbspot locate` to its folder, its lines and what it says of them.

Takes options by name; gives nothing but what is written and printed. All work is left to
tbspot.locating.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import as_file, files
from itertools import chain
from pathlib import Path
from typing import TypedDict, get_args

from rich.console import Console

from tbspot import locating
from tbspot.choices import MapRule, Method, Naming, Precision, ResultKind
from tbspot.cli._findings import summary_of, table_of
from tbspot.console import open_console, print_notes
from tbspot.engine.engine import Engine, open_engine
from tbspot.errors import TbspotError
from tbspot.extras import needing
from tbspot.images.decoding import start_ahead
from tbspot.images.opening import MOST_BYTES
from tbspot.locating import Item, LocateSettings
from tbspot.locating.inputs import faulty, passed_over
from tbspot.locating.run import Answers
from tbspot.locating.table import PARQUET_FILE, TABLE_FILE
from tbspot.lock import holding
from tbspot.pathnames import as_text
from tbspot.records.coco import check_coco_ids, check_coco_target, write_coco_results
from tbspot.records.predictions import FILE_NAME, Prediction, read_predictions
from tbspot.records.run import DICOM
from tbspot.records.threshold import threshold_for_model
from tbspot.samples.loading import in_split, load
from tbspot.samples.sources import locate_source
from tbspot.temporary import kept

__all__ = ["Given", "kinds_of", "run"]

STANDARD_INPUT = Path("-")
INPUT_NAME = "standard input"
EXAMPLE = "example.png"
# Of so many films each is told of, of more only their numbers.
MOST_ROWS = 10


class Given(TypedDict):
    """The options of `tbspot locate`, by name, as locate.py describes them."""

    films: list[Path] | None
    out: Path | None
    json: bool
    quiet: bool
    example: bool
    model: Path | None
    data: list[str] | None
    split: str | None
    split_file: Path | None
    method: Method
    mirror: bool | None
    scales: str
    map_rule: MapRule | None
    map_threshold: float | None
    threshold_file: Path | None
    precision: Precision
    device: str
    scheduler: str | None
    gate: bool | None
    overlays: bool
    pack: bool
    names: Naming
    coco: Path | None
    parquet: bool
    dicom: str
    overwrite: bool


def run(given: Given) -> None:
    """Locate as the options say.

    Raises:
        TbspotError: options contradict each other, or a film could not be located.
    """
    _check(given)
    console = open_console() if not given["json"] and not given["quiet"] else None
    with _items_of(given, console) as items:
        _check_coco(items, given)
        if given["scheduler"] is None:  # else films are read by workers
            start_ahead()
        # Gradient methods ask for one film at a time, which then gets all cores.
        at_once = locating.films_at_once(len(items)) if given["method"] == "cam" else 1
        engine = open_engine(
            given["model"], given["precision"], at_once=at_once, device=given["device"]
        )
        settings = _settings(given, engine)
        out = given["out"]
        if out is None:
            failed = _print_lines(_stream(items, engine, settings))
        else:
            failed = _write(items, engine, settings, given, out, console)
    if failed:
        raise TbspotError(_of_failed(failed, len(items), out))


def _check(given: Given) -> None:
    if bool(given["films"]) + bool(given["data"]) + given["example"] != 1:
        raise TbspotError(
            "name films or folders to locate, or a data set with --data, or --example for the film "
            "that comes with tbspot"
        )
    if (given["split"], given["split_file"]) != (None, None) and not given["data"]:
        raise TbspotError("--split and --split-file need a data set; give --data")
    options: Mapping[str, object] = given
    for option in ("coco", "parquet", "pack", "scheduler", "dicom", "names", "overwrite"):
        if options[option] not in (None, False, "", "auto") and given["out"] is None:
            raise TbspotError(f"--{option} needs a run's folder; name one with --out")
    if given["parquet"]:
        with needing("parquet"):
            importlib.import_module("tbspot.locating.parquet")
    if given["scheduler"] is not None:
        _check_scheduler(given)
    if given["out"] is None and not given["json"]:
        raise TbspotError("name a folder to write to with --out, or print lines with --json")


def _check_scheduler(given: Given) -> None:
    if given["example"] or given["films"] == [STANDARD_INPUT]:
        raise TbspotError("--scheduler is for films in files that every worker sees; leave it out")
    with needing("cluster"):
        importlib.import_module("distributed")


def _check_coco(items: Sequence[Item], given: Given) -> None:
    """See before hours of work that results can be written, and that nothing is lost for them."""
    path, out = given["coco"], given["out"]
    if path is None or out is None:
        return
    check_coco_ids(path, (item.name for item in items))
    reads = chain((item.path for item in items), _files_read(given))
    check_coco_target(path, out, reads, overwrite=given["overwrite"])


@contextmanager
def _items_of(given: Given, console: Console | None) -> Iterator[Sequence[Item]]:
    """The films, of which those of the package and of standard input are files for a while."""
    if given["example"]:
        with as_file(files("tbspot") / "released" / EXAMPLE) as path:
            yield (Item(path, EXAMPLE),)
    elif given["films"] == [STANDARD_INPUT]:
        with kept(_standard_input(), INPUT_NAME) as path:
            yield (Item(path, INPUT_NAME, told=INPUT_NAME),)
    elif given["films"]:
        items = locating.find_items(given["films"], given["out"])
        _note((item.fault for item in faulty(items)), console)
        _note(filter(None, [passed_over(items)]), console)
        yield items
    else:
        loaded = load(given["data"] or (), given["split_file"])
        _note(loaded.notes, console)
        split = given["split"]
        of_split = loaded.samples if split is None else in_split(loaded.samples, split)
        yield locating.items_of(of_split)


def _files_read(given: Given) -> Iterator[Path]:
    """What is read besides films, of a data set too, where it is a file."""
    yield from filter(None, (given["model"], given["threshold_file"], given["split_file"]))
    yield from (locate_source(source)[0] for source in given["data"] or ())


def _standard_input() -> bytes:
    try:
        return sys.stdin.buffer.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # it may be open for writing alone
        reason = getattr(error, "strerror", None) or error
        raise TbspotError(
            f"{INPUT_NAME} cannot be read ({reason}); lead a film into it, as by `< film.png`"
        ) from error


def _note(notes: Iterable[str | None], console: Console | None) -> None:
    if console is not None:
        print_notes(console, notes)


def _settings(given: Given, engine: Engine) -> LocateSettings:
    description = engine.description
    threshold_file = given["threshold_file"]
    chosen = threshold_for_model(threshold_file, description) if threshold_file else None
    # The page finds the example in its folder, as any film.
    films = given["films"] or given["data"] or (str(files("tbspot") / "released"),)
    return LocateSettings(
        films=tuple(map(as_text, films)),
        split=given["split"] or "",
        model=description.title,
        engine=engine.name,
        method=given["method"],
        mirror=given["mirror"],
        scales=_scales(given["scales"]),
        map_rule=given["map_rule"],
        map_threshold=given["map_threshold"],
        threshold=chosen.threshold if chosen else None,
        calibration=chosen.calibration if chosen else None,
        gate=not given["data"] if given["gate"] is None else given["gate"],
        # Data sets are often made of links; of other folders a link may lead anywhere.
        follow_links=bool(given["data"]),
        overlays=given["overlays"],
        names=given["names"],
        dicom=kinds_of(given["dicom"], "--dicom") if given["dicom"] else (),
    )


def kinds_of(text: str, option: str) -> tuple[ResultKind, ...]:
    """Kinds of results as DICOM, as an option names them.

    Raises:
        TbspotError: it names something else, or the extra is missing.
    """
    with needing("hospital"):
        importlib.import_module("tbspot.hospital")
    asked = {part.strip() for part in text.split(",")}
    if not asked <= set(get_args(ResultKind)):
        raise TbspotError(
            f"{option} {text!r} must be of {', '.join(get_args(ResultKind))}, such as sc,seg,sr"
        )
    # In one order, so that the same kinds are the same run.
    return tuple(kind for kind in get_args(ResultKind) if kind in asked)


def _scales(text: str) -> tuple[float, ...]:
    try:
        scales = tuple(float(part) for part in text.split(","))
    except ValueError:
        scales = ()
    if not scales:
        raise TbspotError(f"--scales {text!r} must be numbers from 0.25 to 4, such as 1.0,1.25")
    return scales


def _stream(
    items: Sequence[Item], engine: Engine, settings: LocateSettings
) -> Iterator[Prediction]:
    for finding in locating.Model(engine, settings).locate_items(items):
        yield finding.prediction


def _print_lines(predictions: Iterable[Prediction]) -> int:
    """A line of JSON a film, as soon as it is known; gives how many failed."""
    failed = 0
    for prediction in predictions:
        # As bytes: JSON is UTF-8 (RFC 8259), whatever a terminal or Windows takes for text.
        sys.stdout.buffer.write(prediction.model_dump_json().encode() + b"\n")
        sys.stdout.flush()
        failed += prediction.status == "failed"
    return failed


def _write(
    items: Sequence[Item],
    engine: Engine,
    settings: LocateSettings,
    given: Given,
    out: Path,
    console: Console | None,
) -> int:
    """Locate, and give out what is asked for while no other run can change it; gives failures."""
    start = time.monotonic()
    with _answers(engine, settings, given) as answers, holding(out) as hold:
        counts = locating.locate(
            items,
            engine,
            settings,
            out,
            console,
            overwrite=given["overwrite"],
            packed=given["pack"],
            answers=answers,
            hold=hold,
            reads=_files_read(given),
        )
        _give_out(items, settings, given, out, counts.new, time.monotonic() - start, console)
        hold.check()
    return counts.failed


def _give_out(
    items: Sequence[Item],
    settings: LocateSettings,
    given: Given,
    out: Path,
    new: int,
    seconds: float,
    console: Console | None,
) -> None:
    """What is made of a run's lines: results of COCO, Parquet, JSON, a table, a summary."""
    if given["coco"] is not None:
        write_coco_results(given["coco"], read_predictions(out))
    if given["parquet"]:
        from tbspot.locating.parquet import write_predictions_parquet

        write_predictions_parquet(out / PARQUET_FILE, out)
    if given["json"]:
        _print_lines(read_predictions(out))
    elif console is not None:
        if len(items) <= MOST_ROWS:
            console.print(table_of(read_predictions(out), out))
        console.print(f"predictions: {out / TABLE_FILE} (a table) and {FILE_NAME}")
        if settings.dicom:
            made = sum(1 for _ in (out / DICOM).rglob("[!.]*.dcm"))
            console.print(f"results as DICOM: {made:,} in {out / DICOM}")
        console.print(summary_of(read_predictions(out), new, seconds))


@contextmanager
def _answers(engine: Engine, settings: LocateSettings, given: Given) -> Iterator[Answers | None]:
    """Where films are answered: by the workers of a scheduler, or here."""
    if given["scheduler"] is None:
        yield None
        return
    from tbspot.locating.cluster import Opening, answers_of, identity_of

    model = given["model"].absolute() if given["model"] else None
    opening = Opening(settings, identity_of(engine), model, given["precision"], given["device"])
    with answers_of(given["scheduler"], opening) as answers:
        yield answers


def _of_failed(failed: int, films: int, out: Path | None) -> str:
    sentence = f"{failed:,} of {films:,} films could not be located; their lines"
    if out is None:
        return f"{sentence} say why"
    return f"{sentence} in {out / TABLE_FILE} say why, and the same command tries them again"
