"""A platform whose apsw ships no checksum VFS: the same store, without checksums, and it says so."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

PROGRAM = """
import sys
from pathlib import Path
from stigmer_core.errors import StoreError
from stigmer_core.store import Store
try:
    store = Store.open(Path(sys.argv[1]))
except StoreError as error:
    print(error)
else:
    print(store.checksummed, store.run_blocking(lambda tx: tx.append_event("s", type="t", body=b"")))
    store.close()
"""


@pytest.fixture
def run(tmp_path):
    """Return a function that runs the program with an apsw that has no extras."""
    shutil.copytree(
        Path(apsw.__file__).parent,
        tmp_path / "site" / "apsw",
        ignore=shutil.ignore_patterns("sqlite_extra*", "tests", "fts_test_strings"),
    )
    environment = {"PYTHONPATH": ":".join([str(tmp_path / "site"), *sys.path])}

    def run(path):
        program = [sys.executable, "-c", PROGRAM, path]
        return subprocess.run(program, env=environment, capture_output=True, text=True, check=True).stdout.strip()

    return run


def test_a_database_is_made_without_checksums(run, path):
    """Everything works; who wants to know can ask."""
    assert [run(path), run(path)] == ["False 1", "False 2"]


def test_a_database_with_checksums_is_refused_there(run, filled):
    """Its pages would get wrong checksums, and look damaged wherever they are verified."""
    if not filled.checksummed:
        pytest.skip("this platform's apsw has no cksumvfs")
    filled.close()

    assert "has checksums, and this platform's apsw has no cksumvfs" in run(filled.path)
