"""Lifecycle events: what a run tells of itself."""

from __future__ import annotations

from stigmer_plugin_workflow_runner.program.events import wrong_event
from stigmer_plugin_workflow_runner.program.lifecycle import PREFIX, lifecycle_events

RETRIED = """
- t:
    try: [{r: {raise: {error: {type: x, status: 1}}}}]
    catch: {retry: {limit: {attempt: {count: 1}}}, do: [{s: {set: {x: 1}}}]}
"""


async def events_of(run, *arguments, **options):
    """Return the CloudEvents of a run."""
    outcome = await run(*arguments, **options)
    told = [status["lifecycle"] for status in outcome.statuses if "lifecycle" in status]
    return [event for lifecycle in told for event in lifecycle_events("wex_1", lifecycle)]


def in_short(events, kind):
    """Return what happened to the run or to its tasks, without the changes of status."""
    found = [(event["type"].removeprefix(f"{PREFIX}{kind}.").removesuffix(".v1"), event["data"]) for event in events]
    return [(what, data.get("task")) for what, data in found if "." not in what and what != "status-changed"]


async def test_run_tells_what_happens_to_it_and_to_its_tasks(run):
    """In the order it happens, with the places of the tasks."""
    events = await events_of(run, RETRIED)

    assert in_short(events, "workflow") == [("started", None), ("completed", None)]
    t, r, s = "/do/0/t", "/do/0/t/try/0/r", "/do/0/t/catch/do/0/s"
    begun = [("created", r), ("started", r), ("faulted", r)]
    assert in_short(events, "task") == [
        *[("created", t), ("started", t), *begun, ("retried", t), *begun],
        *[("created", s), ("started", s), ("completed", s), ("completed", t)],
    ]


async def test_every_event_is_a_cloud_event_of_its_own(run):
    """Whoever gets one twice can tell by its id."""
    events = await events_of(run, RETRIED)

    assert not [wrong for event in events if (wrong := wrong_event(event))]
    assert len({event["id"] for event in events}) == len(events)


async def test_change_of_status_follows_each_event(run):
    """With the status that the run or task has now."""
    events = await events_of(run, "[{a: {set: {x: 1}}}]")

    changes = [event["data"]["status"] for event in events if event["type"].endswith("status-changed.v1")]
    assert changes == ["running", "pending", "running", "completed", "completed"]


async def test_cancelled_run_says_so(run):
    """As do the tasks that were under way."""
    events = await events_of(run, "[{a: {wait: PT1H}}]", cancel_after=0)

    assert in_short(events, "task")[-1] == ("cancelled", "/do/0/a")
    assert in_short(events, "workflow")[-1] == ("cancelled", None)


async def test_events_carry_definition_output_and_error(run):
    """Where the DSL says so."""
    events = await events_of(run, "[{a: {set: {x: 1}}}]")
    failed = await events_of(run, "[{a: {raise: {error: {type: x, status: 7}}}}]")

    data = {event["type"].removeprefix(PREFIX): event["data"] for event in events}
    assert data["workflow.started.v1"]["definition"] == {"namespace": "test", "name": "case", "version": "1.0.0"}
    assert data["task.completed.v1"]["output"] == data["workflow.completed.v1"]["output"] == {"x": 1}
    assert failed[-2]["data"]["error"]["status"] == 7
