"""What all results of a film share: UIDs that follow from the answer, series, maker, identifiers.

Takes a film's source and prediction; gives keywords for highdicom and the finishing of what it
made. The contents are left to the three kinds of results.
"""

from __future__ import annotations

import json
import re
from typing import Any, TypeAlias, TypeVar
from uuid import NAMESPACE_OID, UUID, uuid5

from highdicom import AlgorithmIdentificationSequence
from highdicom.sr import AlgorithmIdentification
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import UID

from tbspot import __version__
from tbspot.choices import ResultKind
from tbspot.hospital.source import Source
from tbspot.records.predictions import Prediction
from tbspot.scores import shown_score

__all__ = [
    "DISCLAIMER",
    "MAKER",
    "Kind",
    "algorithm",
    "algorithm_of_segment",
    "device_uid",
    "finished",
    "identity",
    "region_uid",
    "said_of_score",
    "words",
]

Kind: TypeAlias = ResultKind
Made = TypeVar("Made", bound=Dataset)

DISCLAIMER = "Research use only, not a diagnosis"
MAKER = "tbspot"
# Counted up when the same answer is said in another way, as an instance may never change.
LAYOUT = 2
# Behind the series of any machine; the description is what people read.
SERIES: dict[Kind, tuple[int, str]] = {
    "sc": (9801, "tbspot film, heat map and boxes (research)"),
    "seg": (9802, "tbspot regions (research)"),
    "sr": (9803, "tbspot report (research)"),
}
# VR LO (PS3.5 6.2).
LONGEST = 64


def identity(source: Source, prediction: Prediction, kind: Kind) -> dict[str, Any]:
    """Series, instance and maker of a result, as every class of highdicom takes them.

    The same answer of the same model about the same instance has the same UID whenever and
    wherever it is made; another score, threshold, cut or box has another one. All answers of one
    kind that a version of a model gives about an instance are in one series.
    """
    model, version = words(prediction.model), words(prediction.version)
    number, description = SERIES[kind]
    return {
        "series_instance_uid": _uid(source, "series", kind, model, version),
        "series_number": number,
        "series_description": description,
        "sop_instance_uid": _uid(source, "instance", kind, *_answer(prediction)),
        "instance_number": 1,
        "manufacturer": MAKER,
        "manufacturer_model_name": model,
        "software_versions": [__version__, version],
        "device_serial_number": version,
    }


def region_uid(source: Source, prediction: Prediction, number: int) -> UID:
    """By which the report and the segmentation call the same region; number 0 is the film."""
    return _uid(source, "region", number, *_answer(prediction))


def device_uid(prediction: Prediction) -> UID:
    """Of the model in its version, as an observer."""
    return _uid_of(uuid5(NAMESPACE_OID, MAKER), "device", prediction.model, prediction.version)


def _answer(prediction: Prediction) -> tuple[Any, ...]:
    # Rounded, so that sums in another order of another processor do not make another answer.
    boxes = [[round(value, 2) for value in (b.x0, b.y0, b.x1, b.y1)] for b in prediction.boxes]
    score = None if prediction.score is None else f"{prediction.score:.4f}"
    return (
        prediction.model,
        prediction.version,
        prediction.status,
        prediction.code,
        score,
        prediction.threshold,
        prediction.map_rule,
        prediction.map_threshold,
        boxes,
    )


def _uid(source: Source, *parts: Any) -> UID:
    return _uid_of(uuid5(NAMESPACE_OID, source.reference.SOPInstanceUID), LAYOUT, *parts)


def _uid_of(namespace: UUID, *parts: Any) -> UID:
    """A UID made of a name-based UUID (PS3.5 B.2)."""
    return UID(f"2.25.{uuid5(namespace, json.dumps(parts)).int}")


def words(text: str) -> str:
    """Text as a tag of 64 characters can hold it, never empty."""
    plain = re.sub(r"[\x00-\x1f\x7f-\x9f\\]", " ", text).strip().encode(errors="replace")
    # The standard counts characters, and some programs count bytes.
    return plain[:LONGEST].decode(errors="ignore").strip() or "unknown"


def algorithm(prediction: Prediction) -> AlgorithmIdentification:
    """The model as a report names it (PS3.16 TID 4019)."""
    return AlgorithmIdentification(
        name=words(prediction.model),
        version=words(prediction.version),
        parameters=[f"{name}: {value}" for name, value in _parameters(prediction).items()],
        family=codes.DCM.ArtificialIntelligence,
        manufacturer=MAKER,
    )


def algorithm_of_segment(prediction: Prediction) -> AlgorithmIdentificationSequence:
    """The model as a segment names it (PS3.3 table 10-19)."""
    return AlgorithmIdentificationSequence(
        name=words(prediction.model),
        family=codes.DCM.ArtificialIntelligence,
        version=words(prediction.version),
        source=MAKER,
        parameters=_parameters(prediction),
    )


def _parameters(prediction: Prediction) -> dict[str, str]:
    named = {
        "score threshold": prediction.threshold,
        "calibration of the threshold": prediction.calibration,
        "map rule": prediction.map_rule,
        "map threshold": prediction.map_threshold,
    }
    return {name: str(value) for name, value in named.items() if value is not None}


def said_of_score(prediction: Prediction) -> str:
    """The score, its threshold and on which side of it the film is, in words."""
    said = f"TB score {shown_score(prediction.score, prediction.threshold)} of 100"
    if prediction.threshold is None:
        return f"{said}, no threshold"
    side = "reached" if prediction.called else "not reached"
    return f"{said}, threshold {shown_score(prediction.threshold)} {side}"


def finished(made: Made, source: Source) -> Made:
    """What highdicom made, in the film's study and referring to the film by its own class.

    Identifiers come last, past the libraries' logs.
    """
    for element in source.identifiers:
        made.add(element)
    made.StudyInstanceUID = source.reference.StudyInstanceUID

    def name_class(_: Dataset, element: DataElement) -> None:
        # Nothing but the film is referred to.
        if element.keyword == "ReferencedSOPClassUID":
            element.value = source.stored_as

    made.walk(name_class)
    return made
