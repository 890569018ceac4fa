"""Where code may be imported from: not from the folder that the user stands in.

Films come in archives, and who unpacks one and works in its folder has agreed to read films, not
to run what lies beside them. Takes the interpreter's path; gives the part of it to be trusted.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["trust_installed_code_alone", "trusted_folders"]

# Where tbspot itself was imported from; what lies there is trusted already.
HOME = Path(__file__).resolve().parent.parent


def trusted_folders() -> list[str]:
    """The interpreter's path without relative entries and without the working folder.

    The working folder stands in it under `python -m`, `python -c`, in a notebook, and where
    PYTHONPATH has an empty part. It stays only if tbspot itself was imported from there.
    """
    return [
        entry for entry in sys.path if Path(entry).is_absolute() and not _is_working_folder(entry)
    ]


def trust_installed_code_alone() -> None:
    """Take the working folder out of the path of this process, before anything else is imported.

    Plug-ins too are looked for along that path: pylibjpeg takes whatever `entry_points.txt` names.
    """
    sys.path[:] = trusted_folders()


def _is_working_folder(entry: str) -> bool:
    try:
        return Path(entry).samefile(os.curdir) and Path(entry).resolve() != HOME
    except OSError:  # an entry that does not exist, or a working folder that is gone
        return False
