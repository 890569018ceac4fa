"""A process that forks one node after another and kills each at a moment that is asked for.

Takes JSON lines on standard input; gives two a node: its process, and how it ended. It imports
everything before it forks, so that a node costs its work alone. Run by test_node_kills.py.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

# What changes files, or is about to; each is a moment to die at, as is each statement of SQL.
EVENTS = {"open", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate"}
# Of a film whose reading ends the process, in its name in the study.
DEADLY = "DEADLY"


def main() -> None:
    """Answer requests: `folder`, `port` and `to` of a node, and when to kill it.

    `event` = at so many events of its folder; `seconds` = after so long, at the latest.
    """
    sys.path.insert(0, str(Path(__file__).parents[1]))
    import tbspot.node
    import units

    _ = tbspot.node, units
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(request)
        _say({"process": child})
        _say({"status": _wait(child, request["seconds"])})


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _wait(child: int, seconds: float) -> int:
    until = time.monotonic() + seconds
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
            until = 1e99
        time.sleep(0.005)


def _run(request: dict[str, Any]) -> None:
    os.dup2(os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    os.dup2(2, 1)
    _die_at(request["event"], request["folder"])
    code = 1
    try:
        _serve(request)
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        os._exit(code)


def _die_at(last: int | None, folder: str) -> None:
    seen = [0]

    def count(*_: Any) -> None:
        seen[0] += 1
        if seen[0] == last:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event in EVENTS and str(arguments[0]).startswith(folder):
            count()

    connect = sqlite3.connect

    def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
        base = connect(*arguments, **options)
        base.set_trace_callback(count)
        return base

    sqlite3.connect = traced  # type: ignore[assignment]
    sys.addaudithook(watch)


def _serve(request: dict[str, Any]) -> None:
    from tbspot.interruption import interruptible
    from tbspot.node import Limits, NodeSettings, Pauses, line_teller, running
    from units import bright_model

    fast = Pauses(first=0.02, longest=0.1)
    settings = NodeSettings(
        Path(request["folder"]), to=request["to"], port=request["port"], kinds=("sc", "seg"),
        limits=Limits(free_bytes=0), film_pauses=fast, archive_pauses=fast,
        tries=request["tries"],
    )  # fmt: skip
    model: Any = bright_model()
    if request.get("deadly"):
        model = _Deadly(model)
    with interruptible(), running(settings, model, line_teller()) as node:
        node.wait()


class _Deadly:
    """A model that a film ends the process with."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.description = model.description

    def locate(self, path: Path, **options: Any) -> Any:
        if DEADLY.encode() in path.read_bytes():
            os.kill(os.getpid(), signal.SIGKILL)
        return self._model.locate(path, **options)


if __name__ == "__main__":
    main()
