"""The command line reads through the store: what it need not load, it must not load."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"asyncio", "logging", "importlib.resources", "concurrent.futures", "grpc", "google.protobuf", "json"}

READ = """
import sys
from pathlib import Path
from stigmer_core.store import Store
store = Store.open(Path(sys.argv[1]), create=False)
store.read(lambda reader: reader.page("Agent"))
store.close()
print("\\n".join(sys.modules))
"""

WRITE = READ.replace("store.close()", 'store.run_blocking(lambda tx: tx.delete("agt-1"))\nstore.close()')


@pytest.mark.parametrize(
    ("program", "allowed"), [(READ, {"json"}), (WRITE, {"json", "logging"})], ids=["read", "write"]
)
def test_no_event_loop_is_needed(filled, program, allowed):
    """60 ms of asyncio would be half of what `stigmer get` may take; `json` comes with the owner's lock."""
    filled.close()

    run = subprocess.run([sys.executable, "-c", program, str(filled.path)], capture_output=True, text=True, check=True)

    assert set(run.stdout.split()) & HEAVY <= allowed
