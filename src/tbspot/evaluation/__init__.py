"""Evaluation: predictions and truth to figures, by the protocol of docs/protocol.md.

Takes predictions of any model and the films' labels and boxes; gives an `Evaluation`.
How maps are made is left to engines: nothing here knows torch.
"""

from tbspot.evaluation.protocol import (
    JUDGED,
    TEACHER,
    EvaluationSettings,
    Tuning,
    evaluate_files,
    evaluate_matched,
    refuse_another,
)

__all__ = [
    "JUDGED",
    "TEACHER",
    "EvaluationSettings",
    "Tuning",
    "evaluate_files",
    "evaluate_matched",
    "refuse_another",
]
