"""The names that people see in Temporal: those of the reference system where they mean the same."""

from __future__ import annotations

import hashlib

SEARCH_ATTRIBUTE = "WorkflowExecutionID"
RECORD = "stigmer/record"  # the local activity that writes down what a run has come to
RUNNERS = "stigmer_runners"  # the function by which a workflow finds the runners of its worker
_LONGEST = 900  # characters; Temporal takes ids of 1,000


def task_queue(runner: str) -> str:
    """Return where a runner's workflows and activities wait for a worker: `workflow_execution_runner`."""
    return f"{runner.replace('-', '_')}_execution_runner"


def home_queue(runner: str) -> str:
    """Return where activities wait that only the server of the installation can do: `workflow_execution_stigmer`."""
    return f"{runner.replace('-', '_')}_execution_stigmer"


def workflow_type(runner: str) -> str:
    """Return the type of a runner's workflows: `stigmer/workflow-execution/invoke`."""
    return f"stigmer/{runner}-execution/invoke"


def workflow_id(runner: str, run_id: str) -> str:
    """Return the id of a run's workflow, `workflow-exec-wex_1`; of a very deep child its hash."""
    whole = f"{runner}-exec-{run_id}"
    if len(whole) <= _LONGEST:
        return whole
    return f"{whole[: _LONGEST - 65]}~{hashlib.sha256(whole.encode()).hexdigest()}"


def root_run(run_id: str) -> str:
    """Return the run that a child, or a child of one, belongs to: its id begins with it."""
    return run_id.partition("/")[0]


def run_of_workflow(identity: str) -> str | None:
    """Return the run that a workflow, or the child that it is, belongs to; None when it is no run of this engine."""
    _, found, run_id = identity.partition("/")[0].rpartition("-exec-")
    return run_id if found else None
