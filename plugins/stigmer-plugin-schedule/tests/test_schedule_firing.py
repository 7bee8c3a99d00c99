"""Firing: what a schedule's time starts, what is recorded of it, and when the server pauses the schedule."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from ai.stigmer.agentic.agentexecution.v1 import enum_pb2
from ai.stigmer.agentic.environment.v1.api_pb2 import Environment
from ai.stigmer.agentic.schedule.v1 import io_pb2
from ai.stigmer.agentic.session.v1.api_pb2 import Session
from schedule_home import COMMAND, QUERY, refusal, schedule, scheduling
from stigmer_plugin_schedule import _store
from stigmer_plugin_schedule._starting import start_agent
from stigmer_plugin_schedule._wiring import wiring_of

from stigmer_core.program import ActivityError

DUE = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)
CRON, MANUAL = io_pb2.SCHEDULE_RUN_ORIGIN_CRON, io_pb2.SCHEDULE_RUN_ORIGIN_MANUAL
STARTED, REFUSED = io_pb2.SCHEDULE_RUN_OUTCOME_STARTED, io_pb2.SCHEDULE_RUN_OUTCOME_REFUSED
MISSING, SKIPPED = io_pb2.SCHEDULE_RUN_OUTCOME_TARGET_MISSING, io_pb2.SCHEDULE_RUN_OUTCOME_SKIPPED
COMPLETED, FAILED = io_pb2.SCHEDULE_RUN_OUTCOME_COMPLETED, io_pb2.SCHEDULE_RUN_OUTCOME_FAILED


def refuse_agents(api):
    """Take away what runs agents."""
    del api.app.host._runners["agent"]


async def fail_times(api, made, count):
    """Let so many times be refused in a row."""
    for number in range(count):
        await api.fire(made, DUE + timedelta(minutes=number))


async def test_a_fire_starts_one_agent_run_and_records_it(api):
    """The run is named after the schedule and the minute; status and history say what happened."""
    made = await api.create()

    await api.fire(made, DUE)

    execution, entry, status = api.executions()[0], (await api.runs(made))[0], (await api.get(made)).status
    assert execution.metadata.slug == "nightly-202605010930"
    assert execution.metadata.labels["schedule-id"] == made.metadata.id
    assert execution.spec.message == "Review what changed."
    assert (entry.origin, entry.outcome, entry.org) == (CRON, STARTED, "local")
    assert entry.execution_id == status.last_execution_id == execution.metadata.id
    assert entry.nominal_fire_time.ToDatetime(UTC) == status.last_fire_at.ToDatetime(UTC) == DUE
    assert status.next_fire_at == made.status.next_fire_at


async def test_the_session_of_a_fire_says_who_made_it(api):
    """So that lists of what a person did recently can leave it out."""
    made = await api.create()

    await api.fire(made, DUE)

    resources = api.app.resources
    session_id = api.executions()[0].spec.session_id
    session = resources.store.read(lambda reader: resources.get_in(reader, resources.kind("Session"), session_id))
    assert session.metadata.labels["stigmer.ai/schedule-id"] == made.metadata.id


async def test_the_run_is_given_what_the_schedule_says(api):
    """Limits, workspace and the variables of its environments; the later environment wins, and nobody is asked."""
    for name, value in (("first", "1"), ("second", "2")):
        environment = Environment(api_version="agentic.stigmer.ai/v1", kind="Environment")
        environment.metadata.name = name
        environment.spec.data["LEVEL"].value = value
        await api.call("ai.stigmer.agentic.environment.v1.EnvironmentCommandController", "create", environment)
    asked = schedule()
    asked.spec.agent.run_config.max_tool_rounds = 7
    asked.spec.agent.environment_refs.add(kind=53, slug="first")
    asked.spec.agent.environment_refs.add(kind=53, slug="second")
    made = await api.call(COMMAND, "create", asked)

    await api.fire(made, DUE)

    config = api.executions()[0].spec.execution_config
    assert (config.max_tool_rounds, config.approval_mode) == (7, enum_pb2.APPROVAL_MODE_UNATTENDED)
    context = api.app.store.read(lambda reader: reader.page_data("ExecutionContext"))[0].data
    assert '"LEVEL":{"value":"2"}' in context.replace(" ", "")


async def test_the_session_of_a_run_is_named_after_the_schedule(api):
    """So that people find it among their conversations."""
    await api.fire(await api.create(), DUE)

    row = api.app.store.read(lambda reader: reader.page("Session"))[0]
    assert Session.FromString(row.body).spec.subject == "nightly"


async def test_an_activity_that_is_called_again_starts_nothing_twice(api):
    """At once, at the same time, and after a crash between the start and its record."""
    made = await api.create()
    await start_agent(wiring_of(api.app.resources), made, "nightly-202605010930")  # and the process died

    await asyncio.gather(*(api.fire(made, DUE) for _ in range(3)))
    await api.fire(made, DUE)

    assert len(api.executions()) == 1
    assert [one.outcome for one in await api.runs(made)] == [STARTED]


async def test_a_timer_of_before_starts_nothing(api):
    """A schedule that was changed, disabled or deleted while its activity waited is left alone."""
    made = await api.create()
    old = api.timer(made)
    await api.call(COMMAND, "update", schedule(cron="0 4 * * *"))
    await api.fire(made, DUE, run_id=old)
    await api.call(COMMAND, "update", schedule(enabled=False))
    await api.fire(made, DUE)
    await api.call(COMMAND, "delete", io_pb2.ScheduleId(value=made.metadata.id))
    await api.fire(made, DUE, run_id=old)

    assert api.executions() == []


async def test_a_refused_run_is_recorded_and_not_tried_again(api):
    """Nothing that only waiting would mend; it counts as a failure."""
    refuse_agents(api)
    made = await api.create()

    await api.fire(made, DUE)

    entry, status = (await api.runs(made))[0], (await api.get(made)).status
    assert (entry.outcome, entry.execution_id) == (REFUSED, "")
    assert "nothing here runs agents" in entry.reason
    assert (status.consecutive_failures, status.last_execution_id) == (1, "")


async def test_a_missing_agent_is_recorded_as_such(api):
    """The schedule stays, should the agent come back."""
    agent = await api.create_agent("writer")
    made = await api.create(agent="writer")
    await api.delete_agent(agent)

    await api.fire(made, DUE)
    await api.create_agent("writer")
    await api.fire(made, DUE + timedelta(minutes=1))

    assert [(one.outcome, one.reason) for one in await api.runs(made)] == [
        (STARTED, ""),
        (MISSING, "Agent not found: local/writer"),
    ]


async def test_what_may_succeed_later_is_left_to_the_engine(api):
    """While the engine takes no runs nothing is recorded, and the failure says that it can be tried again."""
    made = await api.create()
    await api.app.engine.close()

    with pytest.raises(ActivityError) as caught:
        await api.fire(made, DUE)

    assert caught.value.failure.retryable
    assert (await refusal(api.trigger(made)))[0] == grpc.StatusCode.UNAVAILABLE
    assert list(await api.runs(made)) == []


async def test_a_skipped_time_is_recorded_once_with_its_reason(api):
    """It is no fire and no failure."""
    made = await api.create()
    arguments = {"schedule_id": made.metadata.id, "due": DUE.isoformat(), "reason": "missed"}

    for _ in range(2):
        await api.activity("skip", arguments, api.timer(made))

    assert [(one.outcome, one.reason) for one in await api.runs(made)] == [(SKIPPED, "missed")]
    status = (await api.get(made)).status
    assert (status.HasField("last_fire_at"), status.consecutive_failures) == (False, 0)


async def test_ten_failures_in_a_row_pause_the_schedule(api):
    """Its timer is stopped, the switch of the user stays on, and `resume` starts it again."""
    refuse_agents(api)
    made = await api.create()
    await api.until(api.timers)
    await fail_times(api, made, 9)
    assert (await api.get(made)).status.paused_reason == ""

    await fail_times(api, made, 11)
    paused = await api.get(made)
    await api.until(lambda: not api.timers())
    resumed = await api.call(COMMAND, "resume", io_pb2.ScheduleId(value=made.metadata.id))

    assert paused.status.paused_reason.startswith("10 runs in a row failed, the last one: nothing here runs agents")
    assert (paused.spec.enabled, paused.status.HasField("next_fire_at")) == (True, False)
    assert len(await api.runs(made)) == 10
    assert (resumed.status.paused_reason, resumed.status.consecutive_failures) == ("", 0)
    assert resumed.status.next_fire_at == made.status.next_fire_at
    await api.until(lambda: list(api.timers()) == [f"{made.metadata.id}@2"])


async def test_resume_does_not_enable_what_the_user_disabled(api):
    """It ends the server's own pause only, and changes nothing where there is none."""
    refuse_agents(api)
    made = await api.create()
    await fail_times(api, made, 10)
    await api.call(COMMAND, "update", schedule(enabled=False))

    resumed = await api.call(COMMAND, "resume", io_pb2.ScheduleId(value=made.metadata.id))
    again = await api.call(COMMAND, "resume", io_pb2.ScheduleId(value=made.metadata.id))

    assert (resumed.spec.enabled, resumed.status.paused_reason) == (False, "")
    assert not resumed.status.HasField("next_fire_at")
    assert again == resumed


async def test_a_change_does_not_end_a_pause(api):
    """Only `resume` does: other times of a paused schedule start no timer."""
    refuse_agents(api)
    made = await api.create()
    await fail_times(api, made, 10)

    updated = await api.call(COMMAND, "update", schedule(cron="0 4 * * *"))

    assert updated.status.paused_reason
    assert not updated.status.HasField("next_fire_at")
    assert api.timer(made) == f"{made.metadata.id}@1"


async def test_the_end_of_an_agent_run_is_seen(api):
    """The history says how it ended; a failure counts until a run completes."""
    made = await api.create()
    for number, phase in enumerate((enum_pb2.EXECUTION_FAILED, enum_pb2.EXECUTION_COMPLETED)):
        await api.fire(made, DUE + timedelta(minutes=number))
        execution = (await api.get(made)).status.last_execution_id
        await api.see_ends()
        assert (await api.runs(made))[0].outcome == STARTED
        await api.end(execution, phase, error="" if number else "the model is gone")
        assert (await api.get(made)).status.consecutive_failures == 1 - number

    last, first = await api.runs(made)
    assert (last.outcome, first.outcome, first.reason) == (COMPLETED, FAILED, "the model is gone")
    assert first.completed_at.ToDatetime(UTC) >= first.recorded_at.ToDatetime(UTC) - timedelta(milliseconds=1)


async def test_a_run_that_somebody_stopped_is_no_failure_of_the_schedule(api):
    """Cancelled or deleted: the history says so, the count stays."""
    made = await api.create()
    await api.fire(made, DUE)
    await api.end(api.executions()[0].metadata.id, enum_pb2.EXECUTION_CANCELLED)

    entry = (await api.runs(made))[0]
    assert (entry.outcome, entry.reason) == (FAILED, "the agent run was cancelled")
    assert (await api.get(made)).status.consecutive_failures == 0


async def test_agent_runs_that_fail_pause_the_schedule_too(api):
    """It makes no difference where a run failed."""
    made = await api.create()
    for number in range(10):
        await api.fire(made, DUE + timedelta(minutes=number))
        await api.end((await api.get(made)).status.last_execution_id, enum_pb2.EXECUTION_FAILED, "out of credit")

    status = (await api.get(made)).status
    assert status.paused_reason == "10 runs in a row failed, the last one: out of credit"


async def test_a_trigger_starts_a_run_each_time(api):
    """Now, whatever the times say; twice within a minute is two runs."""
    made = await api.create()

    first, second = await api.trigger(made), await api.trigger(made)

    assert (first.outcome, first.refusal_reason) == (STARTED, "")
    assert first.execution_id != second.execution_id
    assert second.schedule.status.last_execution_id == second.execution_id
    assert second.schedule.status.next_fire_at == made.status.next_fire_at
    assert [(one.origin, one.execution_id) for one in await api.runs(made)] == [
        (MANUAL, second.execution_id),
        (MANUAL, first.execution_id),
    ]


async def test_a_trigger_that_is_refused_says_why(api):
    """The call itself succeeds: the outcome is part of the answer and of the history."""
    refuse_agents(api)
    made = await api.create()

    result = await api.trigger(made)

    assert (result.outcome, result.execution_id) == (REFUSED, "")
    assert result.refusal_reason == (await api.runs(made))[0].reason != ""


async def test_a_disabled_schedule_cannot_be_triggered(api):
    """The user's switch holds for everything."""
    made = await api.create(enabled=False)

    code, details = await refusal(api.trigger(made))

    assert (code, "is disabled" in details) == (grpc.StatusCode.FAILED_PRECONDITION, True)
    assert list(await api.runs(made)) == []


async def test_a_paused_schedule_can_be_triggered(api):
    """That is how one finds out whether it can be resumed."""
    runner = api.app.host._runners["agent"]
    refuse_agents(api)
    made = await api.create()
    await fail_times(api, made, 10)
    api.app.host._runners["agent"] = runner

    result = await api.trigger(made)

    assert result.outcome == STARTED
    assert result.schedule.status.paused_reason


async def test_the_history_is_paged_and_bounded(api):
    """The latest 1,000 entries of a schedule are kept, newest first; another schedule's are not touched."""
    made, other = await api.create(), await api.create("weekly")
    await api.trigger(other)
    entries = [_store.Fired(DUE + timedelta(minutes=number), CRON, SKIPPED, str(number)) for number in range(1005)]
    await api.app.store.run(lambda tx: [_store.add_run(tx, made.metadata.id, one) for one in entries] and None)

    request = io_pb2.ListScheduleRunsRequest(schedule_id=made.metadata.id, page_info={"num": 10, "size": 100})
    last = await api.call(QUERY, "listRuns", request)

    assert (last.total_count, len(last.items)) == (1000, 100)
    assert (last.items[0].reason, last.items[-1].reason) == ("104", "5")
    assert len(await api.runs(other)) == 1


async def test_the_engine_fires_when_the_time_comes(tmp_path):
    """From the write of the schedule to the agent run, over the engine's own timers."""
    async with scheduling(tmp_path, ahead=timedelta(minutes=1)) as api:
        await api.create_agent("reviewer")
        made = await api.create(cron="* * * * *")
        await api.until(lambda: api.query("SELECT 1 FROM schedule_run"))

        entry = (await api.runs(made))[-1]

    assert (entry.outcome, entry.nominal_fire_time) == (STARTED, made.status.next_fire_at)


@pytest.mark.parametrize(
    ("cron", "away", "expected"),
    [
        ("{soon:%M},{later:%M} * * * *", timedelta(minutes=50), [SKIPPED, STARTED]),
        ("{soon:%M} {soon:%H} * * *", timedelta(days=2, hours=5), [SKIPPED]),
    ],
)
async def test_what_was_missed_while_the_server_was_down_is_one_late_fire_or_none(tmp_path, cron, away, expected):
    """Within the hour the latest time is made up for; what is older is only noted. Then the next one is waited for."""
    soon, later = (datetime.now(UTC) + timedelta(minutes=minutes) for minutes in (3, 13))
    async with scheduling(tmp_path) as api:
        await api.create_agent("reviewer")
        made = await api.create(cron=cron.format(soon=soon, later=later), zone="UTC")
        await api.until(api.timers)

    async with scheduling(tmp_path, ahead=away) as api:
        now = (datetime.now(UTC) + away).isoformat()
        await api.until(lambda: any(due > now for due in api.timers().values()))

        assert [one.outcome for one in reversed(await api.runs(made))] == expected
        assert len(api.executions()) == len(expected) - 1


async def test_a_timer_that_broke_pauses_its_schedule(api):
    """A run that the engine had to give up does not leave a schedule that looks alive and never fires."""
    made = await api.create()
    status = {"status": {"phase": "EXECUTION_FAILED", "error": "ZoneInfoNotFoundError"}, "events": []}

    await api.app.store.run(lambda tx: api.app._publish(tx, f"{made.metadata.id}@0", status))
    assert (await api.get(made)).status.paused_reason == ""
    await api.app.store.run(lambda tx: api.app._publish(tx, api.timer(made), status))

    assert (await api.get(made)).status.paused_reason == "its timer broke: ZoneInfoNotFoundError"
