"""Scores to a threshold one can defend, and to what it means in a programme.

Takes scores with their truth; gives calibration.json, thresholds.csv, threshold.json and a page.
How scores are made is left to engines: nothing here knows torch or films.
"""

from tbspot.calibration.run import CalibrationSettings, calibrate, read_scored, write_calibration
from tbspot.calibration.scored import Scored
from tbspot.records.calibration import Calibration

__all__ = [
    "Calibration",
    "CalibrationSettings",
    "Scored",
    "calibrate",
    "read_scored",
    "write_calibration",
]
