"""What a node's page costs the machine that locates films: a poll, a list, a search, a film.

Usage: python benchmarks/node_page.py [FILMS]. Seconds of CPU of this process, which asks and
answers, for a queue of so many films (10,000).
"""

from __future__ import annotations

import http.client
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from tbspot.locating import load_model
from tbspot.node.ledger import NewResult
from tbspot.node.service import Node, running
from tbspot.node.settings import NodeSettings
from tbspot.node.telling import silent
from tbspot.records.predictions import PredictedBox, Prediction
from tbspot.viewer.node_serving import page_of

TIMES = 20


def fill(node: Node, count: int) -> None:
    """Lines as a node has them after a week, without the films themselves."""
    box = PredictedBox(x0=1, y0=2, x1=300.5, y1=400.5, score=0.5)
    said = Prediction(
        image="0123456789abcdef.dcm", status="ok", score=0.5, threshold=0.5, map_rule="otsu",
        boxes=(box,) * 3, width=3000, height=3000, model="student", version="0" * 12,
        bytes=18_000_000, sha256="0" * 64,
    )  # fmt: skip
    ledger = node.store.ledger
    ledger._base.execute("PRAGMA synchronous = OFF")
    for number in range(1, count + 1):
        ledger.add(f"i{number}", "d", f"{number}.dcm", 1, "XRAY1", time.time())
        ledger.begin(number, 0)
        line = said.model_copy(update={"score": number % 1000 / 1000})
        results = [NewResult("sc", "r", f"r{number}")]
        ledger.locate(number, line.model_dump_json(), results, None, time.time())


def measured(ask: Callable[[], None]) -> float:
    """Milliseconds of CPU that one asking takes."""
    ask()
    start = time.process_time()
    for _ in range(TIMES):
        ask()
    return 1000 * (time.process_time() - start) / TIMES


def main() -> None:
    """Print a line for each thing that a page asks."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        settings = NodeSettings(Path(folder) / "node", port=0, keep_days=1e6)
        settings = replace(settings, limits=replace(settings.limits, free_bytes=0))
        with running(settings, load_model(), silent) as node, page_of(node, port=0) as address:
            fill(node, count)
            parts = urlsplit(address)
            connection = http.client.HTTPConnection(parts.hostname or "", parts.port)

            def post(**question: object) -> str:
                connection.request("POST", "/films", json.dumps(question))
                answer = connection.getresponse()
                answer.read()
                return answer.headers.get("X-Mark", "")

            mark = post()
            for name, question in {
                "poll, nothing new": {"mark": mark},
                "newest films": {},
                "highest scores": {"order": "highest"},
                "called TB": {"show": "above"},
                "search": {"search": "xray1 77"},
                "last page": {"page": 10**8},
            }.items():
                print(f"{name}: {measured(lambda asked=question: post(**asked)):.1f} ms")


if __name__ == "__main__":
    main()
