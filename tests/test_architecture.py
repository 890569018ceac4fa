"""Wings import only wings below them: what is known of the layout, as data and a few lines."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

import tbspot

PACKAGE = Path(tbspot.__file__).parent

# From the ground up. A module may import from its own floor and from those before it in the list;
# wings of one floor do not know each other. A new wing is a line here: say where it stands.
FLOORS: tuple[tuple[str, ...], ...] = (
    (
        "addresses",
        "choices",
        "errors",
        "flock",
        "imports",
        "numerics",
        "machine",
        "printable",
        "scores",
    ),
    (
        "extras",
        "storage",
        "targets",
        "faults",
        "lock",
        "interruption",
        "pathnames",
        "settings",
        "temporary",
        "console",
    ),
    ("parsing",),
    ("files", "description", "external_data"),
    ("tables", "amendment"),
    ("metrics", "images"),
    ("samples",),
    ("drawings", "records", "nets"),
    ("maps",),
    ("training", "engine"),
    ("gate", "hospital"),
    ("locating",),
    ("export", "html"),
    ("evaluation", "calibration", "audit", "report", "node"),
    ("viewer",),
    ("__init__",),
    ("cli",),
    ("__main__",),
)
# Files on one floor that know each other: the ground has no wings yet.
GROUND = {name for floor in FLOORS[:5] for name in floor}
HEIGHT = {name: floor for floor, names in enumerate(FLOORS) for name in names}
# What every module may know of the package itself.
OF_THE_PACKAGE = {"__version__"}

MODULES = sorted(PACKAGE.rglob("*.py"))
# Scripts that no test runs whole.
SCRIPTS = sorted(
    path
    for folder in ("benchmarks", "runs")
    for path in (Path(__file__).parents[1] / folder).glob("*.py")
)


def wing_of(module: Path) -> str:
    return module.relative_to(PACKAGE).with_suffix("").parts[0]


def imported(module: Path) -> Iterator[tuple[int, str]]:
    """Line and wing of every import of tbspot: inside functions and for types alone too."""
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}, line {node.lineno}: name the module in full"
            whole = node.module == "tbspot"
            names = [f"tbspot.{one.name}" for one in node.names] if whole else [node.module or ""]
        for name in names:
            package, _, rest = name.partition(".")
            if package == "tbspot":
                yield node.lineno, _known(rest.split(".")[0])


def _known(name: str) -> str:
    """A wing, or the package itself where one of its public names is asked for."""
    there = (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()
    return name if name in OF_THE_PACKAGE or (name and there) else "__init__"


def runs_up(own: str, other: str) -> bool:
    if other == own or other in OF_THE_PACKAGE:
        return False
    higher = HEIGHT[other] > HEIGHT[own]
    return higher or (HEIGHT[other] == HEIGHT[own] and other not in GROUND)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_module_imports_only_from_wings_below_its_own(module: Path) -> None:
    own = wing_of(module)
    assert own in HEIGHT, f"{own} has no floor; give it one in FLOORS"
    up = [
        f"line {line}: {own} knows {other}"
        for line, other in imported(module)
        if runs_up(own, other)
    ]
    assert not up


def test_an_import_is_found_wherever_it_stands(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        "from typing import TYPE_CHECKING\n"
        "from tbspot import __version__, read_film, viewer\n"
        "if TYPE_CHECKING:\n"
        "    from tbspot.cli.view import view\n"
        "def late():\n"
        "    import tbspot.engine.engine\n"
    )
    assert list(imported(module)) == [
        (2, "__version__"),
        (2, "__init__"),
        (2, "viewer"),
        (4, "cli"),
        (6, "engine"),
    ]


def test_an_arrow_up_or_across_a_floor_is_one() -> None:
    assert runs_up("metrics", "records")
    assert runs_up("audit", "evaluation")
    assert not runs_up("evaluation", "metrics")
    assert not runs_up("viewer", "__version__")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_what_a_script_takes_from_the_program_is_there(script: Path) -> None:
    for node in ast.walk(ast.parse(script.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "tbspot":
            module = importlib.import_module(node.module or "")
            for one in node.names:
                assert hasattr(module, one.name) or find_spec(f"{node.module}.{one.name}")


def test_openvino_is_imported_in_one_place_which_keeps_it_from_reporting() -> None:
    there = Path(__file__).parents[1]
    importing = {
        path.relative_to(there).as_posix()
        for folder in ("src", "runs", "benchmarks", "tests")
        for path in (there / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if "openvino" in {name.partition(".")[0] for name in _names_of(node)}
    }
    assert importing == {"src/tbspot/engine/runtime.py"}


def _names_of(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []
