"""Runs of agents through the API: how they start, what is listed of them, and what they use."""

from __future__ import annotations

import sys
from pathlib import Path

import grpc
import pytest
from ai.stigmer.agentic.agentexecution.v1 import enum_pb2 as pb
from ai.stigmer.agentic.agentexecution.v1 import io_pb2
from ai.stigmer.agentic.environment.v1.api_pb2 import Environment
from ai.stigmer.agentic.executioncontext.v1.io_pb2 import ExecutionContextExecutionIdInput
from ai.stigmer.agentic.session.v1.io_pb2 import ListSessionsRequest, SessionId
from ai.stigmer.commons.apiresource.io_pb2 import ApiResourceId

from stigmer_core.resources import context_values
from stigmer_core.testing.distributions import write_distribution
from stigmer_core.testing.installation import installation

sys.path.append(str(Path(__file__).parent))
from agent_runs import (
    CANARY,
    COMMAND,
    CONTEXT_QUERY,
    QUERY,
    RUNNER,
    SESSION_QUERY,
    agent,
    code_of,
    execution,
    instance_id,
    report,
    started,
)


@pytest.fixture
async def api(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(write_distribution(tmp_path, "fake-agent", RUNNER))
    async with installation(tmp_path / "home") as api:
        yield api


async def test_without_a_runner_nothing_is_written(tmp_path):
    """FAILED_PRECONDITION names the plugin to install; there is no run, no session, no context."""
    async with installation(tmp_path / "home") as api:
        with pytest.raises(grpc.aio.AioRpcError, match="pip install stigmer-plugin-agent-runner") as caught:
            await started(api)
        sessions = await api.call(SESSION_QUERY, "list", ListSessionsRequest())
        runs = await api.call(QUERY, "list", io_pb2.ListAgentExecutionsRequest())

    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert (len(sessions.entries), len(runs.entries)) == (0, 0)


async def test_a_run_without_an_agent_gets_a_session(api):
    """The built-in assistant: PENDING, in a new session of the caller's organization."""
    run = await started(api)

    session = await api.call(SESSION_QUERY, "get", SessionId(value=run.spec.session_id))
    assert run.status.phase == pb.EXECUTION_PENDING
    assert not run.spec.HasField("session_spec")
    assert (session.spec.subject, session.metadata.org, session.spec.agent_instance_id) == (
        "Auto-created session",
        "local",
        "",
    )


async def test_a_run_of_an_agent_uses_its_default_instance(api):
    """By agent, by a new session's instance, and by an existing session: the same agent."""
    made = await agent(api)
    first = await started(api, agent_id=made.metadata.id)
    asked = execution()
    asked.spec.session_spec.agent_instance_id = made.status.default_instance_id
    asked.spec.session_spec.subject = "mine"
    second = await api.call(COMMAND, "create", asked)
    third = await started(api, session_id=second.spec.session_id)

    session = await api.call(SESSION_QUERY, "get", SessionId(value=second.spec.session_id))
    assert {run.spec.agent_id for run in (first, second, third)} == {made.metadata.id}
    assert third.spec.session_id == second.spec.session_id
    assert session.spec.subject == "mine"
    assert first.metadata.name.startswith("helper-")


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({"session_id": "ses_none"}, "NOT_FOUND"),
        ({"agent_id": "agt_none"}, "NOT_FOUND"),
        ({"message": ""}, "INVALID_ARGUMENT"),
    ],
)
async def test_what_cannot_start_leaves_nothing(api, spec, code):
    """Neither a run nor a session."""
    assert await code_of(started(api, **spec)) == code
    assert not (await api.call(SESSION_QUERY, "list", ListSessionsRequest())).entries


async def test_a_session_and_its_description_exclude_each_other(api):
    """And a new session has no state yet: INVALID_ARGUMENT both."""
    both = execution(session_id="ses_x")
    both.spec.session_spec.subject = "x"
    stateful = execution()
    stateful.spec.session_spec.harness_state_id = "h1"

    assert await code_of(api.call(COMMAND, "create", both)) == "INVALID_ARGUMENT"
    assert await code_of(api.call(COMMAND, "create", stateful)) == "INVALID_ARGUMENT"


async def equipped(api):
    """Return an agent whose default instance has an environment with a secret."""
    env = Environment(api_version="agentic.stigmer.ai/v1", kind="Environment")
    env.metadata.name, env.metadata.org = "staging", "local"
    env.spec.data["TOKEN"].value, env.spec.data["TOKEN"].is_secret = "from-env", True
    env.spec.data["URL"].value = "https://x"
    await api.call("ai.stigmer.agentic.environment.v1.EnvironmentCommandController", "create", env)
    made = await agent(api)
    query = "ai.stigmer.agentic.agentinstance.v1.AgentInstanceQueryController"
    instance = await api.call(query, "get", instance_id(made))
    instance.spec.environment_refs.add(org="local", kind=53, slug="staging")
    await api.call(query.replace("Query", "Command"), "update", instance)
    return made


async def test_variables_go_to_the_context_and_nowhere_else(api, tmp_path):
    """Merged from the environment and the call, redacted in every answer, readable for the runner."""
    asked = execution(agent_id=(await equipped(api)).metadata.id)
    asked.spec.runtime_env["TOKEN"].value, asked.spec.runtime_env["TOKEN"].is_secret = CANARY, True

    run = await api.call(COMMAND, "create", asked)

    request = ExecutionContextExecutionIdInput(execution_id=run.metadata.id)
    context = await api.call(CONTEXT_QUERY, "getByExecutionId", request)
    values = api.app.store.read(lambda reader: context_values(reader, api.app.resources, run.metadata.id))
    assert values == {"TOKEN": CANARY, "URL": "https://x"}
    assert CANARY not in str(run) + str(context)
    assert not run.spec.runtime_env
    files = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert all(CANARY.encode() not in path.read_bytes() for path in files)


@pytest.mark.parametrize("phase", [pb.EXECUTION_COMPLETED, pb.EXECUTION_CANCELLED])
async def test_a_context_goes_with_the_end_of_its_run(api, phase):
    """Its secrets are not kept longer than the run needs them."""
    asked = execution()
    asked.spec.runtime_env["TOKEN"].value = "x"
    run = await api.call(COMMAND, "create", asked)
    if phase == pb.EXECUTION_COMPLETED:
        await report(api, run, phase=phase)
    else:
        await api.call(COMMAND, "cancel", io_pb2.CancelAgentExecutionInput(id=run.metadata.id))

    request = ExecutionContextExecutionIdInput(execution_id=run.metadata.id)
    assert await code_of(api.call(CONTEXT_QUERY, "getByExecutionId", request)) == "NOT_FOUND"


async def test_runs_are_listed_by_phase_and_tag(api):
    """True pages, newest first, with the phases as they are now."""
    runs = []
    for number in range(4):
        asked = execution()
        asked.metadata.tags.append("even" if number % 2 == 0 else "odd")
        runs.append(await api.call(COMMAND, "create", asked))
    for run in (runs[0], runs[2]):
        await report(api, run, phase=pb.EXECUTION_COMPLETED)
    request = io_pb2.ListAgentExecutionsRequest(phase=pb.EXECUTION_COMPLETED, tags=["even"], org="local", page_size=1)

    first = await api.call(QUERY, "list", request)
    request.page_token = first.next_page_token
    second = await api.call(QUERY, "list", request)

    found = [entry.metadata.id for page in (first, second) for entry in page.entries]
    assert found == [runs[2].metadata.id, runs[0].metadata.id]
    assert (first.total_pages, second.next_page_token) == (2, "")


async def test_a_sessions_runs_are_listed(api):
    """And only these, newest first."""
    first = await started(api)
    second = await started(api, session_id=first.spec.session_id)
    await started(api)

    request = io_pb2.ListAgentExecutionsBySessionRequest(session_id=first.spec.session_id)
    found = await api.call(QUERY, "listBySession", request)

    assert [entry.metadata.id for entry in found.entries] == [second.metadata.id, first.metadata.id]


async def test_a_subscription_sees_every_end(api):
    """From the first frame to the terminal one, which is the last."""
    run = await started(api)
    stream = api.stream(QUERY, "subscribe", io_pb2.AgentExecutionId(value=run.metadata.id))
    first = await stream.read()
    await report(api, run, phase=pb.EXECUTION_IN_PROGRESS)
    await report(api, run, phase=pb.EXECUTION_COMPLETED)

    phases = [frame.status.phase async for frame in stream]

    assert first.status.phase == pb.EXECUTION_PENDING
    assert phases[-1] == pb.EXECUTION_COMPLETED
    assert pb.EXECUTION_COMPLETED not in phases[:-1]


async def test_an_attachment_comes_back(api):
    """Whole, cut, and not for a run that was not given it; what was not uploaded is refused."""
    upload = io_pb2.UploadAttachmentRequest(filename="notes.txt", content=b"0123456789", content_type="text/plain")
    key = (await api.call(COMMAND, "uploadAttachment", upload)).storage_key
    asked = execution()
    asked.spec.attachments.add(filename="notes.txt", storage_key=key)
    run, other = await api.call(COMMAND, "create", asked), await started(api)
    request = io_pb2.GetArtifactContentRequest(execution_id=run.metadata.id, storage_key=key, max_bytes=4)

    cut = await api.call(QUERY, "getArtifactContent", request)

    assert (cut.content, cut.total_size_bytes, cut.truncated, cut.content_type) == (b"0123", 10, True, "text/plain")
    request.execution_id = other.metadata.id
    assert await code_of(api.call(QUERY, "getArtifactContent", request)) == "NOT_FOUND"
    asked.spec.attachments[0].storage_key = "attachments/../../etc/passwd"
    assert await code_of(api.call(COMMAND, "create", asked)) == "FAILED_PRECONDITION"


async def test_an_attachment_goes_with_its_last_run(api):
    """Not with the first of two."""
    key = (
        await api.call(COMMAND, "uploadAttachment", io_pb2.UploadAttachmentRequest(filename="a", content=b"x"))
    ).storage_key
    asked = execution()
    asked.spec.attachments.add(filename="a", storage_key=key)
    runs = [await api.call(COMMAND, "create", asked) for _ in range(2)]
    left = []
    for run in runs:
        await report(api, run, phase=pb.EXECUTION_COMPLETED)
        await api.call(COMMAND, "delete", ApiResourceId(value=run.metadata.id))
        left.append(api.app.store.read(lambda reader: reader.execute("SELECT count(*) FROM attachment"))[0][0])

    assert left == [1, 0]


@pytest.fixture
async def used(api):
    """Return two runs of one session that have used something."""
    made = await agent(api)
    first = await started(api, agent_id=made.metadata.id)
    second = await started(api, session_id=first.spec.session_id)
    usage = {"input_tokens": 100, "output_tokens": 10, "turn_count": 2, "estimated_cost_usd": 0.5, "model": "acme/one"}
    for run in (first, second):
        await report(api, run, phase=pb.EXECUTION_COMPLETED, streaming_usage=usage)
    return first, second


async def test_the_usage_of_a_run_and_its_session_adds_up(api, used):
    """Tokens and costs, in millionths of a dollar."""
    by_run = io_pb2.GetExecutionUsageReportInput(execution_id=used[0].metadata.id)
    by_session = io_pb2.GetSessionUsageReportInput(session_id=used[0].spec.session_id)

    run = await api.call(QUERY, "getExecutionUsageReport", by_run)
    session = await api.call(QUERY, "getSessionUsageReport", by_session)

    assert (run.aggregate.total_tokens, run.aggregate.billable_cost_micros) == (110, 500_000)
    assert (session.execution_count, session.total_usage.total_tokens) == (2, 220)
    assert [one.execution_id for one in session.executions] == [one.metadata.id for one in used]


async def test_the_usage_of_an_agent_and_its_organization_adds_up(api, used):
    """By session, agent, model and day."""
    day = used[0].status.audit.spec_audit.created_at.ToDatetime().date().isoformat()
    by_agent = io_pb2.GetAgentUsageReportInput(agent_id=used[0].spec.agent_id, org_id="local")
    by_org = io_pb2.GetOrgUsageReportInput(org_id="local", from_date=day, to_date=day)

    agent_report = await api.call(QUERY, "getAgentUsageReport", by_agent)
    org = await api.call(QUERY, "getOrgUsageReport", by_org)

    assert (agent_report.agent_name, agent_report.total_executions, agent_report.total_sessions) == ("helper", 2, 1)
    assert (org.total_executions, org.total_billable_cost_micros, org.daily_costs[0].date) == (2, 1_000_000, day)
    assert [model.model for model in org.model_breakdown] == ["acme/one"]
    assert org.top_agents_by_cost[0].agent_name == "helper"
    by_org.from_date = "yesterday"
    assert await code_of(api.call(QUERY, "getOrgUsageReport", by_org)) == "INVALID_ARGUMENT"


async def test_a_summary_counts_by_phase(api):
    """And names the agents that fail."""
    made = await agent(api)
    for phase in (pb.EXECUTION_FAILED, pb.EXECUTION_COMPLETED, pb.EXECUTION_IN_PROGRESS):
        await report(api, await started(api, agent_id=made.metadata.id), phase=phase)

    found = await api.call(QUERY, "getExecutionSummary", io_pb2.GetAgentExecutionSummaryRequest(org="local"))

    assert (found.active_count, dict(found.phase_counts)) == (1, {2: 1, 3: 1, 4: 1})
    assert [(rank.agent_slug, rank.failure_count) for rank in found.top_failing_agents] == [("helper", 1)]
