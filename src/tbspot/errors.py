"""The exceptions of the package: a sentence that tells a user what to do.

The command line prints it and exits with 1; everything else is a fault of ours and keeps its
traceback.
"""

__all__ = ["ModelError", "TbspotError"]


class TbspotError(Exception):
    """What is wrong, in which file, and what to do, in one sentence."""


class ModelError(TbspotError):
    """The model cannot be run here at all, so that no other film will fare better."""
