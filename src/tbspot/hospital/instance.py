"""What all results of a film share: UIDs that follow from the answer, series, maker, identifiers.

Takes a film's source and prediction; gives keywords for highdicom and the finishing of what it
made. The contents are left to the three kinds of results.
"""

from __future__ import annotations

import json
import re
from typing import Any, TypeVar
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
from tbspot.images.facts import MAKER
from tbspot.records.predictions import Prediction
from tbspot.scores import shown_score

__all__ = [
    "DISCLAIMER",
    "algorithm",
    "algorithm_of_segment",
    "device_uid",
    "finished",
    "identity",
    "region_uid",
    "said_of_score",
    "words",
]

Made = TypeVar("Made", bound=Dataset)

DISCLAIMER = "Research use only, not a diagnosis"
# Counted up when the same answer is said in another way, as an instance may never change.
LAYOUT = 4
# Behind the series of any machine; the description is what people read.
SERIES: dict[ResultKind, tuple[int, str]] = {
    "sc": (9801, "tbspot film, heat map and boxes (research)"),
    "seg": (9802, "tbspot regions (research)"),
    "sr": (9803, "tbspot report (research)"),
}
# VR LO (PS3.5 6.2).
LONGEST = 64
# Of a study that says none: results must have a date and a time (PS3.3 C.17.2 and C.7.6.16).
NO_DATE, NO_TIME = "19000101", "000000"
# When a result was made is left out: the standard does not ask for it, and it is never the same.
MAKING = (
    "InstanceCreationDate", "InstanceCreationTime", "DateOfSecondaryCapture",
    "TimeOfSecondaryCapture", "ContributionDateTime",
)  # fmt: skip


def identity(
    source: Source, prediction: Prediction, kind: ResultKind, shown: str = ""
) -> dict[str, Any]:
    """Series, instance and maker of a result, as every class of highdicom takes them.

    The same answer of the same model about the same film has the same UID whenever and wherever
    it is made. Whatever else the result would hold gives another one: another score, box, warning
    or release, and another patient or study of the film, which was corrected in the archive. All
    answers of one kind that a version of a model gives about a film are in one series.

    Args:
        source: of the film.
        prediction: of the film.
        kind: of result.
        shown: what tells the heat map that the result shows from another.
    """
    model, version = words(prediction.model), words(prediction.version)
    number, description = SERIES[kind]
    return {
        "series_instance_uid": _uid(source, "series", kind, model, version),
        "series_number": number,
        "series_description": description,
        "sop_instance_uid": _uid(source, "instance", kind, shown, *_answer(prediction)),
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
    boxes = [
        [*(round(value, 2) for value in (box.x0, box.y0, box.x1, box.y1)), f"{box.score:.4f}"]
        for box in prediction.boxes
    ]
    judged = prediction.score is not None
    score = f"{prediction.score:.4f}" if judged else None
    return (
        prediction.model,
        prediction.version,
        prediction.status,
        prediction.code,
        prediction.reason,
        score,
        # A score beside the threshold may be on either side of it.
        said_of_score(prediction) if judged else None,
        prediction.threshold,
        prediction.calibration,
        prediction.map_rule,
        prediction.map_threshold,
        boxes,
    )


def _uid(source: Source, *parts: Any) -> UID:
    namespace = uuid5(NAMESPACE_OID, source.reference.SOPInstanceUID)
    return _uid_of(namespace, LAYOUT, __version__, _taken_over(source), *parts)


def _taken_over(source: Source) -> list[Any]:
    """All that a result takes over from its film."""
    elements = (*source.identifiers, *source.reference)
    return [source.stored_as, [[one.keyword, str(one.value)] for one in elements]]


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

    Identifiers come last, past the libraries' logs. Date and time are the study's: what is made
    again of the same answer has the same UID, so it must be the same to the bit.
    """
    for element in source.identifiers:
        made.add(element)
    made.StudyInstanceUID = source.reference.StudyInstanceUID
    made.ContentDate = source.identifiers.StudyDate or NO_DATE
    made.ContentTime = source.identifiers.StudyTime or NO_TIME

    def mend(dataset: Dataset, element: DataElement) -> None:
        # Nothing but the film is referred to.
        if element.keyword == "ReferencedSOPClassUID":
            element.value = source.stored_as
        elif element.keyword in MAKING:
            del dataset[element.tag]

    made.walk(mend)
    return made
