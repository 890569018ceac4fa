"""What is wrong with a node's set-up, before films come.

Takes settings and a way to open the model; gives a line for each thing that was looked at. Nothing
is stored anywhere.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType

from tbspot.errors import TbspotError
from tbspot.faults import report_fault
from tbspot.hospital.archives import ArchiveLost, archive_of
from tbspot.locating import Model
from tbspot.lock import holding
from tbspot.node.ledger import Ledger
from tbspot.node.reach import certificate_of
from tbspot.node.receiver import Receiver
from tbspot.node.settings import NodeSettings, Tls
from tbspot.node.store import QUEUE
from tbspot.node.telling import silent

__all__ = ["Check", "check", "look_at_folder"]

# Films of a busy day, with their results.
DAY_BYTES = 10 << 30


@dataclass(frozen=True)
class Check:
    """What was found about one thing.

    Attributes:
        name: `folder`, `port`, `archive`, `watched`, `disk`, `model`, `clock`,
            `certificate`, or another.
        ok: whether it will do.
        said: what was found, in one sentence.
    """

    name: str
    ok: bool
    said: str


def check(
    settings: NodeSettings,
    open_model: Callable[[], Model],
    more: Mapping[str, Callable[[], str]] = MappingProxyType({}),
) -> Iterator[Check]:
    """Look at everything that a node needs, each as soon as it is known.

    Args:
        settings: of the node.
        open_model: opens the model.
        more: further things by name, each a look that says what it found, or raises TbspotError.
    """
    looks: tuple[tuple[str, Callable[[], str]], ...] = (
        ("folder", lambda: look_at_folder(settings)),
        ("port", lambda: _port(settings)),
        ("archive", lambda: _archive(settings)),
        ("watched", lambda: _watched(settings)),
        ("disk", lambda: _disk(settings)),
        ("model", lambda: _model(open_model())),
        ("clock", _clock),
        *([("certificate", partial(_certificate, settings.tls))] if settings.tls else []),
        *more.items(),
    )
    for name, look in looks:
        try:
            yield Check(name, True, look())
        except (TbspotError, ArchiveLost, OSError) as error:
            yield Check(name, False, str(error))
        # Of one thing, and the others are looked at.
        except Exception as error:
            yield Check(name, False, report_fault(error))


def look_at_folder(settings: NodeSettings) -> str:
    """See that a node could work in its folder, which is left as it is; gives what was found.

    Raises:
        TbspotError: another node has it, or it cannot be made or written.
    """
    folder = settings.folder
    if not folder.exists():
        above = next(one for one in folder.absolute().parents if one.exists())
        if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
            raise TbspotError(f"{folder} is not there, and cannot be made in {above}")
        return f"{folder} is not there yet; the node makes it"
    with holding(folder):
        queue = folder / QUEUE
        if not queue.exists():
            return f"{folder} can be written; no node has been in it"
        with closing(Ledger(queue)) as ledger:
            counts = ledger.counts()
    waiting = counts["received"] + counts["located"] * (settings.to is not None)
    return f"{folder} can be written; {waiting:,} films wait, {counts['aside']:,} aside"


def _port(settings: NodeSettings) -> str:
    # Nothing is taken in these moments: there is no store.
    receiver = Receiver(settings, None, silent, lambda: None)
    try:
        return f"{settings.title} can listen on {settings.host}, port {receiver.port}"
    finally:
        receiver.close()


def _archive(settings: NodeSettings) -> str:
    if settings.to is None:
        return "none is named: results stay here"
    with closing(archive_of(settings.to, settings.title)) as archive:
        why_not = archive.ask()
    if why_not:
        raise TbspotError(f"{settings.to}: {why_not}")
    return f"{settings.to} answers and takes results"


def _certificate(tls: Tls) -> str:
    certificate = certificate_of(tls)
    if certificate is None:
        return f"{tls.certificate} does not say when it ends"
    if trouble := certificate.trouble(datetime.now(UTC)):
        raise TbspotError(trouble)
    return f"{tls.certificate} ends on {certificate.ends:%Y-%m-%d}"


def _watched(settings: NodeSettings) -> str:
    settings.check_watched()
    folder = settings.watched
    if folder is None:
        return "none"
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise TbspotError(f"{folder} is no folder that can be read and emptied")
    return f"{folder} can be read and emptied"


def _disk(settings: NodeSettings) -> str:
    folder = next(one for one in (settings.folder, *settings.folder.parents) if one.exists())
    free, least = shutil.disk_usage(folder).free, settings.limits.free_bytes
    said = f"{free >> 30:,} GB free; films are refused below {least >> 30:,} GB"
    if free < least + DAY_BYTES:
        raise TbspotError(f"{said}, which a busy day may reach")
    return said


def _model(model: Model) -> str:
    return f"{model.description.title} opens"


def _clock() -> str:
    """See that no file of the program is from the future, as after a battery that ran empty."""
    now = time.time()
    newest = max(path.stat().st_mtime for path in Path(__file__).parent.glob("*.py"))
    said = datetime.fromtimestamp(now, UTC).isoformat(timespec="minutes")
    if newest > now + 24 * 60 * 60:
        raise TbspotError(f"it is {said} by the clock, before this program was installed; set it")
    return f"it is {said}"
