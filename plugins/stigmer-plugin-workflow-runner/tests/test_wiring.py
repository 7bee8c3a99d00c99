"""What activities work with: the installation's own store, or in a worker the server's values."""

from __future__ import annotations

import pytest
from stigmer_plugin_workflow_runner.hooks import stigmer_runners, stigmer_worker
from stigmer_plugin_workflow_runner.program.secrets import marks
from stigmer_plugin_workflow_runner.wiring import Wiring

from stigmer_core.program import ActivityContext, ActivityError

MARK = marks({"token": None, "pair": {"user": None}})
CONTEXT = ActivityContext("wex_1/do/0/child", "/do/0/call", 1)


class Values:
    """The values of runs; remembers who asked."""

    def __init__(self):
        self.asked = []

    async def __call__(self, run_id):
        """Return the values of a run."""
        self.asked.append(run_id)
        return {"token": "secret", "pair": '{"user": "u"}'}


async def echo(arguments, _context):
    """Return the arguments."""
    return arguments


@pytest.fixture
def wiring():
    """Return the wiring of a worker."""
    wiring = Wiring()
    wiring.values = Values()
    return wiring


async def test_a_worker_asks_for_the_values_of_the_run_that_was_given_them(wiring):
    """That of a child is the run around it; a JSON object counts as one."""
    sent = {"header": f"Bearer {MARK['token']}", "user": MARK["pair"]["user"]}

    assert await wiring.with_secrets(echo)(sent, CONTEXT) == {"header": "Bearer secret", "user": "u"}
    assert wiring.values.asked == ["wex_1"]


async def test_nobody_is_asked_for_values_that_no_argument_needs(wiring):
    """So a call without secrets needs no server."""
    assert await wiring.with_secrets(echo)({"n": [1, "text"]}, CONTEXT) == {"n": [1, "text"]}
    assert wiring.values.asked == []


async def test_values_are_kept_for_no_other_call(wiring):
    """Each call asks anew."""
    for _ in range(2):
        await wiring.with_secrets(echo)({"token": MARK["token"]}, CONTEXT)

    assert wiring.values.asked == ["wex_1", "wex_1"]


async def test_a_secret_that_the_run_was_not_given_is_an_error_of_authorization(wiring):
    """By its name."""
    unknown = marks({"other": None})["other"]

    with pytest.raises(ActivityError, match="was not given the secret 'other'"):
        await wiring.with_secrets(echo)({"token": unknown}, CONTEXT)


def test_a_worker_gives_the_runner_of_workflows_its_values():
    """And what needs the installation is named, all of the schedules' runner."""
    runners = {runner.name: runner for runner in stigmer_runners({})}
    values = Values()

    stigmer_worker(values, runners)

    workflow, schedule = runners["workflow"], runners["workflow-schedule"]
    assert workflow.wiring.values is values
    assert workflow.home < set(workflow.activities)
    assert schedule.home == set(schedule.activities)
    assert {"http", "shell", "script", "grpc", "mcp", "container"}.isdisjoint(workflow.home)
