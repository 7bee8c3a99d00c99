"""Workflows that run stored workflows, end to end, in process."""

from __future__ import annotations

import json

import pytest
from ai.stigmer.agentic.workflowexecution.v1 import enum_pb2, io_pb2
from google.protobuf import json_format
from stigmer_plugin_workflow.api.v1.documents_pb2 import ExecuteDocumentRequest

from stigmer_core.api.v1 import resources_pb2 as documents
from stigmer_core.testing.installation import installation

COMMAND = "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionCommandController"
QUERY = "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionQueryController"
RESOURCES = "stigmer.core.v1.ResourceService"
DOCUMENTS = "stigmer.workflow.v1.WorkflowDocumentController"


@pytest.fixture
async def api(home):
    """Return an installation with two versions of one workflow, of which the second is current."""
    async with installation(home) as opened:
        for version in ("1.0.0", "1.1.0"):
            tasks = [{"say": {"set": {"version": version, "x": "${ .x }"}}}]
            request = documents.ApplyRequest(json=json.dumps(child(version, tasks)))
            await opened.call(RESOURCES, "Apply", request)
        yield opened


def child(version, tasks, name="child"):
    """Return a document."""
    return {"document": {"dsl": "1.0.3", "namespace": "tests", "name": name, "version": version}, "do": tasks}


async def ended(api, version, value=None, **more):
    """Run a workflow that runs another one, and return its last status."""
    workflow = {"namespace": "tests", "name": "child", "version": version}
    document = child("1.0.0", [{"a": {"run": {"workflow": workflow, **more}}}], name="parent")
    request = ExecuteDocumentRequest(document=json.dumps(document), input=json.dumps(value or {"x": 1}))
    run_id = (await api.call(DOCUMENTS, "execute", request)).metadata.id
    subscribe = io_pb2.SubscribeWorkflowExecutionRequest(execution_id=run_id)
    return [frame async for frame in api.stream(QUERY, "subscribe", subscribe)][-1].status


@pytest.mark.parametrize(("wanted", "found"), [("latest", "1.1.0"), ("1.1.0", "1.1.0"), ("1.0.0", "1.0.0")])
async def test_child_is_the_version_that_is_asked_for(api, wanted, found):
    """An earlier version runs too, as it was stored then."""
    status = await ended(api, wanted)

    assert json_format.MessageToDict(status.output) == {"version": found, "x": 1}


async def test_version_that_is_not_there_faults(api):
    """The error names what was looked for, and where."""
    status = await ended(api, "2.0.0")

    assert status.phase == enum_pb2.EXECUTION_FAILED
    assert "tests/child:2.0.0" in status.error


async def test_workflow_for_which_nobody_waits_is_an_execution_of_its_own(api):
    """The parent completes with its input; the other run is listed like any other."""
    status = await ended(api, "latest", **{"await": False})

    listed = await api.call(QUERY, "list", io_pb2.ListWorkflowExecutionsRequest())
    names = [entry.metadata.name for entry in listed.entries]
    assert json_format.MessageToDict(status.output) == {"x": 1}
    assert any(name.startswith("child-") for name in names), names


async def test_earlier_version_is_not_started_on_its_own(api):
    """An execution runs the current version only, so this is refused and not run in another version."""
    status = await ended(api, "1.0.0", **{"await": False})

    assert "current version only" in status.error
