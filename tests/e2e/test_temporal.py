"""A server whose runs are driven by Temporal: the same commands, the same results."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from stigmer_core.testing.server import ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
from temporal_chaos import Chaos

EXAMPLES = Path(__file__).parents[2] / "examples"
WAITING = """
document: {dsl: 1.0.3, namespace: test, name: waiting, version: 1.0.0}
do:
  - before: {set: {at: before}}
  - pause: {wait: {seconds: 2}}
  - after: {set: {at: "${ .at + \\", after\\" }"}}
"""


def stigmer(server, *arguments):
    """Run the command line against a server."""
    command = [sys.executable, "-m", "stigmer_core", "--home", str(server.home), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def items(server, plural):
    """Return the resources of a kind."""
    return json.loads(stigmer(server, "get", plural, "-o", "json").stdout)["items"]


@pytest.fixture
def server(tmp_path):
    """Return a server with a Temporal server of its own."""
    server = ServerProcess(tmp_path / "home", options=["--engine", "temporal"]).start()
    yield server
    server.stop()


@pytest.fixture
def alone(tmp_path):
    """Return a server whose Temporal is away."""
    options = ["--engine", "temporal", "--temporal-address", "127.0.0.1:1"]
    server = ServerProcess(tmp_path / "home", options=options).start()
    yield server
    server.stop()


def health_of(server, service):
    """Return the health of a service by gRPC."""
    with grpc.insecure_channel(server.socket) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        return stub.Check(health_pb2.HealthCheckRequest(service=service)).status


def test_run_of_the_readme(server):
    """Output on stdout and nothing else, its tasks in the trace."""
    assert stigmer(server, "apply", "-f", str(EXAMPLES)).returncode == 0
    ran = stigmer(server, "run", "greeting", "--input", '{"name": "Ada", "language": "de"}')

    assert (ran.returncode, json.loads(ran.stdout)) == (0, {"greeting": "Guten Tag, Ada"})
    (run,) = items(server, "workflowexecutions")
    assert run["status"]["phase"] == "EXECUTION_COMPLETED"
    assert [task["taskName"] for task in run["status"]["tasks"]] == ["choose", "german"]


def test_killed_server_goes_on(server, tmp_path):
    """A run that waited when the process was killed ends as it would have, each task done once."""
    document = tmp_path / "waiting.yaml"
    document.write_text(WAITING)
    started = stigmer(server, "run", "-f", str(document), "--no-follow")
    assert started.returncode == 0, started.stderr
    server.kill()
    server.start()
    (run,) = items(server, "workflowexecutions")
    waited = stigmer(server, "wait", f"workflowexecution/{run['metadata']['id']}", "--for", "terminal")

    assert waited.returncode == 0, waited.stderr
    (run,) = items(server, "workflowexecutions")
    assert run["status"]["output"] == {"at": "before, after"}


def test_temporal_away_refuses_runs_and_writes_nothing(alone):
    """UNAVAILABLE, by the command too; health says which part it is, and the rest works."""
    assert stigmer(alone, "apply", "-f", str(EXAMPLES)).returncode == 0
    refused = stigmer(alone, "run", "greeting", "--input", '{"name": "Ada"}')

    assert refused.returncode == 3, refused.stderr
    assert "the engine temporal takes no runs now" in refused.stderr
    assert items(alone, "workflowexecutions") == []
    assert (health_of(alone, ""), health_of(alone, "engine")) == (1, 2)
    with urllib.request.urlopen(f"http://{alone.description['http']}/healthz", timeout=10) as response:
        assert json.load(response) == {"status": "ok", "engine": {"name": "temporal", "ready": False}}


def test_run_of_another_engine_says_so_when_it_is_told_something(server, tmp_path):
    """One that a command has started by itself, with the home's own engine: it can be cancelled."""
    document = tmp_path / "waiting.yaml"
    document.write_text(WAITING)
    server.stop()
    started = stigmer(server, "run", "-f", str(document), "--no-follow", "-o", "name")
    server.start()
    refused = stigmer(server, "runs", "pause", started.stdout.strip())
    cancelled = stigmer(server, "runs", "cancel", started.stdout.strip())

    assert (refused.returncode, cancelled.returncode) == (2, 0)
    assert "was started with another engine than temporal" in refused.stderr


def test_server_that_starts_without_temporal_says_so(tmp_path, monkeypatch):
    """In its log why, and beside the engine's name what that means."""
    monkeypatch.setenv("TEMPORAL_CLI", "nowhere")
    server = ServerProcess(tmp_path / "home", options=["--engine", "temporal"]).start()
    server.stop()

    said = server.errors()
    assert "TEMPORAL_CLI names nowhere, which is no program" in said
    assert "engine   temporal: not there yet, new runs are refused" in said


async def test_nothing_is_lost_whatever_is_killed(tmp_path_factory):
    """Server, worker and Temporal in turn; `benchmarks/bench_temporal_chaos.py` does it with 200 runs of 20 steps."""
    tally = await Chaos(tmp_path_factory.mktemp("c"), runs=4, steps=5, kills=3, seed=3).run()

    assert set(tally.kills) == {"server", "worker", "temporal"}
    assert (tally.unended, tally.failed) == ([], [])
    assert (tally.steps, tally.effects) == ([], [])
