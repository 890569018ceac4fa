"""Text that a stranger may have chosen, such as a film's name, as a terminal or page may show it.

Takes any text; gives it without characters that a terminal obeys or that turn the order of what
stands beside them. What is written for machines (JSON) keeps the text as it is.
"""

from __future__ import annotations

import unicodedata

__all__ = ["printable"]

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# Spaces other than the usual one, which Python does not call printable, stand in names of films
# that are written in Japanese or French; these two joiners are letters' forms in Persian and Hindi.
HARMLESS = "Zs"
JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"


def printable(text: str, keep: str = "") -> str:
    """The text with each control, format or half character replaced by U+FFFD.

    Args:
        text: of any origin; may hold escape sequences, line ends, or bytes of a file name that
            are no text (surrogates).
        keep: control characters that may stay, such as line ends on a page.
    """
    if text.isprintable():
        return text
    allowed = keep + JOINERS
    return "".join(
        one if one.isprintable() or one in allowed or unicodedata.category(one) == HARMLESS
        else REPLACEMENT
        for one in text
    )  # fmt: skip
