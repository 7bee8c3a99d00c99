"""How a run is doing, as the command controller shows it: from Temporal alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from stigmer_core.program_json import failure_json, text
from stigmer_plugin_engine_temporal._wire import standard_failure
from stigmer_plugin_engine_temporal.api.v1 import runner_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta
    from typing import Any

    from temporalio.client import WorkflowExecutionDescription, WorkflowHandle

    from stigmer_core.program import Json

_HELD = "held"  # what the state of a run on hold has
_PHASES = {
    WorkflowExecutionStatus.RUNNING: pb.RUN_PHASE_RUNNING,
    WorkflowExecutionStatus.CONTINUED_AS_NEW: pb.RUN_PHASE_RUNNING,
    WorkflowExecutionStatus.COMPLETED: pb.RUN_PHASE_COMPLETED,
    WorkflowExecutionStatus.CANCELED: pb.RUN_PHASE_CANCELLED,
}


async def inspect(handle: WorkflowHandle[Any, Any], run_id: str, within: timedelta) -> pb.Inspection:
    """Return how a run is doing.

    Raises:
        RPCError: there is no such run, or Temporal or its worker does not answer.
    """
    described = await handle.describe(rpc_timeout=within)
    inspection = pb.Inspection(
        run_id=run_id,
        phase=_phase(described),
        started_at=described.start_time.isoformat(),
        ended_at=_moment(described.close_time),
    )
    if inspection.phase == pb.RUN_PHASE_RUNNING:
        _add_state(inspection, await handle.query("state", rpc_timeout=within))
    elif inspection.phase in (pb.RUN_PHASE_COMPLETED, pb.RUN_PHASE_FAILED):
        await _add_end(inspection, handle, within)
    return inspection


def _phase(described: WorkflowExecutionDescription) -> pb.RunPhase.ValueType:
    status = described.status
    return _PHASES.get(status, pb.RUN_PHASE_FAILED) if status is not None else pb.RUN_PHASE_UNSPECIFIED


def _add_state(inspection: pb.Inspection, found: Mapping[str, Json]) -> None:
    state = found["state"] if isinstance(found["state"], dict) else {}
    if _HELD in state:
        inspection.phase = pb.RUN_PHASE_PAUSED
    for position, frame in state.get("frames", {}).items():
        task, started = frame.get("task", ""), frame.get("started") or ""
        inspection.frames.append(pb.Frame(position=position, task=task, started_at=started))
    for request in found["outstanding"]:
        what = request.get("activity") or (f"child {request['runner']}" if "runner" in request else "timer")
        inspection.outstanding.append(pb.Outstanding(position=request["id"], what=what, due=request.get("due", "")))


async def _add_end(inspection: pb.Inspection, handle: WorkflowHandle[Any, Any], within: timedelta) -> None:
    try:
        inspection.output = text(await handle.result(rpc_timeout=within))
    except WorkflowFailureError as error:
        cause = error.cause
        if isinstance(cause, ApplicationError) and cause.details:
            failure = cause.details[0]
        else:
            failure = failure_json(standard_failure("runtime", 500, f"ended by Temporal: {cause}"))
        fields = pb.RunFailure.DESCRIPTOR.fields_by_name
        inspection.failure.CopyFrom(pb.RunFailure(**{name: failure[name] for name in fields}))


def _moment(moment: datetime | None) -> str:
    return moment.isoformat() if moment is not None else ""
