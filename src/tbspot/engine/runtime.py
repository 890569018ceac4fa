"""OpenVINO without its reports: the one place that imports it.

Takes nothing; gives the library and its parts. openvino requires openvino-telemetry, which at each
import writes an identity into the user's home folder and sends it to Google Analytics. Where films
are, nothing is sent: OpenVINO then takes its own stand-in, which does nothing.
"""

from __future__ import annotations

import sys

__all__ = ["FrontEndManager", "openvino", "opset13"]

# Says to Python that there is no such package; one that a caller has imported stays as it is.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino  # noqa: E402 - only now
from openvino import opset13  # noqa: E402
from openvino.frontend import FrontEndManager  # noqa: E402
