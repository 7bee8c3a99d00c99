"""The same work as plain Temporal workflows, written by hand: what the engine's figures are held against."""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity, workflow

TASK_QUEUE = "plain"
SHORT = timedelta(seconds=10)


@activity.defn(name="http")
async def http(_request):
    """Return what the engine's activity returns."""
    return {"done": True}


@workflow.defn(name="steps")
class Steps:
    """Makes `pure` steps in memory, then `calls` calls, one after the other."""

    @workflow.run
    async def run(self, pure: int, calls: int) -> dict:
        """Return what the last step made."""
        value = {}
        for at in range(pure):
            value = {"value": at}
        for at in range(calls):
            value = await workflow.execute_activity(
                http, {"method": "get", "at": at}, start_to_close_timeout=SHORT, heartbeat_timeout=SHORT
            )
        return value


@workflow.defn(name="parent")
class Parent:
    """Starts children one after the other."""

    @workflow.run
    async def run(self, children: int) -> dict:
        """Return what the last one returned."""
        value = {}
        for _ in range(children):
            value = await workflow.execute_child_workflow(Steps.run, args=[1, 0])
        return value
