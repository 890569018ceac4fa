"""Pictures of the README, docs/view.md and docs/hospital.md: the released model on drawn films.

    python runs/view_pictures.py docs/images

Draws, locates, evaluates and calibrates in a folder of its own; shows the film of the highest
score in Chromium, and a film's results as an archive shows them. Needs Debian's chromium and dcmtk,
and the extra `test`.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright
from pydicom import dcmread

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
# Of 256 grey values; 8 keep the pictures under 200 KB.
STEP = 8
# Of the worklist, a few films are enough.
TOP = {"x": 0, "y": 0, "width": 1100, "height": 760}
STEPS = """
draw drawn --count 90 --size 512 --seed 5
locate --data drawn --split train --out found-train
calibrate found-train --data drawn --split train --resamples 100 --out calibrated
locate --data drawn --split val --out found
evaluate found --data drawn --split val --resamples 100
"""
# The steps of docs/hospital.md; an archive would show the picture at this width.
HOSPITAL = """
python -m tbspot draw hospital --count 12 --size 1024
python -c "from PIL import Image; Image.open('hospital/imgs/tb/tb0001.png').save('film.bmp')"
img2dcm -i BMP film.bmp film.dcm -k PatientName=Drawn^Film -k PatientID=DRAWN-1 -k Modality=DX
python -m tbspot locate film.dcm --out results --dicom sc
"""
WIDTH = 480
VIEW = "view found --calibration calibrated --no-browser --port 0"


def main() -> None:
    """Make the run, serve it, take the pictures."""
    out = Path(sys.argv[1]).absolute()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for step in STEPS.strip().splitlines():
            subprocess.run(command(step), cwd=folder, check=True)
        with subprocess.Popen(
            command(VIEW), cwd=folder, stdout=subprocess.PIPE, text=True
        ) as server, sync_playwright() as driver:  # fmt: skip
            assert server.stdout is not None  # noqa: S101 - it was asked for
            address = server.stdout.readline().strip()
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            take(browser.new_page(viewport={"width": 1100, "height": 760}), address, out)
            browser.close()
            server.terminate()
        for step in HOSPITAL.strip().splitlines():
            program, *arguments = shlex.split(step)
            program = sys.executable if program == "python" else program
            subprocess.run([program, *arguments], cwd=folder, check=True)
        (result,) = Path(folder, "results").rglob("*.dcm")
        take_result(result, out)


def command(line: str) -> list[str]:
    """A line of tbspot's as a process is started."""
    return [sys.executable, "-m", "tbspot", *line.split()]


def take(page: Page, address: str, out: Path) -> None:
    """The worklist, and the first film of it."""
    page.goto(address, wait_until="networkidle")
    keep(Image.open(BytesIO(page.screenshot(clip=TOP))), out / "view-worklist.png")
    page.locator("a.film").first.click()
    page.locator(".boxes tbody tr").first.wait_for()
    page.wait_for_load_state("networkidle")
    keep(Image.open(BytesIO(page.screenshot())), out / "view-film.png")


def take_result(result: Path, out: Path) -> None:
    """The picture of a film's results (secondary capture)."""
    shown = Image.fromarray(dcmread(result).pixel_array)
    keep(shown.resize((WIDTH, shown.height * WIDTH // shown.width)), out / "hospital-picture.png")


def keep(picture: Image.Image, path: Path) -> None:
    """Write a picture in coarser steps: less than half the size, and no hue is lost."""
    coarse = picture.convert("RGB").point(lambda v: STEP * round(v / STEP))
    coarse.save(path, optimize=True)


if __name__ == "__main__":
    main()
