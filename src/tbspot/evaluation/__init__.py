"""Evaluation: predictions and truth to figures, by the protocol of docs/protocol.md.

Takes predictions of any model and the films' labels and boxes; gives an `Evaluation`.
How maps are made is left to engines: nothing here knows torch.
"""

from tbspot.evaluation.protocol import Tuning, evaluate_files, evaluate_matched
from tbspot.evaluation.provenance import refuse_another
from tbspot.evaluation.settings import JUDGED, TEACHER, EvaluationSettings

__all__ = [
    "JUDGED",
    "TEACHER",
    "EvaluationSettings",
    "Tuning",
    "evaluate_files",
    "evaluate_matched",
    "refuse_another",
]
