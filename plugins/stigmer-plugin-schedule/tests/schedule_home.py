"""An installation whose engine runs agents that do nothing, with a clock that may be ahead."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from ai.stigmer.agentic.agent.v1.api_pb2 import Agent
from ai.stigmer.agentic.agent.v1.io_pb2 import AgentId
from ai.stigmer.agentic.agentexecution.v1 import io_pb2 as execution_pb2
from ai.stigmer.agentic.agentexecution.v1.api_pb2 import AgentExecution
from ai.stigmer.agentic.schedule.v1 import io_pb2
from ai.stigmer.agentic.schedule.v1.api_pb2 import Schedule

from stigmer_core.app import App
from stigmer_core.program import ActivityContext, Runner, Step
from stigmer_core.settings import load_settings
from stigmer_core.testing.installation import Installation

COMMAND = "ai.stigmer.agentic.schedule.v1.ScheduleCommandController"
QUERY = "ai.stigmer.agentic.schedule.v1.ScheduleQueryController"
AGENT_COMMAND = "ai.stigmer.agentic.agent.v1.AgentCommandController"
EXECUTION_COMMAND = "ai.stigmer.agentic.agentexecution.v1.AgentExecutionCommandController"


class Waiting:
    """A program that waits for ever: it stands in for an agent at work."""

    def start(self, input, now):  # noqa: A002, ARG002 - the protocol's words
        """Do nothing."""
        return Step(None, [])

    def advance(self, state, event):  # noqa: ARG002 - the protocol's words
        """Do nothing."""
        return Step(state, [])


class Scheduling(Installation):
    """An installation with words for what these tests do."""

    async def create_agent(self, name):
        """Create an agent."""
        agent = Agent(api_version="agentic.stigmer.ai/v1", kind="Agent")
        agent.metadata.name, agent.spec.instructions = name, "Answer briefly and kindly."
        return await self.call(AGENT_COMMAND, "create", agent)

    async def delete_agent(self, agent):
        """Delete an agent."""
        await self.call(AGENT_COMMAND, "delete", AgentId(value=agent.metadata.id))

    async def create(self, *arguments, **options):
        """Create a schedule."""
        return await self.call(COMMAND, "create", schedule(*arguments, **options))

    async def get(self, made):
        """Return a schedule as it is now."""
        return await self.call(QUERY, "get", io_pb2.ScheduleId(value=made.metadata.id))

    async def trigger(self, made):
        """Trigger a schedule."""
        return await self.call(COMMAND, "trigger", io_pb2.ScheduleId(value=made.metadata.id))

    async def runs(self, made):
        """Return the latest entries of a schedule's history."""
        request = io_pb2.ListScheduleRunsRequest(schedule_id=made.metadata.id)
        return (await self.call(QUERY, "listRuns", request)).items

    async def fire(self, made, due, *, run_id=""):
        """Call the activity that fires, as the engine does."""
        arguments = {"schedule_id": made.metadata.id, "due": due.isoformat()}
        await self.activity("fire", arguments, run_id or self.timer(made))

    async def activity(self, name, arguments, run_id):
        """Call an activity of the runner."""
        await self.app.host.runners["schedule"].activities[name](arguments, ActivityContext(run_id, "/x/1@0", 1))

    async def end(self, execution_id, phase, error=""):
        """Let an agent run end, and the schedules see it."""
        update = execution_pb2.AgentExecutionUpdateStatusInput(execution_id=execution_id)
        update.status.phase, update.status.error = phase, error
        await self.call(EXECUTION_COMMAND, "updateStatus", update)
        await self.see_ends()

    async def see_ends(self):
        """Run the job that sees how agent runs ended."""
        await next(job for job in self.app.jobs._jobs if job.name == "schedule ends").run()

    def timer(self, made):
        """Return the id of the schedule's latest timer."""
        sql = "SELECT generation FROM schedule_entry WHERE schedule_id = ?"
        return f"{made.metadata.id}@{self.query(sql, made.metadata.id)[0][0]}"

    def timers(self):
        """Return the timers that the engine waits for, by run."""
        return dict(self.query("SELECT run_id, due FROM engine_timer"))

    def executions(self):
        """Return every agent run."""
        rows = self.app.store.read(lambda reader: reader.page("AgentExecution"))
        return [AgentExecution.FromString(row.body) for row in rows]

    def query(self, sql, *bindings):
        """Return the rows of a query."""
        return self.app.store.read(lambda reader: reader.execute(sql, bindings))

    async def until(self, condition):
        """Wait until something holds."""
        while not condition():  # noqa: ASYNC110 - the store has no event for it
            await asyncio.sleep(0.002)


@contextlib.asynccontextmanager
async def scheduling(home, *, ahead=timedelta(0), **settings):
    """Open an installation over a home; its engine's clock is `ahead` of the machine's."""
    app = App.compose(load_settings(home=home, **settings))
    app.host._runners["agent"] = Runner("agent", Waiting())
    if app.engine is not None:
        app.engine._clock = lambda: datetime.now(UTC) + ahead
    try:
        await app.open()
        yield Scheduling(app)
    finally:
        await app.close()


def schedule(name="nightly", *, cron="0 3 * * *", zone="Europe/Berlin", enabled=True, agent="reviewer", org="local"):
    """Return a schedule to create."""
    one = Schedule(api_version="agentic.stigmer.ai/v1", kind="Schedule")
    one.metadata.name, one.metadata.org = name, org
    one.spec.cron, one.spec.time_zone, one.spec.enabled = cron, zone, enabled
    one.spec.agent.agent_ref.kind, one.spec.agent.agent_ref.slug = 40, agent
    one.spec.agent.message = "Review what changed."
    return one


async def refusal(awaitable):
    """Return the code and the text of the error that a call ends with."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await awaitable
    return caught.value.code(), caught.value.details()
