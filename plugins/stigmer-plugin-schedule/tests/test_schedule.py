"""Schedules over the API, in process, on a real database with a real engine."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from ai.stigmer.agentic.schedule.v1 import io_pb2
from ai.stigmer.commons.apiresource.io_pb2 import ApiResourceReference
from schedule_home import COMMAND, QUERY, refusal, schedule, scheduling

from stigmer_core.api.v1 import resources_pb2

CODE = grpc.StatusCode
DOCUMENTS = "stigmer.core.v1.ResourceService"
MISSING = "sch_00000000000000000000000000"


async def test_creating_a_schedule_starts_its_timer(api):
    """The next time is in the status and with the engine; what a client says of the status is dropped."""
    asked = schedule(cron="0 3 * * *", zone="UTC")
    asked.status.paused_reason = "mine"

    made = await api.call(COMMAND, "create", asked)
    await api.until(api.timers)

    assert made.metadata.id.startswith("sch_")
    assert made.status.paused_reason == ""
    due = made.status.next_fire_at.ToDatetime(UTC)
    assert (due.hour, due.minute) == (3, 0)
    assert timedelta(0) < due - datetime.now(UTC) <= timedelta(days=1)
    assert api.timers() == {f"{made.metadata.id}@1": due.isoformat()}


async def test_a_disabled_schedule_has_no_timer(api):
    """Nothing is due, and nothing waits."""
    made = await api.create(enabled=False)

    assert not made.status.HasField("next_fire_at")
    assert api.query("SELECT count(*) FROM engine_run")[0][0] == 0


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"cron": "@daily"}, r"/spec/cron: has 1 field, not 5"),
        ({"cron": "0 0 30 2 *"}, r"/spec/cron: has a bad day-of-month"),
        ({"zone": "Europe/Berlim"}, r"/spec/time_zone: 'Europe/Berlim' is no time zone (did you mean Europe/Berlin?)"),
        ({"zone": "Europe"}, r"/spec/time_zone: 'Europe' is no time zone"),
        ({"zone": "../../etc/passwd"}, r"/spec/time_zone: '../../etc/passwd' is no time zone"),
        ({"cron": ""}, "spec.cron"),
        ({"zone": ""}, "spec.time_zone"),
    ],
)
async def test_times_that_cannot_be_are_refused_in_words(api, change, text):
    """The field is named, and what would be right."""
    code, details = await refusal(api.create(**change))

    assert code == CODE.INVALID_ARGUMENT
    assert text in details


async def test_a_schedule_without_a_target_is_refused(api):
    """There would be nothing to run."""
    asked = schedule()
    asked.spec.ClearField("agent")

    assert (await refusal(api.call(COMMAND, "create", asked)))[0] == CODE.INVALID_ARGUMENT


async def test_the_agent_must_exist(api):
    """The reference is checked like every other one, and nothing is written."""
    code, details = await refusal(api.create(agent="nobody"))

    assert (code, details) == (CODE.FAILED_PRECONDITION, "referenced Agent(s) not found: 'nobody' (org: local)")
    assert api.query("SELECT count(*) FROM schedule_entry")[0][0] == 0


async def test_a_slug_is_taken_once(api):
    """Create refuses it, apply updates; neither leaves a second timer."""
    made = await api.create()
    assert (await refusal(api.create()))[0] == CODE.ALREADY_EXISTS

    results = await asyncio.gather(*(api.call(COMMAND, "apply", schedule()) for _ in range(10)))

    assert {one.metadata.id for one in results} == {made.metadata.id}
    assert api.timer(made) == f"{made.metadata.id}@1"


async def test_other_times_are_another_timer(api):
    """The old one is cancelled and the new one started with the same write."""
    made = await api.create(cron="0 3 * * *", zone="UTC")
    await api.until(api.timers)

    updated = await api.call(COMMAND, "update", schedule(cron="30 4 * * *", zone="UTC"))

    due = updated.status.next_fire_at.ToDatetime(UTC)
    assert (due.hour, due.minute) == (4, 30)
    await api.until(lambda: api.timers() == {f"{made.metadata.id}@2": due.isoformat()})


async def test_another_message_is_the_same_timer(api):
    """A change that is not of the times does not restart the wait."""
    made = await api.create()
    changed = schedule()
    changed.spec.agent.message = "Review everything."

    updated = await api.call(COMMAND, "update", changed)

    assert updated.spec.agent.message == "Review everything."
    assert updated.status.next_fire_at == made.status.next_fire_at
    assert api.timer(made) == f"{made.metadata.id}@1"


async def test_disabling_stops_and_enabling_starts(api):
    """The user's own switch."""
    made = await api.create()
    await api.until(api.timers)

    disabled = await api.call(COMMAND, "update", schedule(enabled=False))
    assert not disabled.status.HasField("next_fire_at")
    await api.until(lambda: not api.timers())
    enabled = await api.call(COMMAND, "update", schedule())

    assert enabled.status.HasField("next_fire_at")
    await api.until(lambda: list(api.timers()) == [f"{made.metadata.id}@2"])


@pytest.mark.parametrize("rpc", ["update", "apply"])
async def test_the_agent_never_changes(api, rpc):
    """Its history would be of somebody else's runs."""
    await api.create()
    await api.create_agent("writer")

    code, details = await refusal(api.call(COMMAND, rpc, schedule(agent="writer")))

    assert code == CODE.FAILED_PRECONDITION
    assert "agent_ref of a schedule never changes: it is local/reviewer, not local/writer" in details


async def test_deleting_a_schedule_stops_it_and_takes_its_history(api):
    """Its last state is answered, and its slug is free."""
    made = await api.create()
    await api.trigger(made)
    await api.until(api.timers)

    deleted = await api.call(COMMAND, "delete", io_pb2.ScheduleId(value=made.metadata.id))

    assert deleted.spec == made.spec
    await api.until(lambda: not api.timers())
    assert api.query("SELECT count(*) FROM schedule_run")[0][0] == 0
    assert len(api.executions()) == 1
    await api.create()


@pytest.mark.parametrize(
    ("service", "rpc", "request_"),
    [
        (QUERY, "get", io_pb2.ScheduleId(value=MISSING)),
        (QUERY, "listRuns", io_pb2.ListScheduleRunsRequest(schedule_id=MISSING)),
        (COMMAND, "delete", io_pb2.ScheduleId(value=MISSING)),
        (COMMAND, "resume", io_pb2.ScheduleId(value=MISSING)),
        (COMMAND, "trigger", io_pb2.ScheduleId(value=MISSING)),
    ],
)
async def test_a_missing_schedule_is_named(api, service, rpc, request_):
    """Every RPC that takes an id says which one it did not find."""
    found = await refusal(api.call(service, rpc, request_))

    assert found == (CODE.NOT_FOUND, f"Schedule not found: {MISSING}")


async def test_updating_a_missing_schedule_is_refused(api):
    """An update creates nothing."""
    assert (await refusal(api.call(COMMAND, "update", schedule())))[0] == CODE.NOT_FOUND


async def test_a_schedule_is_found_by_reference(api):
    """By organization and slug; another slug is not found, another kind is refused."""
    made = await api.create()
    reference = ApiResourceReference(org="local", kind=56, slug="nightly")

    assert await api.call(QUERY, "getByReference", reference) == made
    reference.slug = "weekly"
    assert (await refusal(api.call(QUERY, "getByReference", reference)))[0] == CODE.NOT_FOUND
    reference.kind = 40
    assert (await refusal(api.call(QUERY, "getByReference", reference)))[0] == CODE.INVALID_ARGUMENT


async def test_a_listing_pages_newest_first(api):
    """The total is over all pages; labels narrow it, and another organization has none."""
    for number in range(5):
        one = schedule(f"job-{number}")
        one.metadata.labels["parity"] = "even" if number % 2 == 0 else "odd"
        await api.call(COMMAND, "create", one)

    request = io_pb2.ListSchedulesRequest(org="local", page_info={"num": 2, "size": 2})
    second = await api.call(QUERY, "list", request)
    even = await api.call(QUERY, "list", io_pb2.ListSchedulesRequest(org="local", labels={"parity": "even"}))
    other = await api.call(QUERY, "list", io_pb2.ListSchedulesRequest(org="other"))

    assert ([one.metadata.name for one in second.items], second.total_count) == (["job-2", "job-1"], 5)
    assert [one.metadata.name for one in even.items] == ["job-4", "job-2", "job-0"]
    assert (list(other.items), other.total_count) == ([], 0)


async def test_the_schedules_of_an_agent_are_listed(api):
    """Newest first, of this agent only; none once it is gone, and again for one that takes its place."""
    agent = await api.create_agent("writer")
    await api.create("reviews")
    for number in range(3):
        await api.create(f"job-{number}", agent="writer")

    async def listed(agent_id, **more):
        request = io_pb2.GetSchedulesByAgentRequest(agent_id=agent_id, **more)
        page = await api.call(QUERY, "getByAgent", request)
        return [one.metadata.name for one in page.items], page.total_count

    assert await listed(agent.metadata.id) == (["job-2", "job-1", "job-0"], 3)
    assert await listed(agent.metadata.id, page_info={"num": 2, "size": 2}) == (["job-0"], 3)
    assert await listed(agent.metadata.id, org="other") == ([], 0)
    await api.delete_agent(agent)
    assert await listed(agent.metadata.id) == ([], 0)
    assert await listed((await api.create_agent("writer")).metadata.id) == (["job-2", "job-1", "job-0"], 3)


async def test_a_document_obeys_the_same_rules(api):
    """What is applied as JSON has a timer, and its problems point into the document."""
    document = {
        "apiVersion": "agentic.stigmer.ai/v1",
        "kind": "Schedule",
        "metadata": {"name": "nightly"},
        "spec": {
            "cron": "0 3 * * *",
            "timeZone": "Europe/Berlin",
            "enabled": True,
            "agent": {"agentRef": {"kind": "agent", "slug": "reviewer"}, "message": "go"},
        },
    }
    await api.call(DOCUMENTS, "Apply", resources_pb2.ApplyRequest(json=json.dumps(document)))
    await api.until(api.timers)

    document["spec"]["cron"] = "0 25 * * *"
    code, details = await refusal(api.call(DOCUMENTS, "Apply", resources_pb2.ApplyRequest(json=json.dumps(document))))
    assert (code, "has a bad hour" in details) == (CODE.INVALID_ARGUMENT, True)


async def test_without_an_engine_only_a_disabled_schedule_can_be_made(tmp_path):
    """It would never fire: the refusal names the plugin that is missing."""
    async with scheduling(tmp_path, disable_plugins=("engine-local",)) as api:
        await api.create_agent("reviewer")

        code, details = await refusal(api.create())

        assert (code, "pip install stigmer-plugin-engine-local" in details) == (CODE.FAILED_PRECONDITION, True)
        made = await api.create(enabled=False)
        assert (await refusal(api.call(COMMAND, "update", schedule())))[0] == CODE.FAILED_PRECONDITION
        await api.call(COMMAND, "delete", io_pb2.ScheduleId(value=made.metadata.id))


async def test_two_installations_in_one_process_have_their_own_timers(tmp_path):
    """Nothing of the wiring is shared."""
    async with scheduling(tmp_path / "one") as one, scheduling(tmp_path / "two") as two:
        for api in (one, two):
            await api.create_agent("reviewer")
        made = await one.create()
        await one.until(one.timers)

        assert list(one.timers()) == [f"{made.metadata.id}@1"]
        assert two.timers() == {}
