"""How much disk the light installation takes: `pip install .` without extras.

Takes nothing; makes a virtual environment in a temporary folder (packages come over the network)
and prints what it holds, the greatest packages by name, pip itself left out:

    python benchmarks/install_size.py
"""

from __future__ import annotations

import subprocess
import tempfile
import venv
from pathlib import Path

from measuring import machine, row

ROOT = Path(__file__).parents[1]
# They come with every virtual environment, not with tbspot.
NOT_OURS = ("pip", "setuptools", "pkg_resources", "_distutils_hack")
SHOWN = 8


def measure() -> None:
    """Print a table of MB."""
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder, "bin", "python")
        install = [python, "-m", "pip", "install", "--quiet", "--no-compile", ROOT]
        subprocess.run(install, check=True)
        (packages,) = Path(folder).glob("lib/*/site-packages")
        sizes = {
            entry.name: size(entry)
            for entry in packages.iterdir()
            if not entry.name.startswith(NOT_OURS)
        }
    row("package", "MB")
    row("---", "---")
    row("all", f"{sum(sizes.values()) / 1e6:.0f}")
    for name, each in sorted(sizes.items(), key=lambda item: -item[1])[:SHOWN]:
        row(name, f"{each / 1e6:.0f}")
    row("torch among them", "yes" if "torch" in sizes else "no")


def size(entry: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = entry.rglob("*") if entry.is_dir() else [entry]
    return sum(file.stat().st_size for file in files if file.is_file())


if __name__ == "__main__":
    measure()
