"""Runs of agents, driven by a test: the calls that tests of them share, and a runner that does what it is told."""

from __future__ import annotations

import grpc
import pytest
from ai.stigmer.agentic.agent.v1.api_pb2 import Agent
from ai.stigmer.agentic.agentexecution.v1 import enum_pb2 as pb
from ai.stigmer.agentic.agentexecution.v1 import io_pb2
from ai.stigmer.agentic.agentexecution.v1.api_pb2 import AgentExecution
from ai.stigmer.agentic.agentinstance.v1.io_pb2 import AgentInstanceId

COMMAND = "ai.stigmer.agentic.agentexecution.v1.AgentExecutionCommandController"
QUERY = "ai.stigmer.agentic.agentexecution.v1.AgentExecutionQueryController"
SESSION_COMMAND = "ai.stigmer.agentic.session.v1.SessionCommandController"
SESSION_QUERY = "ai.stigmer.agentic.session.v1.SessionQueryController"
CONTEXT_QUERY = "ai.stigmer.agentic.executioncontext.v1.ExecutionContextQueryController"
AGENT = "ai.stigmer.agentic.agent.v1.AgentCommandController"
CANARY = "canary-5a1c9e77"
RUNNER = '''
    """A runner that shows which signals it got, and does nothing else."""
    from stigmer_core import hookimpl
    from stigmer_core.program import CancelRequested, Fail, Failure, Publish, Runner, Signal, Step

    class Program:
        def start(self, input, now):
            return Step({"seen": [f"start {input.get('recovery', 0)}"]}, [])

        def advance(self, state, event):
            if isinstance(event, CancelRequested):
                return Step(state, [Fail(Failure("cancelled", "Cancelled"), cancelled=True)])
            seen = [*state["seen"], event.name] if isinstance(event, Signal) else state["seen"]
            status = {"status": {"setupProgress": {"currentPhase": ", ".join(seen)}}}
            return Step({"seen": seen}, [Publish(status)])

    @hookimpl
    def stigmer_runners():
        return [Runner("agent", Program())]
'''
TERMINAL = [pb.EXECUTION_COMPLETED, pb.EXECUTION_FAILED, pb.EXECUTION_CANCELLED, pb.EXECUTION_TERMINATED]


def execution(message="hello", **spec):
    made = AgentExecution(api_version="agentic.stigmer.ai/v1", kind="AgentExecution")
    made.metadata.org, made.spec.message = "local", message
    for field, value in spec.items():
        setattr(made.spec, field, value)
    return made


async def agent(api, name="helper"):
    made = Agent(api_version="agentic.stigmer.ai/v1", kind="Agent")
    made.metadata.name, made.metadata.org, made.spec.instructions = name, "local", "be helpful at all times"
    return await api.call(AGENT, "create", made)


async def started(api, **spec):
    return await api.call(COMMAND, "create", execution(**spec))


async def report(api, run, **status):
    request = io_pb2.AgentExecutionUpdateStatusInput(execution_id=run.metadata.id)
    request.status.CopyFrom(type(run.status)(**status))
    return await api.call(COMMAND, "updateStatus", request)


async def stored(api, run):
    return await api.call(QUERY, "get", io_pb2.AgentExecutionId(value=run.metadata.id))


async def code_of(awaitable):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await awaitable
    return caught.value.code().name


def said(*calls, text="thinking", kind=pb.MESSAGE_AI):
    return {"type": kind, "content": text, "tool_calls": list(calls)}


def call(call_id, status=pb.TOOL_CALL_WAITING_APPROVAL, **fields):
    return {"id": call_id, "name": "shell", "status": status, "tool_kind": pb.TOOL_KIND_SHELL, **fields}


async def waiting(api, *call_ids, **spec):
    """Return a run whose tool calls wait for approval."""
    run = await started(api, **spec)
    messages = [said(*(call(call_id) for call_id in call_ids))]
    await report(api, run, phase=pb.EXECUTION_WAITING_FOR_APPROVAL, messages=messages)
    return run


async def approve(api, run, call_id, action=pb.APPROVAL_ACTION_APPROVE):
    request = io_pb2.SubmitApprovalInput(agent_execution_id=run.metadata.id, tool_call_id=call_id, action=action)
    return await api.call(COMMAND, "submitApproval", request)


async def signals(api, run, last):
    """Return what the run was told, once it has been told `last`."""
    stream = api.stream(QUERY, "subscribe", io_pb2.AgentExecutionId(value=run.metadata.id))
    async for frame in stream:
        if frame.status.setup_progress.current_phase.endswith(last):
            return frame.status.setup_progress.current_phase
    raise AssertionError


def instance_id(made):
    return AgentInstanceId(value=made.status.default_instance_id)
