"""Boxes as detections: average precision and FROC.

Takes a film's predicted and true boxes, then the detections of all films; gives figures for one or
many resamples of the films. Where boxes come from is left to maps/boxes.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tbspot.metrics.overlap import box_iou, reaches
from tbspot.metrics.resampling import ROUNDING, Cuts

__all__ = ["Detections", "box_average_precision", "froc", "match_boxes"]

# COCO's recall levels (Lin et al. 2014, arXiv 1405.0312; pycocotools' recThrs).
RECALL_LEVELS = np.linspace(0, 1, 101)


def match_boxes(
    predicted: NDArray[np.float64], truth: NDArray[np.float64], least_iou: float
) -> NDArray[np.bool_]:
    """Which predicted boxes, best first, find a truth box that no better one has taken.

    COCO's rule: each predicted box in turn takes the free truth box that it overlaps most, if by
    at least `least_iou`.
    """
    correct = np.zeros(len(predicted), bool)
    if not len(truth):
        return correct
    overlap = box_iou(predicted, truth)
    for row in range(len(predicted)):
        best = int(overlap[row].argmax())
        if reaches(overlap[row, best], least_iou):
            correct[row] = True
            overlap[:, best] = -1
    return correct


@dataclass(frozen=True)
class Detections:
    """The predicted boxes of all films.

    Attributes:
        film: index of each box's film, `[d]`.
        scores: of each box, `[d]`.
        correct: whether it found a truth box, `[d]`.
        truths: how many truth boxes each film has, `[films]`.
    """

    film: NDArray[np.intp]
    scores: NDArray[np.float64]
    correct: NDArray[np.bool_]
    truths: NDArray[np.float64]


def box_average_precision(
    detections: Detections, counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """COCO's average precision: highest precision from each of 101 recall levels on, averaged.

    Args:
        detections: of all films.
        counts: how often each film was drawn, `[b, films]`.

    Returns:
        One figure a row, `[b]`; NaN where no film with a truth box was drawn.
    """
    # As in COCO, equal scores are separate cuts in the order of their films.
    order = np.argsort(-detections.scores, kind="stable")
    weights = counts[:, detections.film[order]]
    found = (weights * detections.correct[order]).cumsum(axis=1)
    boxes = weights.cumsum(axis=1)
    total = counts @ detections.truths
    precision = np.divide(found, boxes, out=np.zeros_like(found), where=boxes > 0)
    best_from_here = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    best_from_here = np.pad(best_from_here, ((0, 0), (0, 1)))
    averages = np.full(len(counts), np.nan)
    for row in np.flatnonzero(total > 0):
        places = np.searchsorted(found[row] / total[row], RECALL_LEVELS)
        averages[row] = best_from_here[row, places].mean()
    return averages


def froc(
    detections: Detections, counts: NDArray[np.float64], allowed: float
) -> NDArray[np.float64]:
    """Share of truth boxes found at the lowest cut with at most `allowed` false boxes a film.

    Args:
        detections: of all films.
        counts: how often each film was drawn, `[b, films]`.
        allowed: false boxes a film.

    Returns:
        One figure a row, `[b]`; NaN where no film with a truth box was drawn.
    """
    cuts = Cuts.of(detections.scores)
    weights = counts[:, detections.film]
    found = cuts.above(weights * detections.correct)
    false = cuts.above(weights * ~detections.correct)
    within = false <= allowed * counts.sum(axis=1, keepdims=True) + ROUNDING
    most: NDArray[np.float64] = np.where(within, found, 0).max(axis=1, initial=0)
    total = counts @ detections.truths
    return np.divide(most, total, out=np.full_like(most, np.nan), where=total > 0)
