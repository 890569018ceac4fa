"""The found regions as a mask (Segmentation, PS3.3 A.51) on the film's own matrix.

Takes a film's source, prediction and evidence; gives an object with one segment a region, in the
order of the boxes. How regions are cut is left to maps/boxes.py.
"""

from __future__ import annotations

import numpy as np
from highdicom.seg import Segmentation, SegmentationTypeValues, SegmentDescription
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from tbspot.errors import TbspotError
from tbspot.files import fingerprint
from tbspot.hospital.instance import algorithm_of_segment, finished, identity, region_uid
from tbspot.hospital.source import Source
from tbspot.maps.boxes import find_regions, normalise, threshold_of
from tbspot.records.predictions import Prediction

__all__ = ["region_masks", "segmentation"]


def segmentation(source: Source, prediction: Prediction, evidence: NDArray[np.float32]) -> Dataset:
    """The film's regions as binary segments.

    One segment a region, not all in one: so each has the box and the score of its own in the
    report, which calls it by the same tracking UID, and a viewer can show and hide it. It costs
    a bit a pixel and region.

    Args:
        source: of the film.
        prediction: of status `ok`, with one box at least: the standard knows no segmentation
            without a segment.
        evidence: `[h, w]` of the whole film, from which the boxes were cut.

    Raises:
        TbspotError: the evidence is not that of the boxes.
    """
    reference = source.reference
    masks = region_masks(prediction, evidence, reference.Rows, reference.Columns)
    if len(masks) != len(prediction.boxes):
        raise TbspotError(f"the heat map of {source.name} is not that of its boxes; locate it anew")
    made = Segmentation(
        [reference],
        masks.transpose(1, 2, 0)[None],
        SegmentationTypeValues.BINARY,
        [_described(source, prediction, number) for number in range(1, len(masks) + 1)],
        omit_empty_frames=False,
        content_label="TB_REGIONS",
        content_description="regions of a heat map for tuberculosis (research)",
        **identity(source, prediction, "seg", fingerprint(np.packbits(masks).tobytes())),
    )
    made.PatientOrientation = reference.PatientOrientation
    # The library draws it by lot, and the same answer is to be the same object.
    dimensions = region_uid(source, prediction, 0)
    for item in (*made.DimensionOrganizationSequence, *made.DimensionIndexSequence):
        item.DimensionOrganizationUID = dimensions
    return finished(made, source)


def region_masks(
    prediction: Prediction, evidence: NDArray[np.float32], rows: int, columns: int
) -> NDArray[np.bool_]:
    """Each region's mask `[n, rows, columns]` on the film's pixels, in the order of the boxes."""
    normalised = normalise(evidence)
    rule = prediction.map_rule or "otsu"
    regions = find_regions(normalised, threshold_of(normalised, rule, prediction.map_threshold))
    numbers = np.arange(1, regions.max(initial=0) + 1)
    spread = _spread(_spread(regions, rows, 0), columns, 1)
    masks: NDArray[np.bool_] = spread == numbers[:, None, None]
    return masks


def _spread(regions: NDArray[np.int_], pixels: int, axis: int) -> NDArray[np.int_]:
    """The regions on so many pixels along an axis.

    A pixel smaller than a place of the map has what lies at its centre, a larger one whatever
    lies in it: so no region loses its ends, which its box counts.
    """
    side = regions.shape[axis]
    within = 0.5 if pixels >= side else 0
    starts = ((np.arange(pixels) + within) * side / pixels).astype(np.int_)
    spread: NDArray[np.int_] = np.maximum.reduceat(regions, starts, axis)
    return spread


def _described(source: Source, prediction: Prediction, number: int) -> SegmentDescription:
    return SegmentDescription(
        segment_number=number,
        segment_label=f"Region {number}",
        segmented_property_category=codes.cid7150.MorphologicallyAbnormalStructure,
        segmented_property_type=codes.cid7159.Lesion,
        algorithm_type="AUTOMATIC",
        algorithm_identification=algorithm_of_segment(prediction),
        tracking_uid=region_uid(source, prediction, number),
        tracking_id=f"Region {number}",
        anatomic_regions=[codes.SCT.Chest],
    )
