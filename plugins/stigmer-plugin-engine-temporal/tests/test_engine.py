"""What is recorded is driven on Temporal: once, in order, to its end."""

from __future__ import annotations

import asyncio

import pytest
from stigmer_plugin_engine_temporal._names import workflow_id
from temporal_programs import Broken, Counting, Parent, Pure, Waiting
from temporalio.client import WorkflowExecutionStatus

from stigmer_core.errors import FailedPreconditionError, NotFoundError
from stigmer_core.program import ActivityError, Failure, Runner, defect

CANCELLED = []
FAULTS = {}


async def work(argument, context):
    """Return the argument; the first call of one that is in `FAULTS` fails as it says."""
    fault = FAULTS.pop(argument, None)
    if fault == "hang":
        try:
            await asyncio.Event().wait()
        finally:
            CANCELLED.append(context.run_id)
    if fault is not None:
        raise fault
    return argument


@pytest.fixture
def runners():
    """Return a runner per program."""
    FAULTS.clear()
    return {
        "test": Runner("test", Counting(), {"work": work}),
        "short": Runner("short", Counting(), {"work": work}, short=frozenset({"work"})),
        "waiting": Runner("waiting", Waiting()),
        "parent": Runner("parent", Parent()),
        "pure": Runner("pure", Pure()),
        "broken": Runner("broken", Broken(), {"work": work}),
    }


async def events(host, run_id):
    """Return the types of the events in a run's history."""
    history = await host.handle(run_id).fetch_history()
    return [event.WhichOneof("attributes").removesuffix("_event_attributes") for event in history.events]


async def test_activities_answer_in_order(host):
    """Each status is shown once, in order, before the run ends."""
    run_id = await host.start({"calls": 3})

    assert await host.ended(run_id) == ("completed", [0, 1, 2])
    assert host.statuses(run_id) == [{"done": 0}, {"done": 1}, {"done": 2}, {"done": 3}]


async def test_short_activities_leave_a_marker_only(host):
    """They run where the workflow runs, in one workflow task."""
    run_id = await host.start({"calls": 3}, "short")

    assert await host.ended(run_id) == ("completed", [0, 1, 2])
    found = await events(host, run_id)
    assert "activity_task_scheduled" not in found
    assert found.count("workflow_task_started") == 1


async def test_pure_steps_cost_no_event(host):
    """Twenty steps without an effect: what is published leaves markers, nothing else does."""
    run_id = await host.start({"steps": 20}, "pure")

    assert await host.ended(run_id) == ("completed", 20)
    assert len([one for one in await events(host, run_id) if one != "marker_recorded"]) == 5
    assert host.statuses(run_id) == [{"step": at} for at in range(21)]


async def test_failures_reach_the_program_as_they_are(host):
    """Temporal tries nothing again that an activity has failed with."""
    failure = Failure("urn:x", "Too Bad", 418, "no tea", "/do/0", retryable=True)
    FAULTS[1] = ActivityError(failure)
    run_id = await host.start({"calls": 3})

    outcome, details = await host.ended(run_id)
    assert (outcome, Failure(**details)) == ("failed", failure)


@pytest.mark.parametrize(
    ("fault", "limit", "expected"),
    [
        (ValueError("odd"), None, (500, defect("work failed"))),
        ("hang", 0.05, (408, "work took longer than 0:00:00.050000")),
    ],
)
async def test_what_is_no_activity_error_becomes_one(host, fault, limit, expected):
    """The same text and status as on the local engine."""
    FAULTS[0] = fault
    run_id = await host.start({"calls": 1, "limit": limit})

    _, details = await host.ended(run_id)
    assert (details["status"], details["detail"]) == expected


async def test_timer_fires(host):
    """A run that waits is woken."""
    assert await host.ended(await host.start({"seconds": 0.05}, "waiting")) == ("completed", ["timer"])


async def test_signals_come_in_order_and_once(host):
    """Also those sent before the run has begun; one that is sent twice is one."""
    run_id = await host.start({"seconds": 600}, "waiting")
    names = [f"signal-{at}" for at in range(100)]
    for name in names:
        await host.signal(run_id, name, signal_id=name)
    await host.signal(run_id, "again", signal_id="signal-7")
    await host.signal(run_id, "stop")

    assert await host.ended(run_id) == ("completed", names)


async def test_signal_to_what_cannot_take_it_is_refused(host):
    """In the caller's transaction, so that the caller knows."""
    run_id = await host.start({"seconds": 0}, "waiting")
    await host.ended(run_id)

    with pytest.raises(FailedPreconditionError):
        await host.signal(run_id, "late")
    with pytest.raises(NotFoundError):
        await host.signal("run_none", "lost")


async def test_delivery_is_acknowledged_and_state_is_shown(host):
    """`deliver` answers once the program has had the signal; `state` shows what it came to."""
    run_id = await host.start({"seconds": 600}, "waiting")
    await host.until(lambda: host.statuses(run_id))
    handle = host.handle(run_id)
    for _ in range(2):
        await handle.execute_update("deliver", {"id": "once", "name": "hello"})
    seen = await handle.query("state")

    assert seen["state"]["names"] == ["hello"]
    assert [request["id"] for request in seen["outstanding"]] == ["/wait"]
    await host.cancel(run_id)


async def test_cancel_reaches_the_activity(host):
    """The run ends as cancelled, in Temporal too, and the coroutine of its activity is cancelled."""
    FAULTS[0] = "hang"
    run_id = await host.start({"calls": 1})
    await host.until(lambda: 0 not in FAULTS)
    await host.cancel(run_id)

    assert (await host.ended(run_id))[0] == "cancelled"
    assert (await host.handle(run_id).describe()).status == WorkflowExecutionStatus.CANCELED
    await host.until(lambda: run_id in CANCELLED)


async def test_children_answer_their_parent(host):
    """Outputs and failures, in the order that the parent makes of them; children show nothing themselves."""
    children = [("test", {"calls": 2}), ("broken", "start"), ("waiting", {"seconds": 0})]
    run_id = await host.start({"children": children}, "parent")

    assert await host.ended(run_id) == ("completed", [[0, 1], "Parked", ["timer"]])
    assert host.statuses(f"{run_id}/child0") == []


async def test_cancelled_parent_cancels_its_children(host):
    """A child that waits does not outlive who asked for it."""
    run_id = await host.start({"children": [("waiting", {"seconds": 600})]}, "parent")
    child = f"{run_id}/child0"
    await host.until(lambda: host.query("SELECT 1 FROM temporal_run WHERE run_id = ?", child))
    await host.until(lambda: host.statuses(run_id))
    await host.cancel(run_id)
    await host.ended(run_id)

    assert host.outcome(child) in ("cancelled", "ended")


async def test_large_values_have_their_time(host):
    """A workflow task that reads and writes them may take longer than Temporal's ten seconds, in children too."""
    run_id = await host.start({"children": [("waiting", {"seconds": 0})]}, "parent")
    await host.ended(run_id)
    client = await host.engine._connection.connected()

    for identity in (workflow_id("parent", run_id), workflow_id("waiting", f"{run_id}/child0")):
        described = (await client.get_workflow_handle(identity).describe()).raw_description
        assert described.execution_config.default_workflow_task_timeout.seconds == 20


async def test_failed_run_is_recovered(host):
    """It goes on from where it failed: what was done is not done again."""
    FAULTS[1] = ActivityError(Failure("urn:x", "Once"))
    run_id = await host.start({"calls": 3})
    assert (await host.ended(run_id))[0] == "failed"
    await host.recover(run_id)

    assert await host.ended(run_id) == ("completed", [0, 1, 2])
    assert [one["done"] for one in host.statuses(run_id) if "done" in one] == [0, 1, 1, 2, 3]
    with pytest.raises(FailedPreconditionError):
        await host.recover(run_id)


@pytest.mark.parametrize("value", ["start", "later"])
async def test_parked_run_is_recovered_from_its_last_event(host, monkeypatch, value, caplog):
    """A program that raises parks its run, in the words of the local engine; mended, it goes on."""
    run_id = await host.start(value, "broken")
    outcome, details = await host.ended(run_id)
    shown = host.statuses(run_id)[-1]["status"]
    monkeypatch.setattr(Broken, "mended", True)
    await host.recover(run_id)

    reason = defect(f"the runner 'broken' failed at {'the start' if value == 'start' else 'a step'}")
    assert (outcome, details["detail"], shown["error"]) == ("parked", reason, reason)
    assert "Traceback" in caplog.text
    assert await host.ended(run_id) == ("completed", "mended")


async def test_start_is_recorded_once(host):
    """A run id that exists is left as it is."""
    run_id = await host.start({"calls": 1})
    await host.ended(run_id)
    with pytest.raises(NotFoundError):
        await host.start({}, "none")

    assert host.query("SELECT count(*) FROM temporal_outbox")[0][0] == 0
