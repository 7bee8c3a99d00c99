"""Single requests that once found a weak place: each is refused or borne, and harms nobody else's."""

from __future__ import annotations

import asyncio
import json

import grpc
import pytest
from ai.stigmer.agentic.agent.v1.api_pb2 import Agent
from ai.stigmer.agentic.agentexecution.v1 import io_pb2 as agent_runs
from ai.stigmer.agentic.environment.v1 import io_pb2 as environments
from ai.stigmer.agentic.environment.v1.api_pb2 import Environment
from ai.stigmer.agentic.session.v1.api_pb2 import Session
from ai.stigmer.agentic.session.v1.io_pb2 import ListSessionsRequest
from ai.stigmer.agentic.workflow.v1.api_pb2 import Workflow
from ai.stigmer.agentic.workflow.v1.version_pb2 import GetWorkflowVersionInput
from ai.stigmer.agentic.workflowexecution.v1 import io_pb2 as runs
from google.protobuf import json_format
from stigmer_plugin_workflow.api.v1 import documents_pb2

from stigmer_core.api.v1 import resources_pb2 as documents
from stigmer_core.api.v1.secrets_pb2 import RotateKeysRequest
from stigmer_core.testing.installation import installation

AGENTIC = "ai.stigmer.agentic"
AGENTS = f"{AGENTIC}.agent.v1.AgentCommandController"
WORKFLOW = f"{AGENTIC}.workflow.v1.WorkflowCommandController"
RUNS = f"{AGENTIC}.workflowexecution.v1.WorkflowExecutionQueryController"
RUN_COMMAND = f"{AGENTIC}.workflowexecution.v1.WorkflowExecutionCommandController"
AGENT_RUNS = f"{AGENTIC}.agentexecution.v1.AgentExecutionQueryController"
SESSIONS = f"{AGENTIC}.session.v1.SessionQueryController"
ENVIRONMENTS = f"{AGENTIC}.environment.v1.Environment"
RESOURCES = "stigmer.core.v1.ResourceService"
DOCUMENTS = "stigmer.workflow.v1.WorkflowDocumentController"
FAR = 2**63 - 1
WAITS = {
    "document": {"dsl": "1.0.3", "namespace": "tests", "name": "waits", "version": "1.0.0"},
    "do": [{"first": {"wait": {"hours": 1}}}],
}


@pytest.fixture
async def api(tmp_path):
    async with installation(tmp_path) as opened:
        yield opened


def resource(message, name, spec):
    head = {"apiVersion": "agentic.stigmer.ai/v1", "kind": message.DESCRIPTOR.name}
    return json_format.ParseDict({**head, "metadata": {"name": name, "org": "local"}, "spec": spec}, message())


def agent():
    return resource(Agent, "helper", {"instructions": "be helpful at all times"})


def workflow(**metadata):
    tasks = [{"name": "first", "kind": "set_vars", "taskConfig": {"variables": {"a": "1"}}}]
    document = {"dsl": "1.0.0", "namespace": "tests", "name": "steps", "version": "1.0.0"}
    made = resource(Workflow, "steps", {"document": document, "tasks": tasks})
    json_format.ParseDict(metadata, made.metadata)
    return made


async def code_of(awaitable):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await awaitable
    return caught.value.code().name


async def test_rotations_at_once_lose_no_secret(api):
    """One rotation must not drop the root key that another has just encrypted the data keys with."""
    asked = resource(Environment, "env", {"data": {"KEY": {"value": "secret", "isSecret": True}}})
    made = await api.call(f"{ENVIRONMENTS}CommandController", "create", asked)

    rotate = [api.call("stigmer.core.v1.SecretService", "RotateKeys", RotateKeysRequest()) for _ in range(20)]
    await asyncio.gather(*rotate)

    asked = environments.EnvironmentSecretValueInput(environment_id=made.metadata.id, key="KEY")
    assert (await api.call(f"{ENVIRONMENTS}QueryController", "getSecretValue", asked)).value == "secret"


@pytest.mark.parametrize("levels", [80, 90, 99])
async def test_what_is_stored_can_be_read_in_a_list(api, levels):
    """A message at the limit of a reader is refused: inside a list's answer nobody could decode it."""
    body = resource(Session, "deep", {"subject": "s"}).SerializeToString()
    nested = body + b"\x9b\x06" * levels + b"\x9c\x06" * levels  # groups in an unknown field
    create = api.channel.unary_unary(f"/{SESSIONS.replace('Query', 'Command')}/create")

    code = "OK"
    try:
        await create(nested)
    except grpc.aio.AioRpcError as error:
        code = error.code().name

    assert code == ("OK" if levels == 80 else "INVALID_ARGUMENT")
    assert len((await api.call(SESSIONS, "list", ListSessionsRequest())).entries) == (code == "OK")


@pytest.mark.parametrize(
    ("service", "rpc", "request_"),
    [
        (RESOURCES, "List", documents.ListRequest(kind="Agent", page_size=-1)),
        (RUNS, "getEventLog", runs.GetEventLogRequest(execution_id="wex_1", after_sequence=2**64 - 1, page_size=-1)),
        (AGENT_RUNS, "listBySession", agent_runs.ListAgentExecutionsBySessionRequest(session_id="s", page_size=-1)),
    ],
    ids=["documents", "events", "agent-runs"],
)
async def test_a_page_without_a_sensible_size_is_a_page(api, service, rpc, request_):
    """Less than one entry is as if no size was given, and behind the last event there is none."""
    await api.call(AGENTS, "create", agent())

    assert await api.call(service, rpc, request_) is not None


async def test_a_filter_out_of_range_is_the_callers_fault(api):
    """Times and durations that no calendar has."""
    asked = runs.ListWorkflowExecutionsRequest(org="local")
    asked.filter.started_after.seconds = FAR
    lasting = runs.ListWorkflowExecutionsRequest(org="local")
    lasting.filter.max_duration.seconds = FAR

    assert await code_of(api.call(RUNS, "list", asked)) == "INVALID_ARGUMENT"
    assert await code_of(api.call(RUNS, "list", lasting)) == "INVALID_ARGUMENT"


async def test_a_report_out_of_range_spoils_nothing_for_others(api):
    """Runners report times as text and numbers as they like: listings, summaries and the log go on."""
    made = await api.call(DOCUMENTS, "execute", documents_pb2.ExecuteDocumentRequest(document=json.dumps(WAITS)))
    status = {"startedAt": "soon", "completedAt": "late", "totalInputTokens": FAR}
    event = {"eventId": "e", "eventType": "execution_started", "sequenceNumber": FAR, "occurredAt": "now"}
    report = {"executionId": made.metadata.id, "status": status}
    far = json_format.ParseDict({**report, "events": [event]}, runs.WorkflowExecutionUpdateStatusInput())

    await api.call(RUN_COMMAND, "updateStatus", json_format.ParseDict(report, type(far)()))

    assert await code_of(api.call(RUN_COMMAND, "updateStatus", far)) == "INVALID_ARGUMENT"
    assert len((await api.call(RUNS, "list", runs.ListWorkflowExecutionsRequest(org="local"))).entries) == 1
    await api.call(RUNS, "getExecutionSummary", runs.GetExecutionSummaryRequest(org="local"))


@pytest.mark.parametrize("text", ["NaN", "1e999", '"\\ud800"', "[" * 50_000, "9" * 5_000])
async def test_text_that_only_python_takes_for_json_is_refused(api, text):
    """It could be read, and not be stored."""
    asked = documents_pb2.ExecuteDocumentRequest(document=json.dumps(WAITS), input=f"[{text}]")

    assert await code_of(api.call(DOCUMENTS, "execute", asked)) == "INVALID_ARGUMENT"


@pytest.mark.parametrize("text", ["not JSON", "[]", '"text"', "[" * 50_000])
async def test_an_annotation_that_is_no_document_is_the_callers_fault(api, text):
    """The annotation that keeps a DSL document can be written by anybody."""
    asked = workflow(annotations={"stigmer.ai/workflow-document": text})

    assert await code_of(api.call(WORKFLOW, "create", asked)) == "INVALID_ARGUMENT"


async def test_a_task_that_json_cannot_say_is_the_callers_fault(api):
    """A number that is not finite, and a kind of task that there is not."""
    endless, unknown = workflow(), workflow()
    endless.spec.tasks[0].task_config["a"] = float("inf")
    unknown.spec.tasks[0].kind = 2**31 - 1

    assert await code_of(api.call(WORKFLOW, "create", endless)) == "INVALID_ARGUMENT"
    assert await code_of(api.call(WORKFLOW, "create", unknown)) == "INVALID_ARGUMENT"


async def test_a_version_of_another_kind_is_not_found(api):
    """Skills have versions too; their ids are no workflow's."""
    made = await api.call(AGENTS, "create", agent())
    asked = GetWorkflowVersionInput(workflow_id=made.metadata.id, version_hash="a" * 64)

    assert await code_of(api.call(f"{AGENTIC}.workflow.v1.WorkflowQueryController", "getVersion", asked)) == "NOT_FOUND"
