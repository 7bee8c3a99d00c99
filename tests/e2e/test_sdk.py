"""The official SDK works unchanged: every case runs in the SDK's own environment against a real server."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import pytest

from stigmer_core.testing.distributions import write_distribution
from stigmer_core.testing.server import ServerProcess

sys.path.insert(0, str(Path(__file__).parent.parent))
from api_table import documented
from official_sdk import ensure_sdk

HERE = Path(__file__).parent
AGENT_RUNNER = '''
    """A runner that waits for what it is told, and does nothing else: what a run says comes by updateStatus."""
    from stigmer_core import hookimpl
    from stigmer_core.program import CancelRequested, Fail, Failure, Runner, Step

    class Program:
        def start(self, input, now):
            return Step({}, [])

        def advance(self, state, event):
            ended = [Fail(Failure("cancelled", "Cancelled"), cancelled=True)]
            return Step(state, ended if isinstance(event, CancelRequested) else [])

    @hookimpl
    def stigmer_runners():
        return [Runner("agent", Program())]
'''
# They ask for everything there is: nothing that could be wrong with the question.
NEVER_FAIL = {"api_keys.find_all", "organizations.find_my_organizations", "workflows.get_task_kind_registry"}

# Nothing asked for is everything.
TAKES_NOTHING = NEVER_FAIL | {
    f"{area}.list"
    for area in (
        "agents",
        "agent_executions",
        "mcp_servers",
        "plugins",
        "sessions",
        "skills",
        "workflows",
        "workflow_executions",
    )
}


def _cases():
    """Return the names of the cases, read from their source: their modules import the SDK."""
    for path in sorted(HERE.glob("sdk_cases_*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and any(ast.unparse(d) == "case" for d in node.decorator_list):
                yield node.name


CASES = sorted(_cases())


@pytest.fixture(scope="module")
def seen():
    """What the SDK saw: the claims of every case, and how each call of a method ended."""
    python = ensure_sdk()
    folder = Path(tempfile.mkdtemp(prefix="stg"))
    path = os.pathsep.join([str(write_distribution(folder, "fake-agent", AGENT_RUNNER)), *_path()])
    try:
        with ServerProcess(folder / "home", environment={"PYTHONPATH": path}) as server:
            command = [python, HERE / "sdk_cases.py", server.address, server.token]
            done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _path():
    return [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []


@pytest.fixture(scope="module")
def states():
    """The state of every RPC as the documents tell it, by path; `test_rpcs.py` keeps it true."""
    return {path: row.state for path, row in documented().items()}


@pytest.mark.parametrize("case", CASES)
def test_the_official_sdk_sees_what_it_expects(seen, case):
    """Results and error codes are those of the API's contract."""
    claims = seen["claims"][case]

    assert claims
    assert [(claim, got) for claim, got, _ in claims] == [(claim, expected) for claim, _, expected in claims]


def test_every_method_of_the_sdk_that_is_served_succeeds_somewhere(seen, states):
    """No method of the SDK is left to hope."""
    served = {name for name, path in seen["paths"].items() if states[path] == "served"}

    assert len(served) > 150
    assert sorted(name for name in served if "OK" not in seen["record"].get(name, ())) == []


def test_every_method_of_the_sdk_that_is_served_fails_somewhere(seen, states):
    """Each one can be used wrongly, and says so with a code."""
    served = {name for name, path in seen["paths"].items() if states[path] == "served"}
    never = {name for name in served if set(seen["record"].get(name, ())) <= {"OK"}}

    assert never == NEVER_FAIL


def test_what_is_refused_is_refused_to_the_sdk_too(seen, states):
    """By the code that its row in the documents has."""
    rows = documented()

    for name, path in seen["paths"].items():
        if states[path] == "refused":
            assert seen["record"][name] == [rows[path].note.split(", ")[1].partition(":")[0]], name


def test_an_empty_request_says_what_is_missing_or_who_has_it(seen, states):
    """INVALID_ARGUMENT where something is served, UNIMPLEMENTED where nothing is; an empty list request is fine."""
    by_state = defaultdict(dict)
    for name, code in seen["empty"].items():
        by_state[states[seen["paths"][name]]][name] = code

    assert {name for name, code in by_state["served"].items() if code != "INVALID_ARGUMENT"} == TAKES_NOTHING
    assert {seen["empty"][name] for name in TAKES_NOTHING} == {"OK"}
    assert set(by_state["refused"].values()) == {"INVALID_ARGUMENT"}
    assert set(by_state["not served"].values()) == {"UNIMPLEMENTED"}
    assert min(map(len, by_state.values())) > 5


def test_nothing_breaks_inside(seen):
    """Whatever the SDK asks, no answer is INTERNAL or UNKNOWN, and nothing is raised that is no status."""
    names = {code for codes in seen["record"].values() for code in codes}

    assert names <= {
        "OK",
        "ALREADY_EXISTS",
        "FAILED_PRECONDITION",
        "INVALID_ARGUMENT",
        "NOT_FOUND",
        "UNIMPLEMENTED",
    }
