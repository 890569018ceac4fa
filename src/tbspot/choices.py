"""Every choice that an option of several commands, or of the library, may take.

Takes what a caller chose; gives it, or one sentence. Imports nothing that is slow, so that
`tbspot --help` answers at once.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Literal

from tbspot.errors import TbspotError

__all__ = [
    "BatchNorm",
    "FilmState",
    "FilmsOrder",
    "FilmsShown",
    "LabelSources",
    "MapRule",
    "MapTarget",
    "Method",
    "Naming",
    "OutputStride",
    "Pooling",
    "Precision",
    "Refinement",
    "ResultKind",
    "ScoreHead",
    "Stages",
    "StridePlace",
    "Taking",
    "TeacherMap",
    "TeacherView",
    "yes_or_no",
]

# Of maps and boxes.
Method = Literal["cam", "grad_cam", "grad_cam_pp", "layer_cam"]
MapRule = Literal["tuned", "otsu", "quantile"]
Refinement = Literal["none", "affinity"]
# Of running a model, and of what a run is kept as.
Precision = Literal["auto", "float32", "bfloat16", "float16", "int8"]
Naming = Literal["auto", "hash", "file"]
# Results as DICOM: secondary capture, segmentation, structured report.
ResultKind = Literal["sc", "seg", "sr"]
# Of a node: where a film stands, and what became of one that was sent to it: queued, there already,
# to be tried once more, another film's name, or a result of the node's own.
FilmState = Literal["received", "located", "delivered", "aside"]
Taking = Literal["new", "known", "again", "other", "own"]
# Of a node's page: which films, and in which order.
FilmsShown = Literal["all", "above", "below", "waiting", "located", "sent", "aside"]
FilmsOrder = Literal["newest", "oldest", "highest", "lowest"]
# Of nets.
Stages = Literal[3, 4]
OutputStride = Literal[8, 16, 32]
StridePlace = Literal["1x1", "3x3"]
Pooling = Literal["mean", "lse", "pcam"]
ScoreHead = Literal["map", "own"]
# Of training.
BatchNorm = Literal["frozen", "train"]
LabelSources = Literal["all", "paired"]
TeacherMap = Literal["cam", "fused", "refined"]
TeacherView = Literal["same", "clean"]
MapTarget = Literal["probability", "overlap"]


def yes_or_no(name: str, value: object) -> bool:
    """A choice of two, as Python's own; of a text such as "no" Python would make a yes.

    Args:
        name: of the parameter.
        value: as it was given.

    Raises:
        TbspotError: it is neither.
    """
    # Arrays of several, which are neither, compare to several.
    if not isinstance(value, Hashable) or value not in (True, False):
        raise TbspotError(f"`{name}` must be True or False, not {value!r}")
    return bool(value)
