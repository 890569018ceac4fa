"""The one exception of the package: a sentence that tells a user what to do.

The command line prints it and exits with 1; everything else is a fault of ours and keeps its
traceback.
"""

__all__ = ["TbspotError"]


class TbspotError(Exception):
    """What is wrong, in which file, and what to do, in one sentence."""
