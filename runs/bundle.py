"""Folders from which tbspot is installed without a network: `python runs/bundle.py WHEEL FOLDER`.

Takes tbspot's wheel and a package index; gives a folder for each platform, with the wheels of
everything that `tbspot[hospital]` needs, their SHA-256 sums, an install script and the pages.
No torch. Wheels are those of one Python, by default this one's: `--python 3.12`.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).parent
EXTRA = "hospital"

LINUX = [f"manylinux_2_{minor}_x86_64" for minor in (28, 27, 24, 17, 12, 5)]
LINUX += ["manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64"]
MACOS = [f"macosx_{major}_0_{kind}" for major in (13, 12, 11) for kind in ("arm64", "universal2")]
# What uv and pip call each platform, and its script. macOS 13 is what uv resolves for.
PLATFORMS = {
    "linux-x86_64": ("x86_64-manylinux_2_28", LINUX, "install.sh"),
    "windows-x86_64": ("x86_64-pc-windows-msvc", ["win_amd64"], "install.bat"),
    "macos-arm64": ("aarch64-apple-darwin", [*MACOS, "macosx_10_9_universal2"], "install.sh"),
}


def main() -> None:
    options = _options()
    for platform in options.platform:
        folder = bundle(options.wheel, options.folder, platform, options.python)
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        sums = hashlib.sha256((folder / "SHA256SUMS").read_bytes()).hexdigest()
        print(f"{folder}: {size / 1e6:.0f} MB; SHA-256 of its SHA256SUMS: {sums}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--platform", action="append", choices=PLATFORMS)
    parser.add_argument("--python", default=f"{sys.version_info[0]}.{sys.version_info[1]}")
    options = parser.parse_args()
    options.platform = options.platform or list(PLATFORMS)
    return options


def bundle(wheel: Path, parent: Path, platform: str, python: str) -> Path:
    """The folder of one platform, made anew."""
    version = wheel.name.split("-")[1]
    folder = parent / f"tbspot-{version}-{platform}-python{python}"
    if folder.exists():
        shutil.rmtree(folder)
    wheels = folder / "wheels"
    wheels.mkdir(parents=True)
    shutil.copy(wheel, wheels)
    pins = _pins(wheels / wheel.name, platform, python)
    _download(pins, wheels, platform, python)
    requirements = [_requirement(one) for one in sorted(wheels.glob("*.whl"))]
    (folder / "requirements.txt").write_text("\n".join([*requirements, ""]), "utf-8")
    _complete(folder, platform, python)
    script = PLATFORMS[platform][2]
    text = (HERE / "bundle" / script).read_text("utf-8").replace("@PYTHON@", python)
    newline = "\r\n" if script.endswith(".bat") else "\n"
    (folder / script).write_text(text, "utf-8", newline=newline)
    copy_pages(folder)
    (folder / "SHA256SUMS").write_text("".join(_sums(folder)), "utf-8")
    return folder


def copy_pages(folder: Path) -> None:
    """What a technician without a network reads, first docs/install.md, and a service's unit."""
    root = HERE.parent
    for page in ("README.md", "model-card.md", "SECURITY.md", "CITATION.cff"):
        shutil.copy(root / page, folder)
    shutil.copytree(root / "docs", folder / "docs")
    shutil.copy(HERE / "tbspot.service", folder)
    first = (root / "docs" / "install.md").read_text("utf-8").replace("](../", "](")
    first = re.sub(r"\]\((?=[a-z]+\.md)", "](docs/", first)
    (folder / "INSTALL.md").write_text(first, "utf-8")


def _pins(wheel: Path, platform: str, python: str) -> list[str]:
    """Names and versions of what it needs there; pip's own resolver would ask for this machine."""
    wanted = f"tbspot[{EXTRA}] @ {wheel.resolve().as_uri()}\npip\n"
    compiled = _uv(
        [
            "pip",
            "compile",
            "--quiet",
            "--no-header",
            "--no-annotate",
            "--only-binary",
            ":all:",
            "-",
        ],
        platform,
        python,
        wanted,
    )
    return [line for line in compiled.splitlines() if not line.startswith("tbspot")]


def _uv(arguments: list[str], platform: str, python: str, text: str = "") -> str:
    there = ["--python-platform", PLATFORMS[platform][0], "--python-version", python]
    command = [sys.executable, "-m", "uv", *arguments, *there]
    return subprocess.run(command, input=text, text=True, stdout=subprocess.PIPE, check=True).stdout


def _download(pins: Iterable[str], wheels: Path, platform: str, python: str) -> None:
    tags = [part for tag in PLATFORMS[platform][1] for part in ("--platform", tag)]
    chosen = ["--no-deps", "--only-binary=:all:", "--python-version", python, *tags]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(wheels)]
    subprocess.run([*command, *chosen, *pins], check=True)


def _requirement(wheel: Path) -> str:
    """A line that pip installs from this very file alone."""
    name, version = wheel.name.split("-")[:2]
    extra = f"[{EXTRA}]" if name == "tbspot" else ""
    return f"{name}{extra}=={version} --hash=sha256:{_digest(wheel)}"


def _complete(folder: Path, platform: str, python: str) -> None:
    """Resolve it from the folder alone, as the platform will: nothing is lacking."""
    asked = ["pip", "install", "--quiet", "--dry-run", "--require-hashes", "--no-index"]
    files = ["--find-links", str(folder / "wheels"), "-r", str(folder / "requirements.txt")]
    with tempfile.TemporaryDirectory() as nowhere:
        _uv([*asked, *files, "--target", nowhere], platform, python)


def _sums(folder: Path) -> Iterable[str]:
    """Lines as sha256sum writes them."""
    for file in sorted(one for one in folder.rglob("*") if one.is_file()):
        yield f"{_digest(file)}  {file.relative_to(folder).as_posix()}\n"


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


if __name__ == "__main__":
    main()
