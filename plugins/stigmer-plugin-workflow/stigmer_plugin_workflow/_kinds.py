"""The declarations of Workflow, WorkflowInstance and WorkflowExecution."""

from __future__ import annotations

from ai.stigmer.agentic.workflow.v1 import command_pb2 as workflow_command
from ai.stigmer.agentic.workflow.v1 import query_pb2 as workflow_query
from ai.stigmer.agentic.workflow.v1.api_pb2 import Workflow
from ai.stigmer.agentic.workflowexecution.v1 import command_pb2 as workflowexecution_command
from ai.stigmer.agentic.workflowexecution.v1 import query_pb2 as workflowexecution_query
from ai.stigmer.agentic.workflowexecution.v1.api_pb2 import WorkflowExecution
from ai.stigmer.agentic.workflowinstance.v1 import command_pb2 as workflowinstance_command
from ai.stigmer.agentic.workflowinstance.v1 import query_pb2 as workflowinstance_query
from ai.stigmer.agentic.workflowinstance.v1.api_pb2 import WorkflowInstance

from stigmer_core import Column, Kind, Owner, service_names
from stigmer_plugin_workflow._adopt import adopt_dsl
from stigmer_plugin_workflow._phases import require_ended, require_same_spec
from stigmer_plugin_workflow._scheduling import forget
from stigmer_plugin_workflow._status import publish
from stigmer_plugin_workflow._steps import INSTANCES, check_workflow, keep_version, stamp_version

_API_VERSION = "agentic.stigmer.ai/v1"

WORKFLOW = Kind(
    name="Workflow",
    message=Workflow,
    api_version=_API_VERSION,
    id_prefix="wfl",
    plural="workflows",
    short_names=("wfl", "wf"),
    description="tasks in an order: calls, branches, loops, waits",
    number=50,
    services=service_names(workflow_command, workflow_query),
    columns=(
        Column("DESCRIPTION", "spec.description"),
        Column("VERSION", "spec.document.version"),
        Column("HASH", "status.versionHash", wide=True),
    ),
    visibility_levels=("visibility_private", "visibility_org", "visibility_platform"),
    default_visibility="visibility_org",
    versioned=True,
    apply_order=80,
    drawings={"mermaid": "stigmer_plugin_workflow._diagram:mermaid"},
    adopt=adopt_dsl,
    check=check_workflow,
    before_write=stamp_version,
    after_write=keep_version,
    before_delete=forget,
)
INSTANCE = Kind(
    name="WorkflowInstance",
    message=WorkflowInstance,
    api_version=_API_VERSION,
    id_prefix="win",
    plural="workflowinstances",
    short_names=("win",),
    display_name="Workflow Instance",
    description="a workflow bound to environments",
    number=51,
    services=service_names(workflowinstance_command, workflowinstance_query),
    columns=(Column("WORKFLOW", "spec.workflowId"), Column("DESCRIPTION", "spec.description")),
    visibility_levels=("visibility_private", "visibility_org"),
    owners=(Owner("Workflow", "spec.workflow_id"),),
    apply_order=85,
    before_write=INSTANCES.check,
    before_delete=INSTANCES.guard,
)
EXECUTION = Kind(
    name="WorkflowExecution",
    message=WorkflowExecution,
    api_version=_API_VERSION,
    id_prefix="wex",
    plural="workflowexecutions",
    short_names=("wex",),
    display_name="Workflow Execution",
    description="one run of a workflow",
    number=52,
    services=service_names(workflowexecution_command, workflowexecution_query),
    columns=(Column("PHASE", "status.phase"), Column("STARTED", "status.startedAt"), Column("ERROR", "status.error")),
    verbs=("get", "list", "delete"),
    indexes=("spec.workflow_id", "spec.workflow_instance_id", "status.phase"),
    secrets=("spec.runtime_env",),
    apply_order=90,
    before_write=require_same_spec,
    before_delete=require_ended,
    publish=publish,
)
