"""A run of an agent that a workflow has started: what it waits for is shown in the workflow's run, and how it ends."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.activities.rpc import Rpc

LONGEST_SUMMARY = 200  # characters of what an agent was told that an event shows
_AI = "MESSAGE_AI"
_MICROS = 1_000_000
_REVIEWED = "FILE_CHANGE_SET_STATUS_AWAITING_REVIEW"


class Followed:
    """Follows runs of agents for one run of a workflow."""

    def __init__(self, agents: Rpc, runs: Rpc, execution_id: str) -> None:
        self._agents = agents
        self._runs = runs
        self._execution_id = execution_id

    async def started(self, run: Any, arguments: Json) -> None:
        """Show that an agent was started."""
        event = {
            "event_id": f"{run.metadata.id}/started",
            "event_type": "agent_call_started",
            "occurred_at": _created_at(run),
            "agent_call_started": {
                "child_execution_id": run.metadata.id,
                "agent_slug": arguments["agent"],
                "message_summary": arguments["message"][:LONGEST_SUMMARY],
            },
        }
        await self._report({"events": [event]})

    async def ended(self, run: Any) -> Json:
        """Return how a run ended, once it has."""
        shown: dict[str, Any] = {}
        async for frame in self._agents.follow("subscribe", {"value": run.metadata.id}):
            run, waiting = frame, _waiting(frame)
            if waiting != shown:
                await self._show(run, waiting)
                shown = waiting
        if shown:
            await self._show(run, {})
        return _ending(run)

    async def _show(self, run: Any, waiting: dict[str, Any]) -> None:
        await self._report(
            {
                "update_pending_approvals": True,
                "update_pending_file_reviews": True,
                "pending_update_child_agent_execution_id": run.metadata.id,
                "status": waiting,
            }
        )

    async def _report(self, fields: dict[str, Any]) -> None:
        await self._runs.call("updateStatus", {"execution_id": self._execution_id, "status": {}, **fields})


def _waiting(run: Any) -> dict[str, Any]:
    """Return what a run waits for, as the status of a workflow's run lists it; nothing once it has ended."""
    status, child = run.status, {"child_agent_execution_id": run.metadata.id}
    if status.completed_at:
        return {}
    change_sets = [one.id for one in status.file_change_sets if _name(one, "status") == _REVIEWED]
    reviews = [{**child, "change_set_id": change_sets}] if change_sets else []
    approvals = [{**child, "approval": one} for one in status.pending_approvals]
    shown = {"pending_approvals": approvals, "pending_file_reviews": reviews}
    return {name: values for name, values in shown.items() if values}


def _ending(run: Any) -> Json:
    status, usage = run.status, run.status.streaming_usage
    return {
        "execution": run.metadata.id,
        "session": run.spec.session_id,
        "phase": _name(status, "phase"),
        "error": status.error,
        "output": _output(run),
        "durationMs": _milliseconds(status.started_at or _created_at(run), status.completed_at),
        "usage": {
            "costMicros": round(usage.estimated_cost_usd * _MICROS),
            "inputTokens": usage.input_tokens,
            "outputTokens": usage.output_tokens,
        },
    }


def _output(run: Any) -> Json:
    """Return the structured answer where one was asked for, else the last text of the agent."""
    from google.protobuf import json_format  # noqa: PLC0415 - programs' own tests go without

    if run.status.HasField("structured_output"):
        return json_format.MessageToDict(run.status.structured_output)
    texts = [one.content for one in run.status.messages if one.content and _name(one, "type") == _AI]
    text = texts[-1] if texts else ""
    if not run.spec.execution_config.HasField("structured_output_schema"):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _name(message: Any, field: str) -> str:
    """Return the name of an enum field's value."""
    return str(message.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number[getattr(message, field)].name)


def _created_at(run: Any) -> str:
    return str(run.status.audit.spec_audit.created_at.ToJsonString())


def _milliseconds(started: str, ended: str) -> int:
    try:
        return round((datetime.fromisoformat(ended) - datetime.fromisoformat(started)).total_seconds() * 1000)
    except (ValueError, TypeError):
        return 0
