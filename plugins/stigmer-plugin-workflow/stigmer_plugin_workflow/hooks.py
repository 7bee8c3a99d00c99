"""What this plugin adds: three kinds, their services and the commands that run workflows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stigmer_core import Service, hookimpl
from stigmer_plugin_workflow._kinds import EXECUTION, INSTANCE, WORKFLOW

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import grpc.aio

    from stigmer_core import Kind
    from stigmer_core.program import Engine, Runner
    from stigmer_core.resources import Resources


@hookimpl
def stigmer_kinds() -> Sequence[Kind]:
    """Return Workflow, WorkflowInstance and WorkflowExecution."""
    return [WORKFLOW, INSTANCE, EXECUTION]


@hookimpl
def stigmer_commands() -> Mapping[str, str]:
    """Return the commands that start and follow runs."""
    return {
        "run": "stigmer_plugin_workflow.commands:run|Run a workflow and print its output.",
        "runs": "stigmer_plugin_workflow.commands:runs|List, follow, answer and steer runs.",
    }


@hookimpl
def stigmer_services(
    resources: Resources, engine: Engine | None, runners: Mapping[str, Runner], channel: grpc.aio.Channel
) -> Sequence[Service]:
    """Return what the three kinds have beyond the generic RPCs, and documents without a name."""
    from stigmer_core.resources import RunGate  # noqa: PLC0415 - the command line needs none of these
    from stigmer_plugin_workflow import (  # noqa: PLC0415
        _document_controller,
        _execution_commands,
        _execution_queries,
        _task_kinds,
    )
    from stigmer_plugin_workflow import _workflow_controller as workflow  # noqa: PLC0415
    from stigmer_plugin_workflow._approvals import Approvals  # noqa: PLC0415
    from stigmer_plugin_workflow._creation import Executions  # noqa: PLC0415
    from stigmer_plugin_workflow._steps import RUNNER  # noqa: PLC0415

    gate = RunGate(RUNNER, "workflows", "stigmer-plugin-workflow-runner", engine, runners)
    executions = Executions(resources, gate)
    approvals = Approvals(EXECUTION, executions, channel)
    documents = _document_controller.DocumentController(WORKFLOW, EXECUTION, executions)
    return [
        Service(WORKFLOW.services[0], workflow.WorkflowCommands(WORKFLOW, resources)),
        Service(WORKFLOW.services[1], workflow.WorkflowQueries(WORKFLOW, resources)),
        Service(INSTANCE.services[0], workflow.InstanceCommands(INSTANCE, resources)),
        Service(INSTANCE.services[1], workflow.InstanceQueries(INSTANCE, resources)),
        Service(EXECUTION.services[0], _execution_commands.ExecutionCommands(EXECUTION, executions, approvals)),
        Service(EXECUTION.services[1], _execution_queries.ExecutionQueries(EXECUTION, resources, approvals)),
        Service("stigmer.workflow.v1.WorkflowDocumentController", documents),
        Service(_task_kinds.SERVICE, _task_kinds.TaskKindQueries()),
    ]
