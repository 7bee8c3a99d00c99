"""Usage reports: what runners reported of tokens and costs, added up."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.agentexecution.v1 import io_pb2, usage_pb2
from ai.stigmer.agentic.agentexecution.v1.api_pb2 import AgentExecution
from ai.stigmer.agentic.session.v1 import enum_pb2 as session_pb2

from stigmer_core.errors import InvalidArgumentError
from stigmer_core.resources import page_token, token_position

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stigmer_core.resources import Resources
    from stigmer_core.store import Reader

KIND = "AgentExecution"
_SCAN_PAGE = 200
_TOP_AGENTS = 10
_SESSION_PAGE = 50
_MICROS = 1_000_000


def aggregate(executions: Iterable[Any]) -> usage_pb2.UsageReportAggregate:
    """Return the sum over runs; the model is the one with the most tokens."""
    total, by_model = usage_pb2.UsageReportAggregate(), models(executions := list(executions))
    for execution in executions:
        usage = execution.status.streaming_usage
        _add(total, **_spent(usage), total_tokens=_tokens(usage), llm_call_count=usage.turn_count)
    if by_model:
        most = max(by_model, key=lambda model: model.input_tokens + model.output_tokens)
        total.primary_model, total.primary_provider = most.model, most.provider
    return total


def models(executions: Iterable[Any]) -> list[Any]:
    """Return the sums by model, the most expensive first."""
    found: dict[str, Any] = {}
    for execution in executions:
        usage = execution.status.streaming_usage
        if not usage.model:
            continue
        provider, _, _ = usage.model.rpartition("/")
        entry = found.setdefault(usage.model, usage_pb2.ModelUsage(model=usage.model, provider=provider))
        _add(entry, **_spent(usage), call_count=usage.turn_count)
    return sorted(found.values(), key=lambda model: (-model.billable_cost_micros, model.model))


def session_report(reader: Reader, session_id: str) -> io_pb2.GetSessionUsageReportOutput:
    """Return what a session's runs used, oldest first."""
    executions = list(scanned(reader, index=("spec.session_id", session_id)))[::-1]
    report = io_pb2.GetSessionUsageReportOutput(
        session_id=session_id,
        execution_count=len(executions),
        total_usage=aggregate(executions),
        executions=[_summary(execution) for execution in executions],
        model_breakdown=models(executions),
        is_estimated=bool(executions),
    )
    if executions:
        report.first_execution_at, report.last_execution_at = _created(executions[0]), _created(executions[-1])
    return report


def agent_report(reader: Reader, request: Any, name: str) -> io_pb2.GetAgentUsageReportOutput:
    """Return what an agent's runs used between two days, by session, a page of sessions at a time."""
    where = {"index": ("spec.agent_id", request.agent_id), "org": request.org_id}
    executions = list(_between(scanned(reader, **where), request.from_date, request.to_date))
    sessions = _by_session(executions)
    start = token_position(request) or 0
    size = request.page_size if request.page_size > 0 else _SESSION_PAGE
    report = io_pb2.GetAgentUsageReportOutput(
        agent_id=request.agent_id,
        agent_name=name,
        total_usage=aggregate(executions),
        model_breakdown=models(executions),
        sessions=sessions[start : start + size],
        total_sessions=len(sessions),
        total_executions=len(executions),
        total_billable_cost_micros=_bounded(sum(_cost(one.status.streaming_usage) for one in executions)),
    )
    if len(sessions) > start + size:
        report.next_page_token = page_token(request, start + size)
    return report


def org_report(reader: Reader, request: Any, resources: Resources) -> io_pb2.GetOrgUsageReportOutput:
    """Return what an organization's runs used between two days: by agent, day, model and harness."""
    executions = list(_between(scanned(reader, org=request.org_id), request.from_date, request.to_date))
    agents = _by_agent(executions)
    for entry in agents[:_TOP_AGENTS]:
        entry.agent_name = agent_name(reader, resources, entry.agent_id)
    return io_pb2.GetOrgUsageReportOutput(
        org_id=request.org_id,
        total_agents=len(agents),
        total_sessions=len({one.spec.session_id for one in executions}),
        total_executions=len(executions),
        total_billable_cost_micros=_bounded(sum(_cost(one.status.streaming_usage) for one in executions)),
        model_breakdown=models(executions),
        top_agents_by_cost=agents[:_TOP_AGENTS],
        daily_costs=_by_day(executions),
        harness_breakdown=_by_harness(reader, executions),
    )


def agent_name(reader: Reader, resources: Resources, agent_id: str) -> str:
    """Return an agent's name, or nothing when it is gone or there was none."""
    row = reader.get(agent_id) if agent_id else None
    if row is None:
        return ""
    agent: Any = resources.kind(row.kind).message.FromString(row.body)
    return str(agent.metadata.name)


def scanned(reader: Reader, **where: Any) -> Iterator[Any]:
    """Yield runs, newest first."""
    before: int | None = None
    while rows := reader.page(KIND, before=before, limit=_SCAN_PAGE, **where):
        for row in rows:
            before = row.sequence
            yield AgentExecution.FromString(row.body)


def _between(executions: Iterable[Any], first: str, last: str) -> Iterator[Any]:
    """Yield the runs that were created from one day to another, both included, and stop at the first older one."""
    begin, end = _day(first, "from_date", date.min), _day(last, "to_date", date.max)
    for execution in executions:
        created = execution.status.audit.spec_audit.created_at.ToDatetime(tzinfo=UTC).date()
        if created < begin:
            return
        if created <= end:
            yield execution


def _day(text: str, name: str, default: date) -> date:
    try:
        return datetime.fromisoformat(text).date() if text else default
    except ValueError:
        raise InvalidArgumentError(f"{name} is {text!r}, a date such as 2026-01-31 is needed") from None


def _by_session(executions: list[Any]) -> list[Any]:
    groups: dict[str, list[Any]] = defaultdict(list)
    for execution in executions:
        groups[execution.spec.session_id].append(execution)
    return [
        io_pb2.SessionUsageSummary(
            session_id=session_id,
            execution_count=len(runs),
            total_tokens=_bounded(sum(_tokens(run.status.streaming_usage) for run in runs)),
            billable_cost_micros=_bounded(sum(_cost(run.status.streaming_usage) for run in runs)),
            first_execution_at=_created(runs[-1]),
            last_execution_at=_created(runs[0]),
        )
        for session_id, runs in groups.items()
    ]


def _by_agent(executions: list[Any]) -> list[Any]:
    found: dict[str, Any] = {}
    for execution in executions:
        agent_id, usage = execution.spec.agent_id, execution.status.streaming_usage
        entry = found.setdefault(agent_id, io_pb2.AgentUsageSummary(agent_id=agent_id))
        _add(entry, execution_count=1, total_tokens=_tokens(usage), billable_cost_micros=_cost(usage))
    return sorted(found.values(), key=lambda entry: (-entry.billable_cost_micros, entry.agent_id))


def _by_day(executions: list[Any]) -> list[Any]:
    found: dict[str, Any] = {}
    for execution in executions:
        day, usage = _created(execution)[:10], execution.status.streaming_usage
        entry = found.setdefault(day, io_pb2.DailyCostEntry(date=day))
        _add(entry, execution_count=1, total_tokens=_tokens(usage), billable_cost_micros=_cost(usage))
    return [found[day] for day in sorted(found)]


def _by_harness(reader: Reader, executions: list[Any]) -> list[Any]:
    from ai.stigmer.agentic.session.v1.api_pb2 import Session  # noqa: PLC0415 - one report needs it

    found: dict[str, Any] = {}
    for execution in executions:
        row = reader.get(execution.spec.session_id)
        number = Session.FromString(row.body).spec.harness if row is not None else 0
        harness = _harness_name(number or session_pb2.HARNESS_NATIVE)
        entry = found.setdefault(harness, io_pb2.HarnessCostSummary(harness=harness))
        usage = execution.status.streaming_usage
        _add(entry, execution_count=1, call_count=usage.turn_count, billable_cost_micros=_cost(usage))
    return [found[harness] for harness in sorted(found)]


def _summary(execution: Any) -> Any:
    usage = execution.status.streaming_usage
    return io_pb2.ExecutionUsageSummary(
        execution_id=execution.metadata.id,
        started_at=execution.status.started_at,
        completed_at=execution.status.completed_at,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_input_tokens=usage.cache_read_tokens,
        billable_cost_micros=_cost(usage),
        primary_model=usage.model,
        sub_agent_count=len(execution.status.sub_agent_executions),
        phase=execution.status.phase,
        is_estimated=True,
    )


def _harness_name(number: int) -> str:
    known = number in session_pb2.Harness.values()
    return session_pb2.Harness.Name(number).removeprefix("HARNESS_").lower() if known else str(number)  # type: ignore[arg-type]


def _spent(usage: Any) -> dict[str, int]:
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "billable_cost_micros": _cost(usage),
        "provider_cost_micros": _cost(usage),
    }


def _add(entry: Any, **amounts: int) -> None:
    """Add to fields of a report; a sum that a field cannot hold stays at its limit: runners report what they like."""
    for name, amount in amounts.items():
        field = entry.DESCRIPTOR.fields_by_name[name]
        bits = 32 if field.cpp_type == field.CPPTYPE_INT32 else 64
        setattr(entry, name, _bounded(getattr(entry, name) + amount, bits))


def _bounded(number: int, bits: int = 64) -> int:
    limit = 2 ** (bits - 1)
    return int(max(-limit, min(number, limit - 1)))


def _tokens(usage: Any) -> int:
    return _bounded(int(usage.total_tokens or usage.input_tokens + usage.output_tokens))


def _cost(usage: Any) -> int:
    micros = float(usage.estimated_cost_usd) * _MICROS
    return _bounded(round(micros)) if isfinite(micros) else 0


def _created(execution: Any) -> str:
    moment = execution.status.audit.spec_audit.created_at.ToDatetime(tzinfo=UTC)
    return str(moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
