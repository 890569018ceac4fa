"""What a threshold of the score would mean, from a folder that `tbspot calibrate` wrote.

Takes thresholds.csv and threshold.json; gives a sentence for any threshold. The figures are those
of calibration/; which threshold to use is left to its reader.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tbspot.calibration.run import TABLE_FILE
from tbspot.errors import TbspotError
from tbspot.records.threshold import THRESHOLD_FILE, ThresholdFile, read_threshold
from tbspot.samples.reading import read_rows
from tbspot.scores import shown_score

__all__ = ["Operating", "read_operating"]

COLUMNS = ("threshold", *(f"{name}{end}" for name in ("sensitivity", "specificity")
                          for end in ("", "_low", "_high")))  # fmt: skip


@dataclass(frozen=True)
class Operating:
    """A calibration as the page shows it.

    Attributes:
        chosen: the threshold that was chosen, for which model and how.
        thresholds: of the table, rising.
        words: for each threshold, its sensitivity and specificity.
    """

    chosen: ThresholdFile
    thresholds: tuple[float, ...]
    words: tuple[str, ...]

    def sentence(self, threshold: float) -> str:
        """What a threshold gives: only thresholds that are scores of the films divide them."""
        place = bisect_left(self.thresholds, threshold)
        if place == len(self.thresholds):
            return "No film of the calibration has a score that high: sensitivity 0 %"
        return self.words[place]

    def warning(self, version: str) -> str:
        """Why the figures are not of this model, if so."""
        if self.chosen.version == version:
            return ""
        known = f"version {self.chosen.version}" if self.chosen.version else "an unknown version"
        return f"The calibration is of {known} of the model, not of this one."


def read_operating(folder: Path) -> Operating:
    """Read the table of a folder of `tbspot calibrate`.

    Raises:
        TbspotError: a file is absent or not one of calibrate's.
    """
    chosen = read_threshold(folder / THRESHOLD_FILE)
    path = folder / TABLE_FILE
    try:
        rows = [(_finite(row["threshold"]), _words(row)) for _, row in read_rows(path, COLUMNS)]
    except (TbspotError, ValueError) as error:
        raise TbspotError(
            f"{path} is not a table of thresholds; run `tbspot calibrate` again"
        ) from error
    if not rows:
        raise TbspotError(f"{path} holds no threshold; run `tbspot calibrate` again")
    rows.sort()
    return Operating(chosen, tuple(row[0] for row in rows), tuple(row[1] for row in rows))


def _words(row: Mapping[str, str]) -> str:
    shares = (_share(row, name) for name in ("sensitivity", "specificity"))
    return f"At this threshold: {', '.join(shares)}"


def _share(row: Mapping[str, str], name: str) -> str:
    low, middle, high = (float(row[f"{name}{end}"]) for end in ("_low", "", "_high"))
    if not 0 <= low <= middle <= high <= 1:
        raise ValueError("not a share in its interval")
    # As scores: 100.0 % says that no film was missed.
    share, least, most = map(shown_score, (middle, low, high))
    return f"{name} {share} % (95 % interval {least} to {most} %)"


def _finite(cell: str) -> float:
    number = float(cell)
    if not math.isfinite(number):
        raise ValueError("not a number")
    return number
