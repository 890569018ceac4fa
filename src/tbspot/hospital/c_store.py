"""Stores instances by DICOM's own protocol, C-STORE.

Takes an archive's title, host and port; gives an `Archive`. Connections are bounded in
connections.py; which archive is meant is left to archives.py.
"""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import (
    ComprehensiveSRStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from tbspot.hospital.archive import (
    ANSWER_SECONDS,
    CONNECT_SECONDS,
    DUPLICATE,
    Archive,
    ArchiveLost,
)
from tbspot.hospital.connections import Entity

__all__ = ["ByNetwork"]

CLASSES = (SecondaryCaptureImageStorage, SegmentationStorage, ComprehensiveSRStorage)
SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
# Stored, though with changes or doubts (PS3.4 B.2.3 and, of any command, PS3.7 annex C).
STORED = (0x0000, 0x0107, 0x0116, 0xB000, 0xB006, 0xB007, DUPLICATE)
# Of an answer to C-STORE (PS3.7 E.1).
ANSWER = 0x8001


class ByNetwork(Archive):
    """C-STORE (PS3.4 annex B): one association for all instances.

    Args:
        name: of the archive, without anything secret.
        title: of the archive, its AE title.
        host: where it answers.
        port: of it.
        calling: title of this application.
    """

    def __init__(self, name: str, title: str, host: str, port: int, calling: str) -> None:
        super().__init__(name)
        self._peer = (host, port)
        self._title = title
        self._entity = Entity(calling, ANSWER_SECONDS)
        self._entity.connection_timeout = CONNECT_SECONDS
        for kind in CLASSES:
            self._entity.add_requested_context(kind, SYNTAXES)
        self._association: Association | None = None
        self._asked, self._answers, self._named = 0, 0, ""

    def close(self) -> None:
        """Release the association."""
        if self._association is not None and self._association.is_established:
            self._association.release()

    def ask(self) -> str | None:
        """Ask by C-ECHO (PS3.4 annex A), and for the classes of results; see `Archive.ask`."""
        self._entity.add_requested_context(Verification)
        association = self._association = self._associate()
        taken = {one.abstract_syntax for one in association.accepted_contexts}
        if missing := [kind.name for kind in CLASSES if kind not in taken]:
            return f"the archive does not take {', '.join(missing)}"
        if Verification in taken:
            code = association.send_c_echo().get("Status")
            if code != 0:
                return "the archive does not answer C-ECHO"
        return None

    def _store(self, instance: Dataset) -> str | None:
        """Store an instance by C-STORE."""
        association = self._association = self._association or self._associate()
        if not any(one.abstract_syntax == instance.SOPClassUID
                   for one in association.accepted_contexts):  # fmt: skip
            return f"the archive does not take objects of its class ({instance.SOPClassUID.name})"
        try:
            status = association.send_c_store(instance)
        # What cannot be encoded may break the writer in any way.
        except Exception as error:
            if not association.is_established:
                raise ArchiveLost("the archive has ended the connection") from error
            return "it cannot be encoded as the archive wants it"
        if "Status" not in status:
            raise ArchiveLost("the archive has ended the connection or does not answer")
        # pynetdicom takes the next answer for that to this request, whatever it is of.
        self._asked += 1
        if self._answers != self._asked or self._named not in ("", instance.SOPInstanceUID):
            raise ArchiveLost("the archive answers for another instance than it was sent")
        code = int(status.Status)
        return None if code in STORED else f"the archive answers with status 0x{code:04X}"

    def _note(self, event: evt.Event) -> None:
        """Count an answer to C-STORE, and keep which instance it names; it may name none."""
        command = event.message.command_set
        if command.get("CommandField") == ANSWER:
            self._answers += 1
            self._named = str(command.get("AffectedSOPInstanceUID") or "")

    def _associate(self) -> Association:
        handlers: list[Any] = [(evt.EVT_DIMSE_RECV, self._note)]
        association = self._entity.associate(
            *self._peer, ae_title=self._title, evt_handlers=handlers
        )
        if association.is_established:
            return association
        if association.is_rejected:
            raise ArchiveLost("the archive refuses the connection: check both AE titles")
        if association.rejected_contexts:
            raise ArchiveLost("the archive takes none of the classes that results have")
        raise ArchiveLost("no archive answers there: check host, port and AE title")
