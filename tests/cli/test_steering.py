"""`stigmer runs pause`, `resume`, `recover`, `signal`: a run is told what to do, by its name or its id."""

from __future__ import annotations

import json

import pytest


def workflow(*tasks):
    """Return a workflow document of DSL tasks."""
    head = {"dsl": "1.0.3", "namespace": "n", "name": "steered", "version": "1.0.0"}
    return json.dumps({"document": head, "do": [{f"t{place}": task} for place, task in enumerate(tasks)]})


WAITS = workflow({"wait": {"seconds": 600}})
FAILS = workflow({"raise": {"error": {"type": "https://tests/boom", "status": 418}}})


@pytest.fixture
def run(stigmer):
    """The name and id of a run that waits, on a server."""
    with stigmer.serving():
        started = stigmer.json("run", "-f", "-", "--no-follow", stdin=WAITS)["metadata"]
        yield started["name"], started["id"]


def phase(stigmer, run):
    """Return the phase of a run."""
    return stigmer.json("runs", "get", run)["status"]["phase"]


def test_a_run_is_held_and_goes_on(stigmer, run):
    """Each command shows the run as it is then."""
    name, run_id = run
    held, paused = stigmer.ok("runs", "pause", name), phase(stigmer, run_id)
    going, resumed = stigmer.ok("runs", "resume", run_id), phase(stigmer, name)

    assert (paused, resumed) == ("EXECUTION_PAUSED", "EXECUTION_IN_PROGRESS")
    assert (run_id in held, "paused" in held, "in_progress" in going) == (True, True, True)


def test_a_signal_is_in_the_log(stigmer, run):
    """With its name; a payload that is no object is refused."""
    name, _ = run
    stigmer.ok("runs", "signal", f"workflowexecution/{name}", "hello", "--payload", '{"a": 1}')
    refused = stigmer("runs", "signal", name, "hello", "--payload", "[1]")
    events = [json.loads(line) for line in stigmer.ok("runs", "logs", name, "-o", "ndjson").splitlines()]

    (sent,) = [event["signalReceived"] for event in events if event["eventType"] == "signal_received"]
    assert sent == {"signalName": "hello", "payloadSummary": {"a": 1}}
    assert (refused.returncode, "--payload must be a JSON object" in refused.stderr) == (2, True)


def test_a_failed_run_is_recovered(stigmer):
    """It fails again, as its task does; one that has not failed is refused."""
    with stigmer.serving():
        failed = stigmer("run", "-f", "-", "-o", "json", stdin=FAILS)
        name = failed.stderr.split()[1]
        stigmer.ok("runs", "recover", name)
        stigmer.ok("wait", f"workflowexecution/{name}", "--for", "terminal", "--timeout", "30")
        events = stigmer.ok("runs", "logs", name)

    assert failed.returncode == 10
    assert events.count("task failed") == 2


@pytest.mark.parametrize("command", ["get", "logs", "trace", "cancel", "pause", "resume", "recover"])
def test_a_run_that_is_not_there_is_not_found(stigmer, run, command):
    """By a name as by an id, and where the runs are."""
    for unknown in ("nobody", "wex_01jd2v0000000000000000000a"):
        done = stigmer("runs", command, unknown)

        assert (done.returncode, unknown in done.stderr, "try: stigmer runs list" in done.stderr) == (5, True, True)
