"""What runs have left in Temporal is replayed: a version that cannot would strand the runs that are under way."""

from __future__ import annotations

import dataclasses

import pytest
from kit_histories import cases, recorded
from kit_mutations import MUTATIONS
from stigmer_plugin_engine_temporal._payloads import data_converter
from stigmer_plugin_engine_temporal._worker import RunnersInterceptor
from stigmer_plugin_engine_temporal._workflow import RunWorkflow
from stigmer_plugin_workflow_runner.activities import HOME
from stigmer_plugin_workflow_runner.program.program import WorkflowProgram
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from stigmer_core.program import Runner

HISTORIES = recorded()
RUNNER = Runner("workflow", WorkflowProgram(), home=HOME)


async def replay(name, runner=RUNNER):
    """Replay a history; return what does not fit it, None when everything does."""
    replayer = Replayer(
        workflows=[RunWorkflow],
        workflow_runner=UnsandboxedWorkflowRunner(),
        interceptors=[RunnersInterceptor({"workflow": runner})],
        data_converter=data_converter(None, None),
    )
    history = WorkflowHistory.from_json(f"workflow-exec-wex_{name}", HISTORIES[name])
    return (await replayer.replay_workflow(history, raise_on_replay_failure=False)).replay_failure


def test_every_case_is_recorded():
    """A case without a history guards nothing."""
    assert set(cases()) == {name.rpartition("/")[2].rpartition("-")[0] for name in HISTORIES}


@pytest.mark.parametrize("name", HISTORIES)
async def test_history_is_replayed(name):
    """The program of today does, event by event, what the one of then did."""
    assert await replay(name) is None


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_incompatible_change_is_detected(monkeypatch, mutation):
    """At least one history tells of it, before a release does."""
    change, histories = MUTATIONS[mutation]
    runner = change(monkeypatch, RUNNER) or RUNNER
    found = [await replay(name, runner) for name in HISTORIES if name.rpartition("/")[2].startswith(histories)]

    assert any("TMPRL1100" in str(one) or "nondeterminism" in str(one).lower() for one in found), found


async def test_name_of_an_activity_that_is_new_changes_nothing():
    """A version that can do more goes on with what an older one began."""
    more = dataclasses.replace(RUNNER, activities={"new": None})

    assert [one for name in HISTORIES if (one := await replay(name, more)) is not None] == []
