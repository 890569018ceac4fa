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
from tbspot.metrics.proportions import ratio, share
from tbspot.metrics.resampling import (
    Estimate,
    interval_of,
    ratio_estimates,
    resample,
    sign_flip_p,
)
from tbspot.metrics.undefined import UndefinedError

__all__ = [
    "Detections",
    "Estimate",
    "UndefinedError",
    "auroc",
    "average_precision",
    "box_average_precision",
    "box_iou",
    "delong",
    "energy_inside",
    "froc",
    "interval_of",
    "lesions_found",
    "mask_iou",
    "match_boxes",
    "one_sided",
    "pointing",
    "points_to_side",
    "ratio",
    "ratio_estimates",
    "resample",
    "roc_points",
    "sensitivity_at",
    "share",
    "sign_flip_p",
    "source_label_auroc",
    "specificity_at",
]
