"""What reading costs: films as clinics have them, in each syntax, through `tbspot locate`.

Takes the size and number of films; draws them with noise, writes them in each syntax, and prints
seconds a film beside a PNG of 512 pixels, the start of the program taken off. Beside it, in turns:
pydicom and Pillow written the plain way, and dcmtk's dcm2pnm with scaling where it is installed.
The largest film that tbspot reads is measured for its memory. With --compare, films of a folder are
made to such files, and what the net says of them reduced is compared with what it says of them
whole:

    python benchmarks/reading.py
    python benchmarks/reading.py --compare ../shared/data/tbx11k/films --films 24
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pydicom.uid
from measuring import Taken, interleaved, machine, row, run, tbspot
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate

from tbspot.drawings import draw_film
from tbspot.engine.engine import open_engine, released_model
from tbspot.images import is_film, read_pixels, read_with_facts, resize
from tbspot.locating.detail import enough_for
from tbspot.locating.predict import predict
from tbspot.maps.boxes import mask_of, normalise, threshold_of
from tbspot.maps.cutting import Cut, cut_of

BITS, SMALL, SIDE, NOISE = 12, 512, 384, 0.004
# Of the program's start and the films that only fill its cores.
FIRST = 2
LARGEST = (8000, 8000)

Film = NDArray[np.uint16]
Write = Callable[[Film, Path], None]


def drawn(height: int, width: int, seed: int) -> Film:
    """A drawn film of 12 bits with a detector's noise, without which it would pack too well."""
    picture = draw_film("tb", SMALL, (seed,)).pixels.astype(np.float32) / np.float32(255)
    return _as_scanned(picture, height, width, seed)


def _png(film: Film, path: Path) -> None:
    Image.fromarray(film << (16 - BITS)).save(path, compress_level=1)


def _small_png(film: Film, path: Path) -> None:
    small = resize(film.astype(np.float32) / (2**BITS - 1), SMALL, SMALL)
    Image.fromarray((small * 255).round().astype(np.uint8)).save(path)


def _data_set(film: NDArray[np.unsignedinteger], bits: int) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    dataset.SOPInstanceUID = pydicom.uid.generate_uid(entropy_srcs=[str(film.sum())])
    dataset.Modality, dataset.PhotometricInterpretation = "DX", "MONOCHROME2"
    dataset.Rows, dataset.Columns = film.shape
    dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = film.itemsize * 8, bits, bits - 1
    dataset.WindowCenter, dataset.WindowWidth = str(2 ** (bits - 1)), str(2**bits)
    dataset.PixelData = film.tobytes()
    dataset["PixelData"].VR = "OW" if film.itemsize == 2 else "OB"
    return dataset


def _dicom(film: Film, path: Path, syntax: str = "") -> None:
    dataset = _data_set(film, BITS)
    if syntax:
        dataset.compress(syntax, generate_instance_uid=False)
    dataset.save_as(path, enforce_file_format=True)


def _jpeg(film: Film, path: Path) -> None:
    levels = (film >> (BITS - 8)).astype(np.uint8)
    dataset, frame = _data_set(levels, 8), io.BytesIO()
    Image.fromarray(levels).save(frame, "JPEG", quality=92)
    dataset.PixelData = encapsulate([frame.getvalue()])
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.JPEGBaseline8Bit
    dataset.save_as(path, enforce_file_format=True)


def _by_gdcm(film: Film, path: Path, syntax: str) -> None:
    import gdcm

    _dicom(film, path)
    reader, change, writer = (
        gdcm.ImageReader(),
        gdcm.ImageChangeTransferSyntax(),
        gdcm.ImageWriter(),
    )
    reader.SetFileName(str(path))
    change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, syntax)))
    if not reader.Read():
        raise ValueError(f"GDCM cannot read {path}")
    change.SetInput(reader.GetImage())
    if not change.Change():
        raise ValueError(f"GDCM cannot write {syntax}")
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    writer.SetFileName(str(path))
    if not writer.Write():
        raise ValueError(f"GDCM cannot write {path}")


KINDS: dict[str, tuple[str, Write]] = {
    "PNG, 512 pixels": (".png", _small_png),
    "uncompressed DICOM": (".dcm", _dicom),
    "RLE": (".dcm", partial(_by_gdcm, syntax="RLELossless")),
    "JPEG baseline": (".dcm", _jpeg),
    "JPEG Lossless": (".dcm", partial(_by_gdcm, syntax="JPEGLosslessProcess14_1")),
    "JPEG-LS": (".dcm", partial(_dicom, syntax=pydicom.uid.JPEGLSLossless)),
    "JPEG 2000": (".dcm", partial(_dicom, syntax=pydicom.uid.JPEG2000Lossless)),
    "PNG, 16 bits": (".png", _png),
}
# The other lossless syntaxes give the same stored values as the uncompressed one (tested).
COMPARED = ("uncompressed DICOM", "JPEG baseline", "JPEG 2000", "PNG, 16 bits")
REFERENCE = next(iter(KINDS))


def plain(paths: list[Path]) -> None:
    """Read films as documentation would have it: whole, in floating point, to the net's size."""
    for path in paths:
        if path.suffix == ".png":
            values = np.asarray(Image.open(path), np.float32)
            shown = values / values.max()
        else:
            dataset = dcmread(path)
            values = dataset.pixel_array.astype(np.float32)
            low = float(dataset.WindowCenter) - float(dataset.WindowWidth) / 2
            shown = ((values - low) / float(dataset.WindowWidth)).clip(0, 1)
        Image.fromarray(shown).resize((SIDE, SIDE), Image.Resampling.BILINEAR)


def by_dcmtk(paths: list[Path], out: Path) -> None:
    """The same by a process of dcmtk a film, its start included."""
    for path in paths:
        tool = "dcm2pnm" if _starts(path) else "dcmj2pnm"
        run([tool, "-q", "+Wi", "1", "-a", "+Sxv", str(SIDE), "+on", path, out])


def _starts(path: Path) -> bool:
    syntax = dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID
    return not syntax.is_compressed or syntax == pydicom.uid.RLELossless


DCMTK = ("uncompressed DICOM", "RLE", "JPEG baseline", "JPEG Lossless")


def measure(folder: Path, model: Path, height: int, width: int, films: int, rounds: int) -> None:
    """Print a table of medians."""
    paths = {kind: list(_films(kind, folder, height, width, films)) for kind in KINDS}
    out = folder / "found"

    def locate(chosen: list[Path]) -> None:
        shutil.rmtree(out, ignore_errors=True)
        run(tbspot("locate", *chosen, "--model", model, "--out", out, "--force"))

    start = "the start, and two films"
    sides: dict[str, Callable[[], object]] = {
        start: partial(locate, paths[REFERENCE][:FIRST]),
        **{kind: partial(locate, paths[kind]) for kind in KINDS},
        **{f"plain {kind}": partial(plain, paths[kind]) for kind in KINDS},
    }
    if shutil.which("dcmj2pnm"):
        picture = folder / "dcmtk.png"
        sides |= {f"dcmtk {kind}": partial(by_dcmtk, paths[kind], picture) for kind in DCMTK}
    taken = interleaved(sides, rounds)
    small = _each(taken[REFERENCE], taken[start], films - FIRST, Taken(0, 0))
    row(f"films of {height} x {width}", "seconds a film", "of CPU", "of 512-pixel PNG", "of CPU",
        "plain", "of CPU", "dcmtk", "of CPU")  # fmt: skip
    row(*["---"] * 9)
    for kind in KINDS:
        each = _each(taken[kind], taken[start], films, Taken(*(FIRST * part for part in small)))
        shares = [f"{a / b:.2f}" for a, b in zip(each, small, strict=True)]
        others = [_two(taken.get(f"{other} {kind}"), films) for other in ("plain", "dcmtk")]
        row(kind, *_two(each, 1), *shares, *others[0], *others[1])


def _films(kind: str, folder: Path, height: int, width: int, films: int) -> Iterator[Path]:
    ending, write = KINDS[kind]
    for seed in range(films):
        path = folder / f"{kind.replace(' ', '-')}-{seed}{ending}"
        write(drawn(height, width, seed), path)
        yield path


def _each(whole: Taken, start: Taken, films: int, first: Taken) -> Taken:
    """Of one film, when `start` is in the whole and took `first` for films of its own."""
    parts = zip(whole, start, first, strict=True)
    return Taken(*((taken - begun + own) / films for taken, begun, own in parts))


def _two(taken: Taken | None, films: int) -> tuple[str, ...]:
    return ("", "") if taken is None else tuple(f"{part / films:.3f}" for part in taken)


def measure_largest(folder: Path, model: Path) -> None:
    """Print the greatest memory of `locate` and its decoding process together, a row a kind."""
    row(f"one film of {LARGEST[0]} x {LARGEST[1]}", "peak MiB, all processes", "seconds")
    row(*["---"] * 3)
    for kind in KINDS:
        if kind == REFERENCE:
            continue
        path = next(_films(kind, folder, *LARGEST, 1))
        out = folder / "found"
        shutil.rmtree(out, ignore_errors=True)
        peak, seconds = _watched(tbspot("locate", path, "--model", model, "--out", out, "--force"))
        row(kind, peak, f"{seconds:.1f}")
        path.unlink()


def compare(folder: Path, source: Path, height: int, width: int, films: int) -> None:
    """Print how far scores and masks move when films are read no finer than is needed."""
    found = sorted(path for path in source.rglob("*") if is_film(path))
    engine = open_engine()
    cut, enough = cut_of(engine.description), enough_for(engine.description)
    row("made to", "films", "greatest move of a score", "mean IoU of masks", "least")
    row(*["---"] * 5)
    for kind in COMPARED:
        moves, overlaps = [], []
        for number in range(films):
            path = folder / f"film{KINDS[kind][0]}"
            film = read_pixels(found[number * len(found) // films])
            KINDS[kind][1](_as_scanned(film, height, width, number), path)
            whole, reduced = (
                predict(film.pixels, "", engine, cut, shape=film.shape)
                for film in (read_with_facts(path, enough=asked) for asked in (None, enough))
            )
            moves.append(abs(whole[0].score - reduced[0].score))
            overlaps.append(_iou(*(_mask(evidence, cut) for _, evidence in (whole, reduced))))
        least, mean = min(overlaps), sum(overlaps) / films
        row(kind, films, f"{max(moves):.4f}", f"{mean:.4f}", f"{least:.4f}")


def _as_scanned(film: NDArray[np.float32], height: int, width: int, seed: int) -> Film:
    """A film of 12 bits and a clinic's size, with a detector's noise."""
    noise = np.random.default_rng(seed).normal(0, NOISE, (height, width)).astype(np.float32)
    levels = (resize(film, height, width) * 0.96 + 0.02 + noise) * (2**BITS - 1)
    return levels.clip(0, 2**BITS - 1).astype(np.uint16)


def _mask(evidence: NDArray[np.float32], cut: Cut) -> NDArray[np.bool_]:
    normalised = normalise(evidence)
    return mask_of(normalised, threshold_of(normalised, cut.rule, cut.value))


def _iou(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    either = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / either if either else 1.0


def _watched(command: list[str | Path]) -> tuple[int, float]:
    """Peak of the resident memory of a process and its children together (Linux), and seconds."""
    start, peak = time.perf_counter(), 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, _resident(process.pid))
            time.sleep(0.005)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return peak // 2**20, time.perf_counter() - start


def _resident(process: int) -> int:
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
        tasks = Path(f"/proc/{process}/task").iterdir()
        children = {int(c) for task in tasks for c in (task / "children").read_text().split()}
    except (OSError, IndexError):  # it ended meanwhile
        return 0
    return pages * 4096 + sum(map(_resident, children))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--size", type=int, nargs=2, default=[3000, 2500], help="height and width")
    parser.add_argument("--films", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--compare", type=Path, metavar="FOLDER", help="of films to be made such")
    given = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        if given.compare:
            compare(Path(name), given.compare, *given.size, given.films)
            sys.exit()
        chosen = given.model or released_model()
        measure(Path(name), chosen, *given.size, given.films, given.rounds)
        print()
        measure_largest(Path(name), chosen)
