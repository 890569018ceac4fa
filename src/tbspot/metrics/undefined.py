"""The reason why a figure has no value.

Raised by the metrics; turned into null with that reason by evaluation/. A figure without a value
is never reported as 0.
"""

__all__ = ["UndefinedError"]


class UndefinedError(ValueError):
    """Why the figure cannot be computed, as a clause that follows its name."""
