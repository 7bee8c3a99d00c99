"""Merging reports, for any sequence of them: nothing that was there goes, and what people decided stays."""

from __future__ import annotations

from ai.stigmer.agentic.agentexecution.v1 import enum_pb2 as pb
from ai.stigmer.agentic.agentexecution.v1.api_pb2 import AgentExecution, AgentExecutionStatus
from hypothesis import given
from hypothesis import strategies as st
from stigmer_plugin_agentexecution._approvals import refresh_approvals
from stigmer_plugin_agentexecution._transcript import merge_transcript, settle, tool_calls

NOW = "2026-01-01T00:00:00.000Z"
CALLS = st.builds(
    dict,
    id=st.sampled_from(["c1", "c2", "c3", "c4"]),
    name=st.just("shell"),
    status=st.sampled_from(sorted(pb.ToolCallStatus.values())),
    approval_action=st.sampled_from(sorted(pb.ApprovalAction.values())),
    approved_by=st.sampled_from(["", "runner"]),
)
MESSAGES = st.lists(
    st.builds(
        dict, content=st.text(max_size=5), tool_calls=st.lists(CALLS, max_size=2, unique_by=lambda call: call["id"])
    ),
    max_size=4,
)
SUB_AGENTS = st.lists(
    st.builds(
        dict,
        id=st.sampled_from(["s1", "s2"]),
        status=st.sampled_from(sorted(pb.SubAgentStatus.values())),
        messages=MESSAGES,
    ),
    max_size=2,
    unique_by=lambda sub_agent: sub_agent["id"],
)
REPORTS = st.builds(dict, messages=MESSAGES, sub_agent_executions=SUB_AGENTS)


def ids(status):
    return {call.id for call, _ in tool_calls(status)}


def merged(*reports):
    status = AgentExecutionStatus()
    for report in reports:
        merge_transcript(status, AgentExecutionStatus(**report))
    return status


@given(st.lists(REPORTS, max_size=4), REPORTS)
def test_a_report_loses_no_message_and_no_tool_call(before, report):
    """Whatever comes in whatever order."""
    status = merged(*before)
    messages, calls = len(status.messages), ids(status)
    by_sub_agent = {one.id: len(one.messages) for one in status.sub_agent_executions}

    merge_transcript(status, AgentExecutionStatus(**report))

    assert len(status.messages) >= messages
    assert calls <= ids(status)
    after = {one.id: len(one.messages) for one in status.sub_agent_executions}
    assert all(after[name] >= count for name, count in by_sub_agent.items())


@given(st.lists(REPORTS, max_size=3), REPORTS)
def test_a_repeated_report_is_one(before, report):
    """A runner that is not sure may send it again."""
    once, twice = merged(*before, report), merged(*before, report, report)

    assert once == twice


@given(REPORTS, REPORTS)
def test_a_decision_of_a_person_stays(first, second):
    """No report changes or forges one."""
    status = merged(first)
    decided = set()
    for call, _ in tool_calls(status):
        if call.status == pb.TOOL_CALL_WAITING_APPROVAL:
            call.approval_action, call.approved_by = pb.APPROVAL_ACTION_REJECT, "a person"
            decided.add(call.id)

    merge_transcript(status, AgentExecutionStatus(**second))

    for call, _ in tool_calls(status):
        expected = (pb.APPROVAL_ACTION_REJECT, "a person") if call.id in decided else (0, "")
        assert (call.approval_action, call.approved_by) == expected


@given(st.lists(REPORTS, min_size=1, max_size=3))
def test_pending_approvals_are_what_waits(reports):
    """One per call that waits; the ledger asks for each at least once; computing it again changes nothing."""
    execution = AgentExecution(status=merged(*reports))
    refresh_approvals(execution, NOW)
    once = AgentExecution.FromString(execution.SerializeToString())
    refresh_approvals(execution, NOW)

    pending = {one.tool_call_id for one in execution.status.pending_approvals}
    asked = {one.approval_request_id for one in execution.status.approval_event_stream.events}
    assert execution == once
    assert pending <= asked
    assert pending <= ids(execution.status)


@given(st.lists(REPORTS, min_size=1, max_size=3))
def test_nothing_is_open_after_a_stop(reports):
    """Every call and every sub-agent has ended."""
    status = merged(*reports)

    settle(status, NOW)

    open_calls = (pb.TOOL_CALL_PENDING, pb.TOOL_CALL_RUNNING, pb.TOOL_CALL_WAITING_APPROVAL)
    assert all(call.status not in open_calls for call, _ in tool_calls(status))
    running = (pb.SUB_AGENT_PENDING, pb.SUB_AGENT_IN_PROGRESS)
    assert all(one.status not in running for one in status.sub_agent_executions)
