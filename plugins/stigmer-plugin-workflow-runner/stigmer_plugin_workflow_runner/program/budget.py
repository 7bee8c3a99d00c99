"""What a run may spend on agents and models and how long it may take, and what it has spent.

The DSL has no budgets: the limits stand in the metadata of the document's header, under `stigmer.ai/budget`. With the
policy `review` it is `review` that holds them, where a task begins.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.program.faults import fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compiler import Compiler
    from stigmer_plugin_workflow_runner.program.execution import Execution

KEY = "stigmer.ai/budget"
TIMER = "?duration"  # in the ids of the timers of the run's own limit of time; no position begins like it
_ROOT = ""
_POLICIES = {
    "terminate": "budget_exceeded_terminate",
    "review": "budget_exceeded_human_review",
    "warn": "budget_exceeded_warn",
}
_LIMITS = ("maxCostMicros", "maxTotalTokens")
_SECONDS = "maxDurationSeconds"


def compile_budget(compiler: Compiler) -> None:
    """Check the budget of a document."""
    header = compiler.section(compiler.definition, "document", "")
    metadata = compiler.section(header, "metadata", "/document")
    pointer = "/document/metadata/stigmer.ai~1budget"
    budget = compiler.section(metadata, KEY, "/document/metadata")
    compiler.keys(budget, (*_LIMITS, _SECONDS, "onExceeded"), pointer)
    for name in (*_LIMITS, _SECONDS):
        if not isinstance(budget.get(name, 1), int) or budget.get(name, 1) < 1:
            compiler.problem(f"{pointer}/{name}", "expected a whole number above 0")
    policy = budget.get("onExceeded", "terminate")
    if not isinstance(policy, str) or policy not in _POLICIES:
        compiler.problem(f"{pointer}/onExceeded", "unknown policy", ", ".join(_POLICIES))
    if _SECONDS in budget and policy == "terminate":
        compiler.problem(f"{pointer}/{_SECONDS}", "is for 'review' and 'warn'", "the 'timeout' of the document ends it")


def is_used_up(execution: Execution) -> bool:
    """Return whether nothing more may be spent; the run fails then, which no task can catch."""
    budget, spent = _of(execution), _spent(execution)
    cost_left, tokens_left = _left(execution)
    if _policy(budget) != "terminate" or (cost_left != 0 and tokens_left != 0):
        return False
    text = f"the budget is used up: {spent['cost']} micros and {spent['tokens']} tokens were spent"
    execution.fail(_ROOT, fault("runtime", text).error)
    return True


def needs_review(execution: Execution) -> bool:
    """Return whether a person has to say that the run may go on: nothing is left, of whatever is limited."""
    if _policy(_of(execution)) != "review":
        return False
    return bool(execution.state.get("overdue", False) or 0 in _left(execution))


def lift(execution: Execution) -> None:
    """Let the run spend, and take, as much again as the budget allows, from what it has spent."""
    budget, amounts = _of(execution), _amounts(_spent(execution))
    lifted = {name: amount + budget[name] for name, amount in zip(_LIMITS, amounts, strict=True) if name in budget}
    execution.state["lifted"] = lifted
    if execution.state.pop("overdue", False):
        watch(execution)


def watch(execution: Execution) -> None:
    """Wake the run when its own limit of time is over, if it has one."""
    seconds = _of(execution).get(_SECONDS)
    if seconds:
        number = execution.state["watches"] = execution.state.get("watches", 0) + 1
        execution.wake(_ROOT, f"{TIMER}{number}", timedelta(seconds=seconds))


def overdue(execution: Execution) -> None:
    """Note that the limit of time is over: the log says so, and the next task waits where a person is to be asked."""
    execution.state["overdue"] = True
    check(execution, execution.frame(_ROOT), is_over=True)


def cost_left(execution: Execution) -> int | None:
    """Return the micros that may still be spent, None for any number."""
    return None if _policy(_of(execution)) == "warn" else _left(execution)[0]


def spend(execution: Execution, frame_id: str, usage: Mapping[str, Any]) -> bool:
    """Note what a task has spent; return whether that was too much, and so the end of the run."""
    frame, spent = execution.change(frame_id), dict(_spent(execution))
    before = frame.get("usage", {})
    names = ("costMicros", "inputTokens", "outputTokens")
    frame["usage"] = {name: before.get(name, 0) + int(usage.get(name, 0)) for name in names}
    cost, taken, given = (int(usage.get(name, 0)) for name in names)
    spent = {
        "cost": spent["cost"] + cost,
        "input": spent["input"] + taken,
        "output": spent["output"] + given,
        "tokens": spent["tokens"] + taken + given,
    }
    execution.state["spent"] = spent
    execution.status.spent(spent)
    budget = _of(execution)
    if not budget:
        return False
    is_over = any(limit < amount for limit, amount in _held(execution) if limit is not None)
    check(execution, frame, is_over=is_over)
    if not is_over or _policy(budget) != "terminate":
        return False
    execution.fail(_ROOT, exceeded(execution))
    return True


def exceeded(execution: Execution) -> dict[str, Json]:
    """Return the error of a run that has spent too much, or taken too long."""
    if execution.state.get("overdue"):
        return fault("timeout", f"the workflow took longer than {_of(execution)[_SECONDS]} seconds").error
    spent = _spent(execution)
    text = f"the budget is exceeded: {spent['cost']} micros and {spent['tokens']} tokens were spent"
    return fault("runtime", text).error


def check(execution: Execution, frame: Mapping[str, Any], *, is_over: bool) -> None:
    """Show how much of the budget is left."""
    cost, tokens = _left(execution)
    spent = _spent(execution)
    checkpoint: dict[str, Json] = {
        "costConsumedMicros": spent["cost"],
        "costRemainingMicros": cost or 0,
        "tokensConsumed": spent["tokens"],
        "tokensRemaining": tokens or 0,
        "thresholdBreached": is_over,
        "onExceededPolicy": _POLICIES[_policy(_of(execution))],
    }
    execution.status.budget_checked(frame, checkpoint)


def _of(execution: Execution) -> Mapping[str, Any]:
    metadata = execution.document.definition["document"].get("metadata") or {}
    return metadata.get(KEY) or {}


def _policy(budget: Mapping[str, Any]) -> str:
    return str(budget.get("onExceeded", "terminate"))


def _spent(execution: Execution) -> Mapping[str, int]:
    return execution.state.get("spent") or {"cost": 0, "input": 0, "output": 0, "tokens": 0}


def _amounts(spent: Mapping[str, int]) -> tuple[int, int]:
    return spent["cost"], spent["tokens"]


def _held(execution: Execution) -> list[tuple[int | None, int]]:
    """Return each limit, None where there is none, with what counts against it."""
    limits = {**_of(execution), **execution.state.get("lifted", {})}
    return [(limits.get(name), amount) for name, amount in zip(_LIMITS, _amounts(_spent(execution)), strict=True)]


def _left(execution: Execution) -> list[int | None]:
    return [None if limit is None else max(0, limit - amount) for limit, amount in _held(execution)]
