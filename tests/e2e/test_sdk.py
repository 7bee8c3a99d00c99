"""The official SDK works unchanged: every case runs in the SDK's own environment against a real server."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from stigmer_core.testing.server import ServerProcess

sys.path.insert(0, str(Path(__file__).parent.parent))
from official_sdk import ensure_sdk

COMPLETED, VALID = 3, 2
EXPECTED = {
    "organizations": {
        "id": "acme-inc",
        "described": "second",
        "same": True,
        "mine": ["acme-inc", "local"],
        "found": 1,
        "external": "UNIMPLEMENTED",
        "deleted": "acme-inc",
        "gone": "NOT_FOUND",
    },
    "agents": {
        "slug": "code-reviewer",
        "prefix": "agt_",
        "default_instance": ["code-reviewer-default"],
        "by_reference": True,
        "updated": "reads more",
        "audit": ["updated", "local"],
        "listed": ["code-reviewer"],
        "deleted": "reads all",
        "orphans": 0,
    },
    "agent_errors": {
        "duplicate": "ALREADY_EXISTS",
        "missing": "NOT_FOUND",
        "empty id": "INVALID_ARGUMENT",
        "short instructions": "INVALID_ARGUMENT",
        "no name": "INVALID_ARGUMENT",
        "bad slug": "INVALID_ARGUMENT",
        "reserved label": "INVALID_ARGUMENT",
        "missing skill": "FAILED_PRECONDITION",
        "update unknown": "NOT_FOUND",
        "public": "INVALID_ARGUMENT",
        "default instance visibility": "FAILED_PRECONDITION",
        "instance without agent": "NOT_FOUND",
        "unserved": "UNIMPLEMENTED",
    },
    "skills": {
        "same": True,
        "previous": True,
        "versions": [["", True, "more"], ["stable", False, ""]],
        "tagged": True,
        "artifact": True,
        "bad zip": "INVALID_ARGUMENT",
        "nothing": "INVALID_ARGUMENT",
        "deleted": "tidy",
        "gone": "NOT_FOUND",
    },
    "workflows": {
        "hash": 64,
        "same": True,
        "versions": [True, False],
        "by tag": True,
        "valid": VALID,
        "invalid": "INVALID_ARGUMENT",
        "no spec": "INVALID_ARGUMENT",
        "deleted": "steps",
        "gone": "NOT_FOUND",
    },
    "executions": {
        "phase": COMPLETED,
        "output": {"value": "1"},
        "pinned": True,
        "events": [1, 2],
        "listed": 1,
        "cancel ended": "FAILED_PRECONDITION",
        "neither": "INVALID_ARGUMENT",
    },
    "searching": {"total": 5, "pages": 3, "entries": 2, "score": True, "prefix": 5, "elsewhere": 0, "nonsense": 0},
}


@pytest.fixture(scope="module")
def seen():
    """What the SDK saw, by case."""
    python = ensure_sdk()
    home = Path(tempfile.mkdtemp(prefix="stg"))
    try:
        with ServerProcess(home) as server:
            command = [python, Path(__file__).parent / "sdk_cases.py", server.address, server.token]
            done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
            server.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("case", EXPECTED)
def test_the_official_sdk_sees_what_it_expects(seen, case):
    """Results and error codes are those of the API's contract."""
    assert seen[case] == EXPECTED[case]
