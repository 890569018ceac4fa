"""The result as figures (Comprehensive SR by TID 1500, PS3.16), for programs that read.

Takes a film's source and prediction; gives a document: the score with its threshold and each box,
or why there is none. What a viewer makes of it is left to the viewer.
"""

from __future__ import annotations

import numpy as np
from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from tbspot import __version__
from tbspot.hospital.instance import (
    DISCLAIMER,
    algorithm,
    device_uid,
    finished,
    identity,
    region_uid,
    said_of_score,
    words,
)
from tbspot.hospital.source import Source
from tbspot.images.facts import MAKER
from tbspot.records.predictions import PredictedBox, Prediction

__all__ = ["structured_report"]

# SNOMED CT: what the score speaks of, and the film. The dictionary of pydicom has neither.
TUBERCULOSIS = Code("154283005", "SCT", "Pulmonary tuberculosis")
CHEST_FILM = Code("399208008", "SCT", "Plain chest X-ray")


def structured_report(source: Source, prediction: Prediction) -> Dataset:
    """The film's document, complete, unverified and preliminary.

    Scores are `Certainty of Finding` (111012, DCM) in units of 1, as the standard's own template
    of chest CAD has them (TID 4104, there in percent). A refused film has the gate's sentence in
    their place.

    Args:
        source: of the film.
        prediction: of status `ok` or `refused`.
    """
    boxes = [
        _of_box(source, prediction, number, box) for number, box in enumerate(prediction.boxes, 1)
    ]
    content = sr.MeasurementReport(
        observation_context=_context(prediction),
        procedure_reported=CHEST_FILM,
        imaging_measurements=[_of_film(source, prediction), *boxes],
    )
    made = sr.ComprehensiveSR(
        [source.reference], content[0], is_complete=True, **identity(source, prediction, "sr")
    )
    return finished(made, source)


def _context(prediction: Prediction) -> sr.ObservationContext:
    """A program has observed (PS3.16 TID 1004)."""
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=device_uid(prediction),
        name=MAKER,
        manufacturer_name=MAKER,
        model_name=words(prediction.model),
        serial_number=words(prediction.version),
    )
    return sr.ObservationContext(
        observer_device_context=sr.ObserverContext(codes.DCM.Device, device)
    )


def _of_film(source: Source, prediction: Prediction) -> sr.MeasurementsAndQualitativeEvaluations:
    """What is said of the film as a whole (TID 1501)."""
    reference = source.reference
    judged = prediction.score is not None
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            uid=region_uid(source, prediction, 0), identifier="Film"
        ),
        finding_type=TUBERCULOSIS if judged else None,
        algorithm_id=algorithm(prediction),
        measurements=_measurements(prediction),
        source_images=[
            sr.SourceImageForMeasurementGroup(reference.SOPClassUID, reference.SOPInstanceUID)
        ],
    )
    for sentence in _sentences(prediction):
        group[0].ContentSequence.append(
            sr.TextContentItem(codes.DCM.Comment, sentence, sr.RelationshipTypeValues.CONTAINS)
        )
    return group


def _measurements(prediction: Prediction) -> list[sr.Measurement]:
    named = (
        (codes.DCM.CertaintyOfFinding, prediction.score),
        (codes.DCM.ThresholdValue, prediction.threshold),
    )
    return [_figure(name, value) for name, value in named if value is not None]


def _figure(name: Code, value: float) -> sr.Measurement:
    return sr.Measurement(name, value, codes.UCUM.NoUnits)


def _sentences(prediction: Prediction) -> list[str]:
    sentences = [f"{DISCLAIMER}. Made by {MAKER} {__version__}, which is no medical device."]
    if prediction.score is None:
        return [*sentences, f"Not judged: {prediction.reason or prediction.code or 'no reason'}."]
    warning = [f"Warning: {prediction.reason}."] if prediction.reason else []
    count = len(prediction.boxes)
    said = f"{said_of_score(prediction)}; {count} region{'s' * (count != 1)} found."
    return [*sentences, said, *warning]


def _of_box(
    source: Source, prediction: Prediction, number: int, box: PredictedBox
) -> sr.PlanarROIMeasurementsAndQualitativeEvaluations:
    """A box as a closed line on the film (TID 1410, SCOORD of PS3.3 C.18.6).

    Both count from the upper left corner of the upper left pixel, so corners are copied.
    """
    reference = source.reference
    corners = [
        (box.x0, box.y0), (box.x1, box.y0), (box.x1, box.y1), (box.x0, box.y1), (box.x0, box.y0),
    ]  # fmt: skip
    return sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            uid=region_uid(source, prediction, number), identifier=f"Region {number}"
        ),
        referenced_region=sr.ImageRegion(
            graphic_type=sr.GraphicTypeValues.POLYLINE,
            graphic_data=np.array(corners),
            source_image=sr.SourceImageForRegion(reference.SOPClassUID, reference.SOPInstanceUID),
        ),
        finding_category=codes.cid7150.MorphologicallyAbnormalStructure,
        finding_type=codes.cid7159.Lesion,
        algorithm_id=algorithm(prediction),
        measurements=[_figure(codes.DCM.CertaintyOfFinding, box.score)],
    )
