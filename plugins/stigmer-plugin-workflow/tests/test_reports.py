"""Reports of a run are summed up before they are merged, and say the same as one by one."""

from __future__ import annotations

import pytest
from ai.stigmer.agentic.workflowexecution.v1.api_pb2 import WorkflowExecution
from stigmer_plugin_workflow._reports import summed_up
from stigmer_plugin_workflow._status import publish

from stigmer_core.testing.installation import installation

RUN = "wex_1"


def report(number, *, phase="EXECUTION_IN_PROGRESS", started="", **fields):
    """Return what a step says of which the n-th task has begun and the one before it has ended."""
    tasks = [
        {"taskId": f"/do/{number - 1}", "taskName": "t", "status": "WORKFLOW_TASK_COMPLETED", "output": {"n": number}},
        {"taskId": f"/do/{number}", "taskName": "t", "status": "WORKFLOW_TASK_IN_PROGRESS", "startedAt": started},
    ]
    events = [{"eventType": "task_started", "taskName": f"t{number}", "taskStarted": {"taskKind": "wait"}}]
    return {"status": {"phase": phase, "tasks": tasks, **fields}, "events": events}


BEGUN = report(1, started="2026-01-01T00:00:01Z", startedAt="2026-01-01T00:00:01Z")
USUAL = [BEGUN, *(report(number, started=f"2026-01-01T00:00:0{number}Z") for number in range(2, 6))]
ENDED = report(6, phase="EXECUTION_COMPLETED", completedAt="2026-01-01T00:00:09Z", output={"n": 6})
CASES = {
    "usual": [*USUAL, ENDED],
    "totals": [USUAL[0], report(2, totalCostMicros=3, error="odd"), report(3, totalCostMicros=5), ENDED],
    "empty": [report(1, error="odd", startedAt="2026-01-01T00:00:01Z"), report(2, error="", startedAt="")],
    "late": [USUAL[0], ENDED, *USUAL[2:]],
    "without tasks": [USUAL[0], {"status": {"phase": "EXECUTION_IN_PROGRESS"}, "events": []}, USUAL[1]],
    "asks": [USUAL[0], {**report(2), "updatePendingApprovals": True}, USUAL[2]],
    "in snake case": [USUAL[0], {"status": {"tasks": [{"task_id": "/do/1", "task_name": "other"}]}, "events": []}],
}


@pytest.fixture
async def api(tmp_path):
    async with installation(tmp_path, plugins=("workflow",)) as opened:
        yield opened


def shown(api, *calls):
    """Return the execution and its events after these calls, each with some reports; nothing of it is kept."""
    resources, found = api.app.resources, []

    def run(tx):
        execution = WorkflowExecution(api_version="agentic.stigmer.ai/v1", kind="WorkflowExecution")
        execution.metadata.id, execution.metadata.name, execution.metadata.slug = RUN, "run", "run"
        tx.insert(kind="WorkflowExecution", resource_id=RUN, org="", slug="run", data="{}", body=bytes_of(execution))
        for reports in calls:
            publish(tx, resources, RUN, reports)
        status = resources.get_in(tx, resources.kind("WorkflowExecution"), RUN).status
        found.extend([status, [(event.type, event.body) for event in tx.events(RUN)]])
        tx.delete(RUN)

    api.app.store.run_blocking(run)
    found[0].ClearField("audit")
    return found


def bytes_of(message):
    """Return a message as it is stored."""
    return message.SerializeToString(deterministic=True)


@pytest.mark.parametrize("case", CASES)
async def test_reports_together_say_what_they_say_one_by_one(api, case):
    """Tasks, phases, times, outputs and the events in their order, whatever the reports hold."""
    together, one_by_one = shown(api, CASES[case]), shown(api, *([each] for each in CASES[case]))

    assert together == one_by_one


def test_steps_that_follow_each_other_are_one_report():
    """Up to the end, with it, and each task once."""
    (found,) = summed_up(CASES["usual"])

    assert [task["taskId"] for task in found["status"]["tasks"]] == [f"/do/{number}" for number in range(7)]
    assert len(found["events"]) == 6
