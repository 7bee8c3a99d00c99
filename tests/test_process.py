"""What the server does with its process."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import gc
from stigmer_core.process import NEW_OBJECTS, spare_collector

class Knot:
    untied = 0
    def __init__(self): self.itself = self
    def __del__(self): Knot.untied += 1

spare_collector()
looks, kept = [], []
gc.callbacks.append(lambda phase, info: looks.append(phase))
kept.extend([] for _ in range(NEW_OBJECTS // 2))
early = len(looks)
for _ in range(3 * NEW_OBJECTS): Knot()
print(gc.get_freeze_count() > 1_000, early, Knot.untied > NEW_OBJECTS)
"""


def test_collector_looks_seldom_and_finds_what_is_there():
    """Not at each seven hundredth object, as the interpreter has it, and what is unreachable goes all the same."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["True", "0", "True"]
