"""Does this installation give the answers that the released model was checked with?

Takes a model file and the reference beside it; gives how far this machine's answer is from it.
The film is a drawn one and lies in the reference, so that nothing else can differ.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tbspot.choices import Precision
from tbspot.engine.engine import Engine, open_engine, released_model
from tbspot.errors import TbspotError
from tbspot.export.agreement import Agreement, Observation, compare, observations
from tbspot.parsing import open_file
from tbspot.storage import replacing

__all__ = ["Result", "reference_path", "selftest", "write_reference"]

SEED = (2026,)
# Of the film and map, unpacked: a thousand times those of the released model.
MOST_BYTES = 500_000_000
# Differences between processors in float32 stay far below; the others keep 8 bits of a number.
ALLOWED = {
    "float32": (1e-3, 0.99),
    "bfloat16": (0.05, 0.85),
    "float16": (0.05, 0.85),
    "int8": (0.1, 0.8),
}


@dataclass(frozen=True)
class Result:
    """What the test found.

    Attributes:
        engine: library and precision that answered.
        agreement: with the reference.
        passed: whether it is close enough for that precision.
    """

    engine: str
    agreement: Agreement
    passed: bool


def reference_path(model: Path) -> Path:
    """Where the reference of a model file lies."""
    return model.with_suffix(".selftest.npz")


def write_reference(path: Path, engine: Engine) -> Path:
    """Draw a film, ask the engine, and keep both beside the model file at `path`."""
    # Drawing needs scipy, and only who exports a model draws.
    from tbspot.drawings import draw_film

    description = engine.description
    film = draw_film("tb", min(description.size, 512), SEED).pixels
    ((score, evidence),) = observations(engine, description, [_pixels(film)])
    reference = reference_path(path)
    with replacing(reference) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            film=film,
            score=np.float64(score),
            evidence=evidence,
            version=np.array(description.version),
        )
    return reference


def selftest(
    model: Path | None = None, precision: Precision = "auto", device: str = "cpu"
) -> Result:
    """Ask a model file for its reference film and compare.

    Args:
        model: an `.onnx` file of `tbspot export`; `None` = the released one.
        precision: to compute in.
        device: to compute on; see `tbspot.engine.devices.device_for`.

    Raises:
        TbspotError: the reference is absent, broken, or of another version of the model.
    """
    model = released_model() if model is None else model
    engine = open_engine(model, precision, device=device)
    film, expected, version = _read(reference_path(model))
    if version != engine.description.version:
        raise TbspotError(
            f"{reference_path(model)} belongs to version {version} and {model} is version "
            f"{engine.description.version}; run `tbspot export` again"
        )
    found = observations(engine, engine.description, [film])
    agreement = compare(found, [expected], engine.description)
    score, mask = ALLOWED[engine.name.split()[1]]
    return Result(engine.name, agreement, agreement.score <= score and agreement.mask >= mask)


def _read(path: Path) -> tuple[NDArray[np.float32], Observation, str]:
    try:
        # By an open file: NumPy leaves a broken one open that it opened itself.
        with open_file(path, MOST_BYTES) as file:
            with zipfile.ZipFile(file) as archive:
                if sum(one.file_size for one in archive.infolist()) > MOST_BYTES:
                    raise ValueError("it unpacks to more than a film and a map")
            file.seek(0)
            with np.load(file, allow_pickle=False) as stored, np.errstate(over="ignore"):
                observation = (float(stored["score"]), stored["evidence"].astype(np.float32))
                film, version = stored["film"], str(stored["version"])
        score, evidence = observation
        if film.dtype != np.uint8 or film.ndim != 2 or evidence.ndim != 2:
            raise ValueError("it holds no film and map")
        if not film.size or not evidence.size or not np.isfinite(evidence).all():
            raise ValueError("its film or map is empty, or no numbers")
        if not 0 <= score <= 1:
            raise ValueError("its score is none")
        return _pixels(film), observation, version
    except FileNotFoundError as error:
        raise TbspotError(
            f"{path}, which holds the answer to compare with, is not there; copy it along with its "
            "model, or write both with `tbspot export`"
        ) from error
    # NumPy and zipfile tell broken files by many kinds of error.
    except Exception as error:
        raise TbspotError(
            f"{path} is not a reference of tbspot; `tbspot export` writes one beside its model"
        ) from error


def _pixels(film: NDArray[np.uint8]) -> NDArray[np.float32]:
    return film.astype(np.float32) / np.float32(255)
