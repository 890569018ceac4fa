"""An archive that instances are stored into, whatever protocol it speaks.

Takes an instance; gives why it was not stored, or `None` once the archive has said so by name of
the instance. How one is spoken to is left to c_store.py and stow_rs.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from pydicom.dataset import Dataset

from tbspot.faults import report_fault

__all__ = ["ANSWER_SECONDS", "CONNECT_SECONDS", "DUPLICATE", "Archive", "ArchiveLost"]

CONNECT_SECONDS = 10
ANSWER_SECONDS = 60
# The instance is there already, after a try whose answer was lost: its UID follows from all that it
# holds, so it is the same one.
DUPLICATE = 0x0111


class ArchiveLost(Exception):  # noqa: N818 - what has happened, told for each instance left
    """The archive cannot be spoken to (any more): why, as part of a sentence."""


class Archive(ABC):
    """An archive to store into.

    Args:
        name: of the archive, without anything secret.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def close(self) -> None:
        """End the connection, if there is one."""

    @abstractmethod
    def ask(self) -> str | None:
        """Ask whether it would store results; gives why it would not. Nothing is stored.

        Raises:
            ArchiveLost: it cannot be spoken to.
        """

    def store(self, instance: Dataset) -> str | None:
        """Store an instance; gives why it is not confirmed, or `None` if it is.

        Raises:
            ArchiveLost: no other one can be stored either.
        """
        try:
            return self._store(instance)
        except ArchiveLost:
            raise
        # Whatever it is with this instance, others can be stored.
        except Exception as error:
            return report_fault(error)

    @abstractmethod
    def _store(self, instance: Dataset) -> str | None:
        """The same, where any other error is of this instance alone."""
