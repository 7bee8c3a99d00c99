"""How an attempt to connect stands in a server's status."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.mcpserver.v1 import status_pb2

from stigmer_plugin_mcpserver._failure import ConnectFailure, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from stigmer_plugin_mcpserver._offer import Offer

DEADLINE = timedelta(seconds=60)
CONNECTING = status_pb2.connect_phase_connecting
_SLACK = timedelta(seconds=30)


def deadline_of(spec: Any, default: timedelta = DEADLINE) -> timedelta:
    """Return how long one attempt may take: what an HTTP server's spec says, else the default."""
    seconds = spec.http.timeout_seconds
    return timedelta(seconds=seconds) if seconds else default


def begin(server: Any, now: datetime) -> None:
    """Say that an attempt has begun; what was discovered before stays until it succeeds."""
    status = server.status.connect_status
    status.Clear()
    status.phase = CONNECTING
    status.started_at.FromDatetime(now)


def succeed(server: Any, offer: Offer, now: datetime) -> None:
    """Store what the server offers."""
    warnings = [*offer.warnings, *_changed(server, offer), *_unknown(server, offer)]
    found = server.status.discovered_capabilities
    found.CopyFrom(offer.capabilities)
    found.last_discovered_at.FromDatetime(now)
    del server.status.tool_approvals[:]
    server.status.tool_approvals.extend(offer.approvals)
    _end(server, status_pb2.connect_phase_succeeded, now).warning = "; ".join(warnings)


def fail(server: Any, failure: ConnectFailure, now: datetime) -> None:
    """Say why the attempt failed; what was discovered before stays."""
    status = _end(server, status_pb2.connect_phase_failed, now)
    status.failure_code = failure.reason.value
    status.failure_message = failure.message


def end_if_lost(server: Any, now: datetime, opened_at: datetime) -> bool:
    """Make an attempt a failed one that began before `opened_at` or has outlived its deadline; return whether it was.

    A live attempt waits for its turn, and then works, for at most its deadline each.
    """
    status = server.status.connect_status
    latest = max(opened_at, now - _longest(server.spec))
    lost: bool = status.phase == CONNECTING and status.started_at.ToDatetime(UTC) < latest
    if lost:
        fail(server, ConnectFailure(Reason.INTERRUPTED, "the server stopped while it connected: connect again"), now)
    return lost


def _longest(spec: Any) -> timedelta:
    return 2 * deadline_of(spec) + _SLACK


def _end(server: Any, phase: Any, now: datetime) -> Any:
    status = server.status.connect_status
    started = status.started_at if status.HasField("started_at") else None
    ended = status_pb2.ConnectStatus(phase=phase, started_at=started)
    ended.finished_at.FromDatetime(now)
    status.CopyFrom(ended)
    return status


def _changed(server: Any, offer: Offer) -> Iterator[str]:
    """Say which tools are not what they were: a description that changes later is how a server turns on its users."""
    before = {tool.name: tool for tool in server.status.discovered_capabilities.tools}
    names = [tool.name for tool in offer.capabilities.tools if before.get(tool.name, tool) != tool]
    if names:
        yield f"changed since the last time: {', '.join(names)}"


def _unknown(server: Any, offer: Offer) -> Iterator[str]:
    known = {tool.name for tool in offer.capabilities.tools}
    pinned: Iterable[str] = [policy.tool_name for policy in server.spec.pinned_tool_approvals]
    missing = sorted({*server.spec.default_enabled_tools, *pinned} - known)
    if missing:
        yield f"not offered, though the spec names them: {', '.join(missing)}"
