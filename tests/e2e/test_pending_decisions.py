"""What agents that a workflow called wait for, as the status of the workflow's run lists it."""

from __future__ import annotations

import json

import pytest
from ai.stigmer.agentic.workflowexecution.v1 import enum_pb2 as pb
from ai.stigmer.agentic.workflowexecution.v1 import io_pb2
from ai.stigmer.agentic.workflowexecution.v1.api_pb2 import WorkflowExecution

from stigmer_core.api.v1 import resources_pb2 as documents
from stigmer_core.testing.installation import installation

COMMAND = "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionCommandController"


@pytest.fixture
async def api(tmp_path):
    async with installation(tmp_path / "home") as api:
        yield api


@pytest.fixture
async def run(api):
    """A run that goes on until it is stopped."""
    document = {"document": {"dsl": "1.0.3", "namespace": "n", "name": "job", "version": "1.0.0"}}
    document["do"] = [{"hold": {"wait": {"seconds": 600}}}]
    request = documents.ApplyRequest(json=json.dumps(document))
    workflow = (await api.call("stigmer.core.v1.ResourceService", "Apply", request)).document
    asked = WorkflowExecution(api_version="agentic.stigmer.ai/v1", kind="WorkflowExecution")
    asked.metadata.org, asked.spec.workflow_id = "local", workflow.id
    return await api.call(COMMAND, "create", asked)


async def report(api, run, *calls, child="", replaces=True, phase=0):
    """Report tool calls `(agent run, tool call)` that wait, and return those that the run then lists."""
    request = io_pb2.WorkflowExecutionUpdateStatusInput(execution_id=run.metadata.id)
    request.status.phase = phase
    request.update_pending_approvals = request.update_pending_file_reviews = replaces
    request.pending_update_child_agent_execution_id = child
    for agent_run, call_id in calls:
        request.status.pending_approvals.add(child_agent_execution_id=agent_run, approval={"tool_call_id": call_id})
        request.status.pending_file_reviews.add(child_agent_execution_id=agent_run, change_set_id=[call_id])
    return waiting(await api.call(COMMAND, "updateStatus", request))


def waiting(run):
    status = run.status
    files = [(one.child_agent_execution_id, *one.change_set_id) for one in status.pending_file_reviews]
    calls = [(one.child_agent_execution_id, one.approval.tool_call_id) for one in status.pending_approvals]
    assert files == calls
    return calls


async def test_a_report_replaces_what_one_agent_waits_for(api, run):
    """Those of the agent run it names; all of them when it names none; nothing unless it says so."""
    first, second = ("aex_1", "c1"), ("aex_2", "c2")

    assert await report(api, run, first, second) == [first, second]
    assert await report(api, run, ("aex_1", "c3"), child="aex_1") == [second, ("aex_1", "c3")]
    assert await report(api, run, first, replaces=False) == [second, ("aex_1", "c3")]
    assert await report(api, run, child="aex_2") == [("aex_1", "c3")]
    assert await report(api, run) == []


@pytest.mark.parametrize("phase", [pb.EXECUTION_COMPLETED, pb.EXECUTION_FAILED])
async def test_nothing_waits_once_a_run_has_ended(api, run, phase):
    """Whatever the last report lists."""
    await report(api, run, ("aex_1", "c1"))

    assert await report(api, run, ("aex_2", "c2"), phase=phase) == []


@pytest.mark.parametrize("verb", ["cancel", "terminate"])
async def test_nothing_waits_once_a_run_was_stopped(api, run, verb):
    """Neither calls nor files."""
    await report(api, run, ("aex_1", "c1"))
    message = getattr(io_pb2, f"{verb.title()}WorkflowExecutionInput")

    assert waiting(await api.call(COMMAND, verb, message(id=run.metadata.id))) == []
