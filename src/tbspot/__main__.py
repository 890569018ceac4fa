"""The entry point: runs the command line and says errors in one sentence.

Takes the process's arguments; gives its exit code. What a command does is left to cli/.
"""

from __future__ import annotations

import sys

from tbspot.errors import TbspotError
from tbspot.importing import trust_installed_code_alone
from tbspot.printable import printable

__all__ = ["main"]


def main() -> None:
    """Run `tbspot`; exit with 1 and one sentence on stderr when something is wrong."""
    trust_installed_code_alone()
    from tbspot.cli import app

    try:
        app()
    except TbspotError as error:
        sys.stderr.write(f"error: {printable(str(error))}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
