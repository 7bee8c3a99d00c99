"""Values of any size that can be kept, and a clear end for those that cannot."""

from __future__ import annotations

import pytest
from local_engine_programs import Counting

from stigmer_core import program_json
from stigmer_core.errors import ResourceExhaustedError
from stigmer_core.program import ActivityDone, ActivityFailed, CallActivity, Complete, Fail, Runner, Step

TEN_MEGABYTES = 10 * 1024 * 1024


class Passing:
    """Gives its input to an activity and ends with the length of what comes back."""

    def start(self, value, _now):
        return Step({"kept": value}, [CallActivity("/1", "grow", value)])

    def advance(self, state, event):
        match event:
            case ActivityDone():
                return Step({"kept": event.result}, [Complete(len(event.result))])
            case ActivityFailed():
                return Step(state, [Fail(event.failure)])
        return Step(state, [])


async def grow(arguments, _context):
    """Return as much again."""
    return arguments * 2


@pytest.fixture
def runners():
    """Return the runner of the program above."""
    return {"test": Runner("test", Passing(), activities={"grow": grow}), "other": Runner("other", Counting())}


async def test_ten_megabytes_go_in_between_and_out(host):
    """In the input, in a result and in the state, also over a restart."""
    await host.start("r1", "x" * TEN_MEGABYTES)

    assert await host.ended("r1") == ("completed", 2 * TEN_MEGABYTES, "")


async def test_a_result_that_is_too_large_fails_its_task_in_words(host, monkeypatch):
    """The run ends, or catches it; it is never stuck."""
    monkeypatch.setattr(program_json, "LARGEST", 1_000)
    await host.start("r1", "x" * 600)

    outcome, failure, _ = await host.ended("r1")

    assert (outcome, failure["status"]) == ("failed", 413)
    assert "the result of grow has 1202 characters" in failure["detail"]


async def test_an_input_that_is_too_large_is_refused(host, monkeypatch):
    """Before anything is written."""
    monkeypatch.setattr(program_json, "LARGEST", 1_000)

    with pytest.raises(ResourceExhaustedError, match="the run's input"):
        await host.start("r1", "x" * 2_000)

    assert host.outcome("r1") is None
