"""Runs that have ended: kept for a while, recovered when they failed, and then forgotten."""

from __future__ import annotations

from datetime import timedelta

import pytest
from stigmer_plugin_engine_local import _retention, _store
from stigmer_plugin_engine_local._claims import Claims

from stigmer_core.errors import FailedPreconditionError, NotFoundError
from stigmer_core.program import (
    ActivityDone,
    ActivityFailed,
    CallActivity,
    Complete,
    Fail,
    RecoverRequested,
    Runner,
    Step,
)

broken = True


class Flaky:
    """Calls an activity; fails with it, and calls it again when it is recovered."""

    def start(self, value, _now):
        return Step({"tries": 1, "input": value}, [CallActivity("/1", "work", value)])

    def advance(self, state, event):
        match event:
            case ActivityFailed():
                return Step(state, [Fail(event.failure)])
            case RecoverRequested():
                tries = state["tries"] + 1
                return Step({**state, "tries": tries}, [CallActivity(f"/{tries}", "work", state["input"])])
            case ActivityDone():
                return Step(state, [Complete({"tries": state["tries"], "result": event.result})])
        return Step(state, [])


async def work(arguments, _context):
    """Fail while it is broken."""
    if broken:
        raise RuntimeError("broken")
    return arguments


@pytest.fixture
def runners():
    """Return the runner of the program above."""
    return {"test": Runner("test", Flaky(), activities={"work": work})}


@pytest.fixture(autouse=True)
def _broken():
    globals()["broken"] = True


async def recover(host, run_id="r1"):
    await host.store.run(lambda tx: host.engine.recover(tx, run_id))


async def test_a_failed_run_is_recovered_with_its_state(host):
    """Also after the process has gone; as often as it fails."""
    await host.start("r1", 7)
    await host.ended("r1")
    await host.restart()
    await recover(host)
    assert (await host.ended("r1"))[0] == "failed"

    globals()["broken"] = False
    await recover(host)

    assert await host.ended("r1") == ("completed", {"tries": 3, "result": 7}, "")


async def test_only_a_failed_run_is_recovered(host):
    """Neither a completed one nor one that nobody knows."""
    globals()["broken"] = False
    await host.start("r1", 7)
    await host.ended("r1")

    with pytest.raises(FailedPreconditionError, match="completed"):
        await recover(host)
    with pytest.raises(NotFoundError):
        await recover(host, "r2")


async def test_ended_runs_are_forgotten_after_a_while_and_running_ones_never(host):
    """With everything of them; a forgotten one cannot be recovered."""
    for number in range(5):
        await host.start(f"r{number}", number)
        await host.ended(f"r{number}")
    await host.store.run(lambda tx: _store.add_run(tx, Claims(host.vault), "running", "test", 1))

    assert await _retention.sweep(host.store, host.vault) == 0
    assert await _retention.sweep(host.store, host.vault, kept_for=timedelta(seconds=-60)) == 5

    rows = host.store.read(lambda reader: reader.execute("SELECT run_id FROM engine_run"))
    assert rows == [("running",)]
    with pytest.raises(NotFoundError):
        await recover(host)
