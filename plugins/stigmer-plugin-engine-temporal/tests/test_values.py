"""Values of any size in, between and out of steps: up to the limit they pass, above it the run says so."""

from __future__ import annotations

import pytest
from stigmer_plugin_engine_temporal import _wire
from temporal_values import noise, script_runners
from temporalio.api.enums.v1 import WorkflowTaskFailedCause

from stigmer_core import program_json
from stigmer_core.errors import ResourceExhaustedError

MEGABYTE = 1024 * 1024
NO_CAUSE = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNSPECIFIED  # of events of other kinds
SOMETHING_CAME = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND  # while the task was completed


@pytest.fixture
def runners():
    """Return runners of scripts."""
    return script_runners()


async def events(host, run_id):
    """Return the events of a run's latest execution."""
    return (await host.handle(run_id).fetch_history()).events


def claims(host, run_id):
    """Return the files of a run's large values."""
    return sorted((host.path.parent / "claims" / f"run-{run_id}").glob("*"))


async def test_ten_megabytes_in_between_and_out(host):
    """The history has references; the value that goes on unchanged is kept once, readable by its owner only."""
    value = noise(10 * MEGABYTE)
    run_id = await host.start({"steps": [["call", "echo"], ["child", [["call", "echo"]]]], "value": value}, "script")

    assert await host.ended(run_id) == ("completed", value)
    assert sum(event.ByteSize() for event in await events(host, run_id)) < 20_000
    kept = claims(host, run_id)
    assert len(kept) == 3  # of two inputs, and the value itself
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}


async def test_sixty_megabytes_pass(host):
    """A value of not quite the limit is a value like others."""
    run_id = await host.start({"steps": [["call", "make"], ["call", "measure"]], "value": 60 * MEGABYTE}, "script")

    assert await host.ended(run_id) == ("completed", 60 * MEGABYTE)


async def test_more_than_the_limit_fails_the_run(host):
    """With what is too large, how large it is, and how large it may be."""
    run_id = await host.start({"steps": [["call", "make"]], "value": 65 * MEGABYTE}, "script")

    _, failure = await host.ended(run_id)
    assert failure["status"] == 413
    assert failure["detail"] == "the result of make has 68157442 characters of JSON, at most 67108864 are kept"


STEPS = {
    "the result of make": [["call", "make"]],
    "the arguments of measure": [["double", 3], ["call", "measure"]],
    "the input of the child run": [["double", 3], ["child", []]],
    "the output of the run": [["double", 3]],
}


@pytest.mark.parametrize("what", STEPS)
@pytest.mark.parametrize("where", ["run", "child"])
async def test_each_place_has_the_limit(host, monkeypatch, what, where):
    """A run, or the child of one, that comes above it fails with a standard error; none is stuck."""
    monkeypatch.setattr(program_json, "LARGEST", MEGABYTE)
    value = 2 * MEGABYTE if what == "the result of make" else noise(MEGABYTE // 4)
    steps = STEPS[what] if where == "run" else [["child", STEPS[what]]]
    run_id = await host.start({"steps": steps, "value": value}, "script")

    outcome, failure = await host.ended(run_id)
    assert outcome in ("failed", "parked")
    assert (failure["type"], failure["status"]) == (f"{_wire.ERRORS}runtime", 413)
    assert failure["detail"].startswith(f"{what} has ")


async def test_what_comes_from_outside_is_refused(host, monkeypatch):
    """An input or a signal above the limit is not recorded: the caller has the error."""
    run_id = await host.start({"steps": [["wait"]]}, "script")
    monkeypatch.setattr(program_json, "LARGEST", 1_000)

    with pytest.raises(ResourceExhaustedError, match="the run's input has"):
        await host.start({"steps": [], "value": "x" * 1_000}, "script")
    with pytest.raises(ResourceExhaustedError, match="the payload of the signal has"):
        await host.signal(run_id, "large", "x" * 1_000)
    monkeypatch.undo()
    await host.cancel(run_id)
    await host.ended(run_id)


async def test_state_above_the_limit_is_not_carried_on(host, monkeypatch):
    """A state that has grown in small steps is measured when the run goes on in a new execution."""
    await host.close()
    host.limits = {"events": 1}
    await host.open()
    monkeypatch.setattr(program_json, "LARGEST", MEGABYTE)
    run_id = await host.start({"steps": [["call", "echo"], ["double", 3], ["wait"]], "value": noise(200_000)}, "script")

    outcome, failure = await host.ended(run_id)
    assert (outcome, failure["status"]) == ("parked", 413)
    assert failure["detail"].startswith("the state of the run has ")


async def test_large_state_is_carried_on(host):
    """A run that goes on in a new execution after each step has the same values as before."""
    await host.close()
    host.limits = {"events": 1}
    await host.open()
    steps = [["call", "make"], ["call", "echo"], ["child", [["call", "echo"]]], ["call", "measure"]]
    run_id = await host.start({"steps": steps, "value": 400_000}, "script")

    assert await host.ended(run_id) == ("completed", 400_000)
    [first, *_] = await events(host, run_id)
    assert first.workflow_execution_started_event_attributes.continued_execution_run_id


@pytest.mark.parametrize(
    ("runner", "times", "characters"),
    [("script", 40, 120_000), ("script", 150, 32_000), ("short", 40, 120_000), ("short", 300, 16_000)],
)
async def test_many_values_at_once_are_not_refused(host, runner, times, characters):
    """One task hands in more than the 4 MB that a message may have: what is beyond goes apart."""
    run_id = await host.start({"steps": [["many", "echo", times]], "value": noise(characters)}, runner)

    assert await host.ended(run_id) == ("completed", noise(characters))
    failed = [event.workflow_task_failed_event_attributes for event in await events(host, run_id)]
    assert {task.cause for task in failed} <= {NO_CAUSE, SOMETHING_CAME}


async def test_large_statuses_are_shown(host):
    """What a run publishes may be as large as its values."""
    run_id = await host.start(
        {"steps": [["call", "make"], ["publish"], ["call", "measure"]], "value": MEGABYTE}, "script"
    )

    assert await host.ended(run_id) == ("completed", MEGABYTE)
    assert host.statuses(run_id) == [{"value": noise(MEGABYTE)}]
