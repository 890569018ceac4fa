"""What a release says of itself is true everywhere it is said: version, date, terms.

And the recipes that build, install and bundle it work; these need a package index, and are skipped
where none answers, except in CI.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import bundle
import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def _cited(key: str) -> str:
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    return re.findall(rf"^{key}: (.+)$", citation, re.MULTILINE)[0]


def test_the_newest_release_has_one_version_and_one_date() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    released = re.findall(r"^## (\S+) \((\d{4}-\d\d-\d\d)\)$", changes, re.MULTILINE)
    assert released[0] == (PROJECT["version"], _cited("date-released"))
    assert _cited("version") == PROJECT["version"]


def test_each_licence_that_the_package_names_has_its_text() -> None:
    texts = [path for glob in PROJECT["license-files"] for path in ROOT.glob(glob)]
    apache, creative = sorted(texts)
    assert PROJECT["license"] == f"Apache-2.0 AND {creative.stem}"
    assert "Apache License" in apache.read_text("utf-8")
    title = "Creative Commons Attribution-NonCommercial-ShareAlike 4.0 International"
    assert creative.read_text("utf-8").startswith(title)


@pytest.fixture
def _index(tmp_path: Path) -> None:
    asked = ["pip", "install", "--dry-run", "--target", str(tmp_path / "none"), "hatchling"]
    answer = subprocess.run([sys.executable, "-m", "uv", *asked], check=False, capture_output=True)
    if answer.returncode and not os.environ.get("CI"):
        pytest.skip("no package index answers")


def _recipe(name: str, *arguments: Path) -> str:
    done = subprocess.run(
        ["bash", ROOT / "runs" / name, *arguments],
        env=os.environ | {"PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _tracked_or_new() -> set[str]:
    """What git would commit: neither caches nor runs."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    return set(subprocess.check_output(listing, cwd=ROOT, text=True).splitlines())


@pytest.mark.slow
@pytest.mark.usefixtures("_index")
def test_a_release_has_the_same_bytes_twice_holds_what_is_named_and_works_outside_the_checkout(
    tmp_path: Path,
) -> None:
    said = _recipe("dist.sh", tmp_path)
    assert "the same bytes" in said
    assert f"tbspot {PROJECT['version']} (Apache-2.0)" in said
    assert "torch: not installed" in said
    assert "passed: OpenVINO" in said
    assert "ok 1, refused 0, failed 0" in said
    name = f"tbspot-{PROJECT['version']}"
    with zipfile.ZipFile(tmp_path / f"{name}-py3-none-any.whl") as wheel:
        files = set(wheel.namelist())
    about = f"{name}.dist-info/"
    assert {path.split("/")[0] for path in files} == {"tbspot", about.strip("/")}
    assert {f"{about}licenses/LICENSE", f"{about}licenses/LICENSES/CC-BY-NC-SA-4.0.txt"} < files
    if (ROOT / ".git").exists() and shutil.which("git"):
        with tarfile.open(tmp_path / f"{name}.tar.gz") as sdist:
            held = {member.name.removeprefix(f"{name}/") for member in sdist}
        assert held - {"PKG-INFO"} == {one for one in _tracked_or_new() if one[:4] != ".ci/"}


def _folder_to_install(tmp_path: Path, python: str) -> Path:
    """A bundle's script, with a file and its sum, for a Python."""
    script = (ROOT / "runs" / "bundle" / "install.sh").read_text("utf-8")
    (tmp_path / "install.sh").write_text(script.replace("@PYTHON@", python))
    (tmp_path / "wheel").write_bytes(b"wheel")
    digest = hashlib.sha256(b"wheel").hexdigest()
    (tmp_path / "SHA256SUMS").write_text(f"{digest}  wheel\n")
    return tmp_path


def _refusal(folder: Path) -> str:
    into = folder / "installed"
    done = subprocess.run(
        ["sh", folder / "install.sh", into],
        env=os.environ | {"PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert not into.exists()
    return done.stderr.splitlines()[-1]


def test_a_bundle_with_a_changed_file_is_not_installed(tmp_path: Path) -> None:
    folder = _folder_to_install(tmp_path, f"3.{sys.version_info[1]}")
    (folder / "wheel").write_bytes(b"another")
    assert _refusal(folder) == "this folder is not as it was made; copy it again"


def test_a_bundle_is_not_installed_for_another_python(tmp_path: Path) -> None:
    assert _refusal(_folder_to_install(tmp_path, "3.1")).startswith(
        "these wheels are for Python 3.1;"
    )


def test_a_bundle_has_the_pages_that_its_first_one_leads_to(tmp_path: Path) -> None:
    bundle.copy_pages(tmp_path)
    text = (tmp_path / "INSTALL.md").read_text("utf-8")
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    assert {"README.md", "docs/hospital.md"} <= set(links)
    assert not [link for link in links if not (tmp_path / link).exists()]
    assert (tmp_path / "tbspot.service").exists()


def test_reports_of_faults_lie_where_a_restart_of_the_service_leaves_them() -> None:
    lines = (ROOT / "runs" / "tbspot.service").read_text("utf-8").splitlines()
    said = dict(line.split("=", 1) for line in lines if "=" in line)
    # systemd empties a private /tmp whenever the service ends.
    assert said["PrivateTmp"] == "true"
    assert said["Environment"] == f"TMPDIR={said['ReadWritePaths']}"


@pytest.mark.slow
@pytest.mark.usefixtures("_index")
@pytest.mark.skipif("TBSPOT_BUNDLE" not in os.environ, reason="two minutes: TBSPOT_BUNDLE=1")
def test_the_bundle_for_linux_is_installed_without_an_index_and_used(tmp_path: Path) -> None:
    wheel = [sys.executable, "-m", "uv", "build", "--wheel", "--out-dir", tmp_path, ROOT]
    subprocess.run(wheel, check=True, capture_output=True)
    maker = [sys.executable, ROOT / "runs" / "bundle.py", "--platform", "linux-x86_64"]
    subprocess.run([*maker, *tmp_path.glob("*.whl"), tmp_path], check=True, capture_output=True)
    (folder,) = tmp_path.glob("tbspot-*-linux-x86_64-*")
    assert not list(folder.glob("wheels/torch*"))
    closed = {"PYTHON": sys.executable, "https_proxy": "http://127.0.0.1:9"}
    subprocess.run(
        ["sh", folder / "install.sh", tmp_path / "clinic"], env=os.environ | closed, check=True
    )
    subprocess.run(
        [
            tmp_path / "clinic" / "bin" / "tbspot",
            "locate",
            "--example",
            "--out",
            tmp_path / "shown",
        ],
        check=True,
    )
    assert list((tmp_path / "shown" / "overlays").iterdir())
