"""A process that forks one command after another and kills each at a moment that is asked for.

Takes JSON lines on standard input; gives one JSON line each. It imports everything before it
forks, so that a command costs its work alone. Run by test_kills.py.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

# What changes files, or is about to; each is a moment to die at.
EVENTS = {"open", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate", "shutil.rmtree"}


def main() -> None:
    """Answer requests: `arguments` of tbspot, `watched` folder, and when to kill it, if at all.

    `event` = at so many events in the watched folder; `seconds` = after so long.
    """
    import lightning_fabric  # noqa: F401
    import sklearn.metrics  # noqa: F401
    import torch  # noqa: F401

    import tbspot.cli._training
    import tbspot.locating.run
    import tbspot.training.loop  # noqa: F401

    for line in sys.stdin:
        request = json.loads(line)
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            _run(request)
        status = _wait(child, request.get("seconds"))
        answer = {"status": status, "seconds": time.monotonic() - began}
        answer["events"] = int(Path(request["count"]).read_text() or 0)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _wait(child: int, seconds: float | None) -> int:
    until = time.monotonic() + (seconds or 1e9)
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
            until = 1e99
        time.sleep(0.005)


def _run(request: dict[str, Any]) -> None:
    os.dup2(os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND), 1)
    os.dup2(1, 2)
    sys.argv = ["tbspot", *request["arguments"]]
    seen, last, watched = [0], request.get("event"), request["watched"]

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event in EVENTS and str(arguments[0]).startswith(watched):
            seen[0] += 1
            if seen[0] == last:
                os.kill(os.getpid(), signal.SIGKILL)

    if "--model" not in request["arguments"]:
        _without_a_net()
    sys.addaudithook(watch)
    code = 1
    try:
        from tbspot.__main__ import main as tbspot

        tbspot()
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        Path(request["count"]).write_text(str(seen[0]))
        os._exit(code)


def _without_a_net() -> None:
    """Answer as tests/engines.py does: what is killed is what writes files."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    import engines
    from tbspot import engine

    engine.open_engine = lambda *_, **__: engines.bright_engine()  # type: ignore[assignment]


if __name__ == "__main__":
    main()
