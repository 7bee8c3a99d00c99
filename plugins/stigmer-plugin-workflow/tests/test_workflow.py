"""Workflows over the API with nothing that could run them: versions, validation, and the gate."""

from __future__ import annotations

import json

import grpc
import pytest
from ai.stigmer.agentic.workflow.v1 import version_pb2
from ai.stigmer.agentic.workflow.v1.api_pb2 import Workflow
from ai.stigmer.agentic.workflow.v1.enum_pb2 import WorkflowTaskKind
from ai.stigmer.agentic.workflow.v1.io_pb2 import WorkflowId
from ai.stigmer.agentic.workflowexecution.v1 import io_pb2 as execution_pb2
from ai.stigmer.agentic.workflowexecution.v1.api_pb2 import WorkflowExecution
from ai.stigmer.agentic.workflowinstance.v1.io_pb2 import WorkflowInstanceId
from google.protobuf import json_format

from stigmer_core.api.v1 import resources_pb2 as documents
from stigmer_core.testing.installation import installation

COMMAND = "ai.stigmer.agentic.workflow.v1.WorkflowCommandController"
QUERY = "ai.stigmer.agentic.workflow.v1.WorkflowQueryController"
EXECUTION = "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecution"
INSTANCE_QUERY = "ai.stigmer.agentic.workflowinstance.v1.WorkflowInstanceQueryController"
RESOURCES = "stigmer.core.v1.ResourceService"
VALID, INVALID = 2, 3


@pytest.fixture
async def api(tmp_path):
    async with installation(tmp_path, plugins=("workflow",)) as opened:
        yield opened


def workflow(**variables):
    document = {
        "apiVersion": "agentic.stigmer.ai/v1",
        "kind": "Workflow",
        "metadata": {"name": "steps", "org": "local"},
        "spec": {
            "document": {"dsl": "1.0.0", "namespace": "tests", "name": "steps", "version": "1.0.0"},
            "tasks": [{"name": "first", "kind": "set_vars", "taskConfig": {"variables": variables}}],
        },
    }
    return json_format.ParseDict(document, Workflow())


async def versions(api):
    request = version_pb2.ListWorkflowVersionsInput(org="local", slug="steps")
    return (await api.call(QUERY, "listVersions", request)).versions


async def test_a_new_workflow_has_its_default_instance(api):
    """Made in the same write; what the client says of status is dropped."""
    asked = workflow(a="1")
    asked.status.default_instance_id = "win_mine"

    made = await api.call(COMMAND, "create", asked)

    instance = await api.call(INSTANCE_QUERY, "get", WorkflowInstanceId(value=made.status.default_instance_id))
    assert instance.metadata.id != "win_mine"
    assert instance.spec.workflow_id == made.metadata.id


async def test_a_workflow_without_tasks_is_refused(api):
    """At its place, and nothing is written."""
    empty = workflow()
    del empty.spec.tasks[:]

    with pytest.raises(grpc.aio.AioRpcError, match="tasks") as caught:
        await api.call(COMMAND, "create", empty)

    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    listed = await api.call(RESOURCES, "List", documents.ListRequest(kind="Workflow"))
    assert list(listed.items) == []


async def test_a_misshapen_task_is_the_callers_fault(api):
    """The check says where, create is INVALID_ARGUMENT; neither is an internal error."""
    broken = workflow()
    broken.spec.tasks[0].kind = WorkflowTaskKind.Value("http_call")
    broken.spec.tasks[0].task_config.update({"method": "GET", "endpoint": "https://x"})

    checked = await api.call(COMMAND, "validateSpec", broken)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await api.call(COMMAND, "create", broken)

    assert checked.state == INVALID
    assert "/spec/tasks/0/task_config" in checked.errors[0]
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_a_version_is_its_content_and_the_head_goes_back(api):
    """A, B, A: two versions, the first one current again; the order of keys makes none."""
    first = await api.call(COMMAND, "create", workflow(a="1", b="2"))
    await api.call(COMMAND, "update", workflow(a="2", b="2"))
    again = await api.call(COMMAND, "apply", workflow(b="2", a="1"))

    assert again.status.version_hash == first.status.version_hash
    assert [one.is_current for one in await versions(api)] == [False, True]


async def test_a_tag_has_one_holder(api):
    """The second version takes it from the first."""
    first = await api.call(COMMAND, "create", workflow(a="1"))
    second = await api.call(COMMAND, "update", workflow(a="2"))
    for made in (first, second):
        request = version_pb2.TagWorkflowVersionInput(
            workflow_id=made.metadata.id, version_hash=made.status.version_hash, tag="live"
        )
        await api.call(COMMAND, "tagVersion", request)

    assert [one.tag for one in await versions(api)] == ["live", ""]


async def test_deleting_a_workflow_takes_its_instances(api):
    """The default instance goes with it."""
    made = await api.call(COMMAND, "create", workflow(a="1"))

    await api.call(COMMAND, "delete", WorkflowId(value=made.metadata.id))

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await api.call(INSTANCE_QUERY, "get", WorkflowInstanceId(value=made.status.default_instance_id))
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


async def test_validate_spec_says_valid_or_why_not_and_writes_nothing(api):
    """The canonical document is part of the answer."""
    broken = workflow(a="1")
    broken.spec.tasks[0].kind = 13

    good = await api.call(COMMAND, "validateSpec", workflow(a="1"))
    bad = await api.call(COMMAND, "validateSpec", broken)

    assert (good.state, bad.state) == (VALID, INVALID)
    assert "set:" in good.yaml
    assert bad.errors[0].startswith("/spec/tasks/0/task_config/variables: unknown field")
    listed = await api.call(RESOURCES, "List", documents.ListRequest(kind="Workflow"))
    assert list(listed.items) == []


async def test_a_budget_that_nothing_would_hold_is_refused(api):
    """Accepting it would let a run spend what its author forbade."""
    limited = workflow(a="1")
    limited.spec.budget.max_total_tokens, limited.spec.budget.on_exceeded = 1000, 9  # no policy

    with pytest.raises(grpc.aio.AioRpcError, match="/spec/budget") as caught:
        await api.call(COMMAND, "create", limited)

    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_a_run_that_nothing_can_run_is_refused_before_anything_is_written(api):
    """FAILED_PRECONDITION names the plugin to install."""
    made = await api.call(COMMAND, "create", workflow(a="1"))
    asked = WorkflowExecution(api_version="agentic.stigmer.ai/v1", kind="WorkflowExecution")
    asked.metadata.org, asked.spec.workflow_id = "local", made.metadata.id

    with pytest.raises(grpc.aio.AioRpcError, match="stigmer-plugin-workflow-runner") as caught:
        await api.call(f"{EXECUTION}CommandController", "create", asked)

    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    listed = await api.call(f"{EXECUTION}QueryController", "list", execution_pb2.ListWorkflowExecutionsRequest())
    assert list(listed.entries) == []


async def test_a_plain_dsl_document_is_a_workflow_and_stays_unchanged(api):
    """Applied twice, it is created once."""
    document = {"document": {"dsl": "1.0.3", "namespace": "n", "name": "plain", "version": "1.0.0"}, "do": []}
    document["do"].append({"only": {"set": {"a": 1}}})
    request = documents.ApplyRequest(json=json.dumps(document))

    actions = [(await api.call(RESOURCES, "Apply", request)).action for _ in range(2)]

    assert actions == [documents.CREATED, documents.UNCHANGED]
