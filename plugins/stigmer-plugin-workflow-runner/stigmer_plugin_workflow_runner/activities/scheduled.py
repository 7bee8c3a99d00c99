"""The activities of the runner `workflow-schedule`: `start` starts a run, `ended` says whether one has ended."""

from __future__ import annotations

import hashlib
import json
import logging
from typing import TYPE_CHECKING, Any

from stigmer_core.program import ActivityError
from stigmer_plugin_workflow_runner.activities.failures import failed
from stigmer_plugin_workflow_runner.scheduling import is_current
from stigmer_plugin_workflow_runner.wiring import root_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from stigmer_core.program import Activity, ActivityContext, Json
    from stigmer_core.resources import Resources
    from stigmer_core.store import Reader
    from stigmer_plugin_workflow_runner.wiring import Wiring

    Execution = Any  # the message, which is known by its kind only

logger = logging.getLogger(__name__)

LABEL = "workflow-schedule"  # on each execution that a schedule started: the workflow's id
KIND = "WorkflowExecution"
_CREATE = "/ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionCommandController/create"
_AGAIN = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED")
_LONGEST_NAME = 40


class Starting:
    """Starts executions of stored workflows, over the channel, as a client would."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    def activities(self) -> dict[str, Activity]:
        """Return the activities by name."""
        return {"start": self.start, "ended": self.ended}

    async def start(self, arguments: Json, context: ActivityContext) -> Json:
        """Return `{"execution": its id}`, empty when the schedule is another one by now. A repeated call starts none.

        Raises:
            ActivityError: it cannot be started.
        """
        resources = self._resources()
        execution = resources.store.read(_execution(resources, arguments, context))
        if execution is None:
            return {"execution": ""}
        try:
            return {"execution": await self._created(resources, execution)}
        except ActivityError as error:
            logger.warning("scheduled start failed run=%s reason=%s", context.run_id, error.failure.detail)
            raise

    async def ended(self, arguments: Json, _context: ActivityContext) -> Json:
        """Return `{"has_ended": …, "at": when}`; one that is gone has ended, nobody knows when."""
        resources = self._resources()
        row = resources.store.read(lambda reader: reader.get(arguments["execution"]))
        if row is None:
            return {"has_ended": True, "at": ""}
        shown: Execution = resources.kind(KIND).message.FromString(row.body)
        return {"has_ended": bool(shown.status.completed_at), "at": shown.status.completed_at}

    def _resources(self) -> Resources:
        if self._wiring.resources is None:
            raise _failed("the server is still starting", retryable=True)
        return self._wiring.resources

    async def _created(self, resources: Resources, execution: Execution) -> str:
        import grpc  # noqa: PLC0415 - with the server

        channel, message = self._wiring.channel, type(execution)
        if channel is None:
            raise _failed("the server is still starting", retryable=True)
        create = channel.unary_unary(_CREATE, message.SerializeToString, message.FromString)
        try:
            made: Execution = await create(execution)
        except grpc.aio.AioRpcError as error:
            if error.code() == grpc.StatusCode.ALREADY_EXISTS:
                return resources.store.read(_earlier(execution))
            raise _failed(error.details() or "", retryable=error.code().name in _AGAIN) from error
        return str(made.metadata.id)


def _execution(resources: Resources, arguments: Json, context: ActivityContext) -> Callable[[Reader], Execution]:
    """Return what makes the request, of the same name for a repeated call; None when the schedule is not current."""

    def make(reader: Reader) -> Execution:
        row, kind = reader.get(root_run(context.run_id)), resources.kinds.get(KIND)
        if row is None or kind is None or not is_current(reader, context.run_id):
            return None
        digest = hashlib.sha256(f"{context.run_id}\n{arguments['step']}".encode()).hexdigest()
        execution: Execution = kind.message(api_version=kind.api_version, kind=kind.name)
        metadata = execution.metadata
        metadata.name = metadata.slug = f"{row.slug[:_LONGEST_NAME].rstrip('-')}-{digest[:12]}"
        metadata.org = row.org
        metadata.labels[LABEL] = row.id
        execution.spec.workflow_id = row.id
        if arguments["input"] is not None:
            execution.spec.trigger_message = json.dumps(arguments["input"])
        return execution

    return make


def _earlier(execution: Execution) -> Callable[[Reader], str]:
    """Return what finds the execution that an earlier call made; one of somebody else's is none of ours."""

    def find(reader: Reader) -> str:
        row = reader.find(KIND, execution.metadata.org, execution.metadata.slug)
        if row is None or type(execution).FromString(row.body).metadata.labels.get(LABEL) != execution.spec.workflow_id:
            raise _failed(f"an execution {execution.metadata.slug} that is not of this schedule is in the way")
        return row.id

    return find


def _failed(detail: str, *, retryable: bool = False) -> ActivityError:
    return failed(500, detail, retryable=retryable)
