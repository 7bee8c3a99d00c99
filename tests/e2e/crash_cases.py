"""The load of the crash tests: agents that are created, and a workflow whose output is known."""

from __future__ import annotations

import json

from ai.stigmer.agentic.workflowexecution.v1 import enum_pb2
from ai.stigmer.agentic.workflowexecution.v1.api_pb2 import WorkflowExecution
from ai.stigmer.agentic.workflowexecution.v1.io_pb2 import WorkflowExecutionId
from google.protobuf import json_format
from stigmer_plugin_workflow.api.v1 import documents_pb2

DOCUMENT = {
    "document": {"dsl": "1.0.3", "namespace": "crash", "name": "counts", "version": "1.0.0"},
    "do": [
        {"start": {"set": {"total": 0}}},
        {
            "loop": {
                "for": {"each": "n", "in": "[range(1; 11)]"},
                "do": [{"add": {"set": {"total": "${ .total + $n }"}}}, {"rest": {"wait": {"milliseconds": 20}}}],
            }
        },
    ],
}
OUTPUT = {"total": 55}


def manifest(number):
    """Return a fresh agent."""
    return json.dumps(
        {
            "apiVersion": "agentic.stigmer.ai/v1",
            "kind": "Agent",
            "metadata": {"name": f"crash-{number}"},
            "spec": {"instructions": "Survive this." * 20},
        }
    )


async def start_run(channel):
    """Start the workflow and return the execution's id."""
    execute = channel.unary_unary(
        "/stigmer.workflow.v1.WorkflowDocumentController/execute",
        documents_pb2.ExecuteDocumentRequest.SerializeToString,
        WorkflowExecution.FromString,
    )
    started = await execute(documents_pb2.ExecuteDocumentRequest(document=json.dumps(DOCUMENT), input="{}"))
    return started.metadata.id


async def outcome(channel, run_id):
    """Return whether a run ended with the right output, or None while it runs."""
    get = channel.unary_unary(
        "/ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionQueryController/get",
        WorkflowExecutionId.SerializeToString,
        WorkflowExecution.FromString,
    )
    status = (await get(WorkflowExecutionId(value=run_id))).status
    if status.phase in (enum_pb2.EXECUTION_PENDING, enum_pb2.EXECUTION_IN_PROGRESS):
        return None
    return status.phase == enum_pb2.EXECUTION_COMPLETED and json_format.MessageToDict(status.output) == OUTPUT
