"""A run on hold: what was under way ends, its answers are kept, and nothing new begins until it goes on."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from stigmer_core.program import ActivityDone, ActivityFailed, ChildDone, Failure, TimerFired
from stigmer_plugin_workflow_runner.program import machine

if TYPE_CHECKING:
    from datetime import datetime

    from stigmer_plugin_workflow_runner.program.document import Answer
    from stigmer_plugin_workflow_runner.program.execution import Execution

_HELD = "held"  # in the state of a run on hold: the answers that wait, in order; there is at most one per command


def is_held(execution: Execution) -> bool:
    """Return whether the run is on hold."""
    return _HELD in execution.state


def hold(execution: Execution) -> None:
    """Put the run on hold; twice is once."""
    if _HELD not in execution.state:
        execution.state[_HELD] = []
        execution.status.run_suspended()


def keep(execution: Execution, event: Answer) -> None:
    """Keep an answer until the run goes on."""
    kept: dict[str, Any] = {"type": type(event).__name__, "id": event.id}
    if isinstance(event, ActivityDone):
        kept["result"] = event.result
    elif isinstance(event, ActivityFailed):
        kept["failure"] = asdict(event.failure)
    elif isinstance(event, ChildDone):
        kept["output"] = event.output
        kept["failure"] = asdict(event.failure) if event.failure is not None else None
    execution.state[_HELD] = [*execution.state[_HELD], kept]


def go_on(execution: Execution, *, forget: bool = False) -> None:
    """Let the run go on with the answers that came meanwhile, or without them; one not on hold is left as it is."""
    if _HELD in execution.state and not forget:
        execution.status.run_resumed()
    held = execution.state.pop(_HELD, ())
    for kept in () if forget else held:
        machine.answer(execution, _restored(kept, execution.now))
        machine.settle(execution)


def _restored(kept: dict[str, Any], now: datetime) -> Answer:
    if kept["type"] == "TimerFired":
        return TimerFired(kept["id"], now)
    if kept["type"] == "ChildDone":
        failure = Failure(**kept["failure"]) if kept["failure"] is not None else None
        return ChildDone(kept["id"], kept["output"], failure, now)
    if kept["type"] == "ActivityFailed":
        return ActivityFailed(kept["id"], Failure(**kept["failure"]), now)
    return ActivityDone(kept["id"], kept["result"], now)
