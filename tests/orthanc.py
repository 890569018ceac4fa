"""A real archive for tests: Debian's Orthanc with its DICOMweb plugin, on this machine alone.

Gives a fixture; nothing here knows what tbspot makes.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

BINARY = shutil.which("Orthanc", path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin")
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
absent = BINARY is None or not PLUGIN.exists()


@dataclass
class Orthanc:
    """A running Orthanc.

    Attributes:
        web: address of its REST.
        port: that it takes C-STORE at.
        settings: its file of settings.
    """

    web: str
    port: int
    settings: Path
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, with what its store holds."""
        log = self.settings.with_name("log")
        with log.open("ab") as output:
            command = [str(BINARY), str(self.settings)]
            self._process = subprocess.Popen(command, stdout=output, stderr=output)
        _wait_for(self, self._process, log)

    def stop(self) -> None:
        """Stop it; its store stays."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)

    @property
    def network(self) -> str:
        return f"ORTHANC@127.0.0.1:{self.port}"

    @property
    def dicomweb(self) -> str:
        return f"{self.web}/dicom-web"

    def ask(self, path: str, content: bytes | None = None) -> Any:
        """The answer of its REST, from JSON; with content, a POST."""
        return json.loads(self.fetch(path, content))

    def fetch(self, path: str, content: bytes | None = None) -> bytes:
        request = urllib.request.Request(f"{self.web}{path}", content)  # noqa: S310 - our own
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            body: bytes = answer.read()
        return body

    def put(self, path: str, content: str) -> None:
        request = urllib.request.Request(f"{self.web}{path}", content.encode(), method="PUT")  # noqa: S310 - our own
        with urllib.request.urlopen(request, timeout=20):  # noqa: S310
            pass

    def instances(self, study: str) -> dict[str, bytes]:
        """The instances of a study: UID and file."""
        query = {"Level": "Instance", "Query": {"StudyInstanceUID": study}}
        found = self.ask("/tools/find", json.dumps(query).encode())
        return {
            self.ask(f"/instances/{one}")["MainDicomTags"]["SOPInstanceUID"]: self.fetch(
                f"/instances/{one}/file"
            )
            for one in found
        }


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """An empty archive; its store is a temporary folder."""
    folder = tmp_path_factory.mktemp("orthanc")
    web, port = _free_port(), _free_port()
    settings = {
        "Name": "test", "StorageDirectory": str(folder / "store"),
        "IndexDirectory": str(folder / "store"), "Plugins": [str(PLUGIN)],
        "RemoteAccessAllowed": False, "AuthenticationEnabled": False,
        "HttpPort": web, "DicomPort": port, "DicomAet": "ORTHANC", "DicomWeb": {"Enable": True},
    }  # fmt: skip
    (folder / "orthanc.json").write_text(json.dumps(settings))
    started = Orthanc(f"http://127.0.0.1:{web}", port, folder / "orthanc.json")
    try:
        started.start()
        yield started
    finally:
        started.stop()


def _wait_for(started: Orthanc, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        if process.poll() is not None:
            break
        try:
            started.ask("/system")
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"Orthanc does not start: {log.read_text(errors='replace')[-2000:]}")
