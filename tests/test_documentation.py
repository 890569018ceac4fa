"""Every `tbspot ...` that README, docs, recipes and helps show is a call that parses."""

from __future__ import annotations

import importlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest
import typer
from PIL import Image

from tbspot.calibration.scored import read_scores
from tbspot.cli import app
from tbspot.samples.sources import read_source

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = typer.main.get_command(app).commands


def _commands(script: str) -> list[str]:
    """The calls of tbspot in shell lines; those that a backslash ends go on in the next."""
    lines = re.sub(r"\\\n\s*", "", script).splitlines()
    parts = [part.strip() for line in lines for part in re.split(r"&&|;|\|", line)]
    parts = [part.removeprefix("torchrun --nproc-per-node 2 -m ") for part in parts]
    return [part for part in parts if part.startswith("tbspot ")]


def _of_page(path: Path) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", path.read_text("utf-8"), re.DOTALL)
    return [command for block in blocks for command in _commands(block)]


def _of_help(name: str) -> list[str]:
    """The calls in a help's paragraphs, each of which ends with its paragraph."""
    paragraphs = re.split(r"\n\s*\n", COMMANDS[name].help or "")
    joined = [re.sub(r"\s*\n\s*", " ", paragraph) for paragraph in paragraphs]
    shown = [match[1] for text in joined if (match := re.search(r":\s*(tbspot [a-z]+.*)", text))]
    return [command for text in shown for command in _commands(text)]


PAGE_COMMANDS = [(path.name, command) for path in PAGES for command in _of_page(path)]
HELP_COMMANDS = [(name, command) for name in COMMANDS for command in _of_help(name)]


@pytest.mark.parametrize(("where", "command"), PAGE_COMMANDS + HELP_COMMANDS)
def test_a_documented_command_and_each_of_its_options_exist(where: str, command: str) -> None:
    _, name, *arguments = shlex.split(command, comments=True)
    assert name in COMMANDS, where
    if arguments != ["--help"]:
        COMMANDS[name].make_context(name, arguments)


def test_pages_and_helps_show_commands_at_all() -> None:
    assert {where for where, _ in PAGE_COMMANDS} >= {"README.md", "data.md", "training.md"}
    assert {where for where, _ in HELP_COMMANDS} == set(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_commands_named_in_the_text_exist_and_links_lead_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    named = set(re.findall(r"`tbspot ([a-z]+)", text))
    assert named <= set(COMMANDS)
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    assert not [link for link in links if not (page.parent / link).exists()]


def _run_block(page: str) -> None:
    """Run the one block of Python of a page, where one stands."""
    (block,) = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs" / page).read_text("utf-8"), re.DOTALL
    )
    exec(compile(block, page, "exec"), {})  # noqa: S102 - our own page


def test_annotations_of_coco_become_a_table_that_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.png"):
        Image.new("L", (64, 48)).save(name)
    images = [{"id": 7, "file_name": "a.png"}, {"id": 8, "file_name": "b.png"}]
    boxes = [{"image_id": 7, "bbox": [10, 20, 30, 5]}, {"image_id": 7, "bbox": [1, 2, 3, 4]}]
    Path("annotations.json").write_text(json.dumps({"images": images, "annotations": boxes}))
    _run_block("data.md")
    first, second = read_source("films.csv").samples
    assert (first.label, second.label, first.split, second.boxes) == (1, 0, "test", ())
    assert [(one.x0, one.y0, one.x1, one.y1) for one in first.boxes or ()] == [
        (10, 20, 40, 25),
        (1, 2, 4, 6),
    ]


def test_a_run_and_a_table_become_scores_with_sub_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = [("image", "status", "score", "model", "version"), ("p.dcm", "refused", "", "m", "v")]
    films = [("path", "label", "patient", "age", "sex"), ("p.dcm", "1", "P", "30", "f")]
    for number in range(40):
        name, label = f"s/{number}.dcm", str(number % 2)
        found.append((name, "ok", str(number / 40), "m", "v"))
        films.append((name, label, f"P{number}", str(number + 20), "fm"[number // 20]))
    Path("found").mkdir()
    for path, rows in (("found/predictions.csv", found), ("films.csv", films)):
        Path(path).write_text("".join(",".join(row) + "\n" for row in rows))
    _run_block("calibrate.md")
    scored = read_scores(Path("scores.csv"))
    assert (len(scored.labels), scored.model, scored.version) == (40, "m", "v")
    assert set(scored.columns) == {"age", "sex"}


SOURCES = [
    path
    for folder in ("src", "runs", "benchmarks", "tests")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path != Path(__file__)
]
FILES = {
    path.relative_to(ROOT).as_posix()
    for folder in ("src", "runs", "benchmarks", "tests", "docs")
    for path in (ROOT / folder).rglob("*")
} | {path.name for path in ROOT.iterdir()}


def _prose(source: str) -> str:
    """What a module says in comments and docstrings."""
    return "\n".join(
        token.string
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
        or (token.type == tokenize.STRING and token.string.startswith('"""'))
    )


def _absent(prose: str, messages: str = "") -> list[str]:
    """Modules and pages that are named, and folders of the program in prose, that are not there."""
    files = re.findall(r"[\w/.-]*\w\.(?:py|md)\b", prose + messages)
    folders = re.findall(r"(?<![\w./`])([a-z_]+(?:/[a-z_]+)*)/(?=[\s,;:.)])", prose)
    absent = [one for one in files if not any(f"/{file}".endswith(f"/{one}") for file in FILES)]
    roots = ("", "src/tbspot/", "tests/")
    absent += [one for one in folders if not {root + one for root in roots} & (FILES | TOP)]
    return absent + re.findall(r"section \d+ of the design", prose + messages)


TOP = {path.name for path in ROOT.iterdir() if path.is_dir()}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_module_page_and_folder_that_a_docstring_or_comment_names_is_there(
    path: Path,
) -> None:
    source = path.read_text("utf-8")
    assert not _absent(_prose(source), source if path.is_relative_to(ROOT / "src") else "")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_no_page_installs_a_stranger_s_package_of_our_name(page: Path) -> None:
    # On PyPI there is none, and whoever takes the name there would be installed.
    assert not re.findall(r"pip3? install[^`#\n]*[ '\"]tbspot\b", page.read_text("utf-8"))


def test_every_module_page_and_folder_that_contributors_are_sent_to_is_there() -> None:
    assert not _absent((ROOT / "CONTRIBUTING.md").read_text("utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_path_of_the_program_that_a_page_names_is_there(page: Path) -> None:
    """`engine/engine.py`, `src/tbspot/released` and `tbspot.maps.lungs`."""
    code = re.findall(r"`([^`\s]+)`", page.read_text("utf-8"))
    paths = [one for one in code if one.startswith("src/")]
    modules = [one for one in code if re.fullmatch(r"tbspot(\.[a-z_0-9]+){2,}", one)]
    assert not [one for one in paths if not (ROOT / one).exists()]
    assert not [one for one in modules if not _is_of_the_program(one)]


def _is_of_the_program(dotted: str) -> bool:
    """Whether it is a module, or a name that its module has."""
    path = ROOT / "src" / dotted.replace(".", "/")
    if path.is_dir() or path.with_suffix(".py").is_file():
        return True
    module, _, name = dotted.rpartition(".")
    return hasattr(importlib.import_module(module), name)


def test_a_name_of_nothing_is_found_wherever_it_is_said() -> None:
    source = '"""Left to nothing.py and nowhere/."""\n# By section 4 of the design.\n'
    assert _absent(_prose(source)) == [
        "nothing.py",
        "nowhere",
        "section 4 of the design",
    ]
    assert not _absent("Left to nets/weights.py, evaluation/ and docs/protocol.md.")


# Stands for `tbspot` and for the scripts beside a recipe: notes the call, a file a call as recipes
# make some at the same time; wants what it reads in `out` to be there, and makes what it writes.
RECORDER = """#!/bin/sh
printf '%s\\0' "$@" > "$(mktemp "$CALLS/XXXXXX")"
made=
before=
case "$1" in */combine.py) made=$3 ;; esac
for argument; do
    path=${argument#*=}
    path=${path%%\\?root=*}
    if [ "$before" = --out ]; then
        made=$argument
    elif [ "$argument" != "$made" ] && [ "${path#out/}" != "$path" ] && [ ! -e "$path" ]; then
        echo "nothing before it made $path" >&2
        exit 1
    fi
    before=$argument
done
case "$made" in
    "") ;;
    *.*) touch "$made" ;;
    *) mkdir -p "$made" && touch "$made/model.safetensors" ;;
esac
"""


def test_decisions_stand_under_headings_one_thought_a_line() -> None:
    lines = (ROOT / "docs" / "decisions.md").read_text("utf-8").splitlines()
    assert [line for line in lines if line.startswith("## ")]
    assert not [line for line in lines if len(line) > 300]


@pytest.mark.parametrize(
    "recipe",
    [
        ["cpu.sh", "shared", "out"],
        ["reproduce.sh", "films", "others.csv", "out"],
        ["sources.sh", "shared", "out"],
        ["drawn.sh", "shared", "out"],
        ["drawn.sh", "shared", "out", "student.onnx", "--size", "96", "--epochs", "1"],
        ["small.sh", "shared", "out"],
    ],
)
def test_every_call_of_a_recipe_parses_and_reads_what_another_made(
    recipe: list[str], tmp_path: Path
) -> None:
    for name in ("tbspot", "python"):
        (tmp_path / name).write_text(RECORDER)
        (tmp_path / name).chmod(0o755)
    for source in ("shenzhen128", "nih"):
        films = tmp_path / "shared" / "data" / source
        (films / "films").mkdir(parents=True)
        (films / "labels.csv").write_text("path,label,patient,source,split\n")
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    calls = tmp_path / "calls"
    calls.mkdir()
    environment |= {"CALLS": str(calls)}
    script = ROOT / "runs" / recipe[0]
    subprocess.run(["bash", script, *recipe[1:]], env=environment, cwd=tmp_path, check=True)
    made = [call.read_text("utf-8").removesuffix("\0").split("\0") for call in calls.iterdir()]
    called = [call for call in made if not call[0].endswith(".py")]
    assert len(called) >= script.read_text("utf-8").count("tbspot ")
    for name, *arguments in called:
        COMMANDS[name].make_context(name, arguments)


@pytest.mark.slow
def test_the_demo_runs_from_drawing_to_the_report(tmp_path: Path) -> None:
    small = {"FILMS": "24", "SIZE": "64", "EPOCHS": "1"}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    demo = subprocess.run(
        ["sh", ROOT / "runs" / "demo.sh", tmp_path / "demo"],
        env=os.environ | small | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert demo.returncode == 0, demo.stderr
    report = tmp_path / "demo" / "report.html"
    assert demo.stdout.splitlines()[-1].endswith(str(report))
    assert "</html>" in report.read_text("utf-8")
    assert "mean IoU" in demo.stdout
