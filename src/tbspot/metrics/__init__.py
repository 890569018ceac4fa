"""Figures as pure functions of arrays: overlap, localization, boxes, classification, resampling.

Takes arrays and boxes; gives numbers, or raises `UndefinedError` with the reason. Which films and
which thresholds is left to evaluation/; nothing here knows torch, files or films.
"""

from tbspot.metrics.classification import (
    auroc,
    average_precision,
    delong,
    roc_points,
    sensitivity_at,
    source_label_auroc,
    specificity_at,
)
from tbspot.metrics.detection import Detections, box_average_precision, froc, match_boxes
from tbspot.metrics.localization import energy_inside, one_sided, pointing, points_to_side
from tbspot.metrics.overlap import box_iou, lesions_found, mask_iou
from tbspot.metrics.proportions import mover_ratio, wilson
from tbspot.metrics.resampling import (
    Estimate,
    Patients,
    Resampled,
    UndefinedError,
    bootstrap,
    interval_of,
    numbered,
    ratios,
    resample,
    sign_flip_p,
    unless_undefined,
)

__all__ = [
    "Detections",
    "Estimate",
    "Patients",
    "Resampled",
    "UndefinedError",
    "auroc",
    "average_precision",
    "bootstrap",
    "box_average_precision",
    "box_iou",
    "delong",
    "energy_inside",
    "froc",
    "interval_of",
    "lesions_found",
    "mask_iou",
    "match_boxes",
    "mover_ratio",
    "numbered",
    "one_sided",
    "pointing",
    "points_to_side",
    "ratios",
    "resample",
    "roc_points",
    "sensitivity_at",
    "sign_flip_p",
    "source_label_auroc",
    "specificity_at",
    "unless_undefined",
    "wilson",
]
