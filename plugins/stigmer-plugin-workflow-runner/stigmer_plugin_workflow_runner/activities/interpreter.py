"""The Python that processes run in: the server's packages are no affair of theirs."""

from __future__ import annotations

import os
import sys


def interpreter() -> str:
    """Return the path of the installation's own Python: a virtual environment's may be a copy that a sandbox hides."""
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))
