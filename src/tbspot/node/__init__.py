"""A DICOM node: films in, answers out, nothing lost.

Takes films from units (C-STORE, or files in a folder); gives results in the archive's study of the
film. Every step is on the disk before it counts. Needs the extra `hospital`.
"""

from tbspot.node.checking import Check, check, look_at_folder
from tbspot.node.health import Health, look_at_health, serve_health
from tbspot.node.service import Node, running
from tbspot.node.settings import Limits, NodeSettings, Pauses, Tls
from tbspot.node.telling import line_teller

__all__ = [
    "Check",
    "Health",
    "Limits",
    "Node",
    "NodeSettings",
    "Pauses",
    "Tls",
    "check",
    "line_teller",
    "look_at_folder",
    "look_at_health",
    "running",
    "serve_health",
]
