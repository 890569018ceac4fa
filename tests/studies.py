"""Small data sets whose truth and maps are rectangles, so that every figure can be worked out.

Gives a `Study`: films as grey files, a table that lists them, and predictions of them.
For the tests of evaluation, report and their commands.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tbspot.evaluation import EvaluationSettings
from tbspot.records.predictions import FILE_NAME, Prediction

Box = tuple[float, ...]


@dataclass
class Study:
    """Films, their truth, and predictions of them, in one folder."""

    folder: Path
    rows: list[dict[str, str]] = field(default_factory=list)

    def add(
        self,
        name: str,
        label: int,
        boxes: Sequence[Sequence[float | str]] | None = (),
        split: str = "test",
        source: str = "a",
        size: tuple[int, int] = (512, 512),
    ) -> None:
        """A film of `size` (width, height), each of another grey."""
        path = self.folder / "films" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        grey = np.random.default_rng(len(self.rows)).integers(0, 255, size[::-1], np.uint8)
        Image.fromarray(grey).save(path)
        cell = "" if boxes is None else json.dumps([list(box) for box in boxes])
        row = {"path": name, "label": str(label), "boxes": cell}
        self.rows.append(row | {"split": split, "source": source, "patient": name})

    @property
    def source(self) -> str:
        """The table that lists the films."""
        path = self.folder / "films" / "films.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, list(self.rows[0]))
            table.writeheader()
            table.writerows(self.rows)
        return str(path)

    def predict(self, name: str, maps: Mapping[str, np.ndarray | None], **fields: Any) -> Path:
        """A folder of predictions; a film whose map is `None` failed.

        Args:
            name: of the folder and of the model.
            maps: by film.
            fields: of every prediction; a dictionary is by film.
        """
        folder = self.folder / name
        folder.mkdir()
        lines = []
        for number, (film, evidence) in enumerate(maps.items()):
            width, height = self._size(film)
            given: dict[str, Any] = {"model": name, "version": "1", "score": 0.75, "threshold": 0.5}
            given |= {"status": "ok", "heatmap": f"{number}.npy", "width": width, "height": height}
            given |= {
                key: value[film] if isinstance(value, dict) else value
                for key, value in fields.items()
            }
            if evidence is None:
                given |= {"status": "failed", "reason": "it is broken"}
                given |= dict.fromkeys(("score", "heatmap", "width", "height"))
            else:
                np.save(folder / f"{number}.npy", evidence)
            lines.append(Prediction(image=film, **given).model_dump_json())
        (folder / FILE_NAME).write_text("\n".join(lines) + "\n", "utf-8")
        return folder

    def settings(self, predictions: Path, **changes: Any) -> EvaluationSettings:
        """Settings to judge these predictions on split `test`."""
        given = {
            "predictions": predictions,
            "out": self.folder / "out",
            "data": (self.source,),
            "split": "test",
            "resamples": 200,
        }
        return EvaluationSettings(**(given | changes))

    def _size(self, film: str) -> tuple[int, int]:
        path = self.folder / "films" / film
        if not path.exists():
            return 512, 512
        with Image.open(path) as image:
            return image.size


def rectangles(*boxes: Box) -> np.ndarray:
    """A map on the protocol's grid: 1 in the first box, a tenth less in each that follows."""
    evidence = np.zeros((512, 512), np.float32)
    for number, (x0, y0, x1, y1) in reversed(list(enumerate(boxes))):
        evidence[int(y0) : int(y1), int(x0) : int(x1)] = 1 - 0.1 * number
    return evidence
