"""What the quick commands must not pay for."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = ["grpc", "apsw", "temporalio", "google.protobuf", "yaml", "asyncio", "importlib.metadata", "platformdirs",
         "traceback", "logging"]  # fmt: skip
NOT_FOR_READING = ["grpc", "temporalio", "google.protobuf", "yaml", "asyncio", "importlib.metadata", "platformdirs",
                   "logging", "socket"]  # fmt: skip
NOT_FOR_CALLING = ["apsw", "temporalio", "yaml", "importlib.metadata", "starlette", "uvicorn", "stigmer_core.app"]
PROGRAM = """
import json, sys
from stigmer_core.cli.entry import run
code = run(sys.argv[1:])
print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""


def _modules(stigmer, *arguments: str) -> set[str]:
    stigmer(*arguments)  # the catalog is there from now on
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], env=stigmer.environment, capture_output=True, text=True, check=True
    )
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code == 0, done.stderr
    return set(modules)


@pytest.mark.parametrize("arguments", [["--help"], ["get", "--help"], ["apply", "--help"]])
def test_help_imports_nothing_heavy(stigmer, arguments):
    """Help is names and texts."""
    assert _modules(stigmer, *arguments).isdisjoint(HEAVY)


@pytest.mark.parametrize(
    "arguments", [["get", "agents", "-o", "name"], ["get", "agents"], ["get", "agents", "-o", "json"]]
)
def test_reading_in_process_imports_the_store_and_nothing_heavier(stigmer, arguments):
    """No server, no plugin, no protobuf: the rows have the JSON."""
    stigmer.ok("get", "all")

    assert _modules(stigmer, *arguments).isdisjoint(NOT_FOR_READING)


def test_reading_from_a_server_imports_a_channel_and_one_module_of_messages(stigmer):
    """No plugin, no store, no server code."""
    with stigmer.serving():
        modules = _modules(stigmer, "get", "agents", "-o", "name")

    assert modules.isdisjoint(NOT_FOR_CALLING)
    assert [name for name in modules if name.endswith("_pb2")] == ["stigmer_core.api.v1.resources_pb2"]
