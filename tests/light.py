"""A light installation: a fresh environment with what `pip install .` brings, and nothing else.

Gives a folder with `bin/python` and `bin/tbspot`, made in a second and without a network: what the
base dependencies need, as their metadata say, is linked from the environment of the tests. Nothing
of an extra can be imported in it. `tbspot view` there shows its first page once and ends.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
COMMAND = """#!{python}
import signal, subprocess, sys, urllib.request
from tbspot.__main__ import main
if sys.argv[1] != "view":
    sys.exit(main())
view = [sys.executable, "-m", "tbspot", *sys.argv[1:], "--no-browser", "--port", "0"]
with subprocess.Popen(view, stdout=subprocess.PIPE, text=True) as server:
    address = server.stdout.readline().strip()
    print(urllib.request.urlopen(address).read().decode())
    server.send_signal(signal.SIGINT)
"""


def needed() -> dict[str, Distribution]:
    """The base dependencies and theirs, by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    waiting = [(Requirement(line), frozenset({""})) for line in project["dependencies"]]
    found: dict[str, Distribution] = {}
    seen = set()
    while waiting:
        requirement, extras = waiting.pop()
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        wanted = frozenset(requirement.extras) | {""}
        applies = requirement.marker is None or any(
            requirement.marker.evaluate({"extra": extra}) for extra in extras
        )
        if not applies or (name, wanted) in seen:
            continue
        seen.add((name, wanted))
        found[name] = distribution(name)
        waiting += [(Requirement(line), wanted) for line in found[name].requires or []]
    return found


def make(folder: Path) -> Path:
    """Make the environment; gives its folder of programs."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for one in needed().values():
        tops = {file.parts[0] for file in one.files or [] if file.parts[0] != ".."}
        for top in tops - {"__pycache__"}:
            if not (packages / top).exists():
                (packages / top).symlink_to(one.locate_file(top))
    (packages / "tbspot").symlink_to(ROOT / "src" / "tbspot")
    # The version is asked of the installed package.
    info = packages / f"tbspot-{distribution('tbspot').version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(distribution("tbspot").read_text("METADATA") or "", "utf-8")
    command = folder / "bin" / "tbspot"
    command.write_text(COMMAND.format(python=folder / "bin" / "python"))
    command.chmod(0o755)
    return folder / "bin"
