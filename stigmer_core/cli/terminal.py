"""What the terminal can take: colour, questions, symbols; and text made safe for it."""

from __future__ import annotations

import os
import re
import sys
from typing import IO, Any

_ESCAPES = r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)|\x1b[ -/]*.?"
# C0 and C1 controls but tab and newline, and the marks that change the direction of text.
_CONTROLS = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"


def printable(text: str) -> str:
    """Return text that cannot drive a terminal: no escape sequences, no controls but tab and newline."""
    if text.isascii() and text.isprintable():
        return text
    return re.sub(_CONTROLS, "", re.sub(_ESCAPES, "", text, flags=re.DOTALL))


def one_line(text: str) -> str:
    """Return printable text on one line."""
    if text.isascii() and text.isprintable():
        return text
    return " ".join(printable(text).split())


def color_choice(choice: str) -> bool | None:
    """Return whether to colour, by the option and then the variables; None leaves it to what each stream is."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") != "0" or os.environ.get("CLICOLOR_FORCE", "0") != "0":
        return True
    return False if os.environ.get("TERM") == "dumb" else None


def is_terminal(stream: IO[Any] | None) -> bool:
    """Return whether a person looks at the stream."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def can_ask(*, no_input: bool) -> bool:
    """Return whether a question would reach somebody who can answer it."""
    if no_input or os.environ.get("CI"):
        return False
    return is_terminal(sys.stdin) and is_terminal(sys.stderr)


def takes_unicode(stream: IO[Any] | None) -> bool:
    """Return whether the stream can carry every character."""
    return (getattr(stream, "encoding", None) or "").lower().replace("-", "").startswith("utf")
