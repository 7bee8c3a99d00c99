"""The transcript of a run: it only grows, and what people decided about its tool calls stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.agentexecution.v1 import enum_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Iterator

_DECISION = ("approval_action", "approval_decided_at", "approved_by")
_UNDECIDED = (pb.APPROVAL_ACTION_UNSPECIFIED, "", "")
_OPEN_CALLS = frozenset({pb.TOOL_CALL_PENDING, pb.TOOL_CALL_RUNNING, pb.TOOL_CALL_WAITING_APPROVAL})


def tool_calls(status: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every tool call of a status with the sub-agent that made it, or None."""
    for message in status.messages:
        yield from ((call, None) for call in message.tool_calls)
    for sub_agent in status.sub_agent_executions:
        for message in sub_agent.messages:
            yield from ((call, sub_agent) for call in message.tool_calls)


def merge_transcript(current: Any, reported: Any) -> None:
    """Take a reported transcript over, unless it would lose messages or tool calls: then it is a late one, ignored.

    What a report says of decisions is dropped: these are people's, and are kept by the id of the call.
    """
    decided = _decisions(current)
    if reported.messages and _grows(current.messages, reported.messages):
        current.ClearField("messages")
        current.messages.extend(reported.messages)
    _merge_sub_agents(current, reported)
    for call, _ in tool_calls(current):
        for name, value in zip(_DECISION, decided.get(call.id, _UNDECIDED), strict=True):
            setattr(call, name, value)


def settle(status: Any, now: str) -> None:
    """Close what is open when a run is stopped: calls in flight were interrupted, sub-agents cancelled."""
    for call, _ in tool_calls(status):
        if call.status in _OPEN_CALLS:
            running = call.status == pb.TOOL_CALL_RUNNING
            call.status = pb.TOOL_CALL_INTERRUPTED if running else pb.TOOL_CALL_SKIPPED
            call.completed_at, call.is_streaming = call.completed_at or now, False
    for sub_agent in status.sub_agent_executions:
        if sub_agent.status in (pb.SUB_AGENT_PENDING, pb.SUB_AGENT_IN_PROGRESS):
            sub_agent.status, sub_agent.completed_at = pb.SUB_AGENT_CANCELLED, now
    for message in status.messages:
        message.is_streaming = False


def add_notice(status: Any, text: str, now: str) -> None:
    """Append what the server did to the transcript."""
    status.messages.add(type=pb.MESSAGE_SYSTEM, content=text, timestamp=now)


def _decisions(status: Any) -> dict[str, tuple[Any, ...]]:
    found: dict[str, tuple[Any, ...]] = {}
    for call, _ in tool_calls(status):
        if call.approval_action:
            found.setdefault(call.id, tuple(getattr(call, name) for name in _DECISION))
    return found


def _grows(current: Any, reported: Any) -> bool:
    if len(reported) < len(current):
        return False
    there = {call.id for message in reported for call in message.tool_calls}
    return all(call.id in there for message in current for call in message.tool_calls)


def _merge_sub_agents(current: Any, reported: Any) -> None:
    places = {sub_agent.id: index for index, sub_agent in enumerate(current.sub_agent_executions)}
    for sub_agent in reported.sub_agent_executions:
        place = places.get(sub_agent.id)
        if place is None:
            places[sub_agent.id] = len(current.sub_agent_executions)
            current.sub_agent_executions.add().CopyFrom(sub_agent)
        elif _grows(current.sub_agent_executions[place].messages, sub_agent.messages):
            current.sub_agent_executions[place].CopyFrom(sub_agent)
