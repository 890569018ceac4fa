"""What is wrong with a unique identifier (UID, PS3.5 9.1), in words.

Takes text; gives a few words for sentences, which repeat nothing of it.
"""

from __future__ import annotations

import re

__all__ = ["fault_of_uid"]

LONGEST = 64


def fault_of_uid(uid: str) -> str:
    """Why text is no legal UID, or nothing if it is one."""
    if not uid:
        return "it is empty"
    if not re.fullmatch(r"[0-9.]+", uid):
        return "a character that is neither a digit nor a point"
    if len(uid) > LONGEST:
        return f"more than {LONGEST} characters"
    parts = uid.split(".")
    if not all(parts):
        return "a part without a digit"
    if any(len(part) > 1 and part.startswith("0") for part in parts):
        return "a part with a 0 in front"
    return ""
