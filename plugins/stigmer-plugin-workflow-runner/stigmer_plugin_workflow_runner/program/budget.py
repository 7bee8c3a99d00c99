"""What a run may spend on agents and models, and what it has spent.

The DSL has no budgets: the limits stand in the metadata of the document's header, under `stigmer.ai/budget`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.program.faults import fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compiler import Compiler
    from stigmer_plugin_workflow_runner.program.execution import Execution

KEY = "stigmer.ai/budget"
_ROOT = ""
_POLICIES = {"terminate": "budget_exceeded_terminate", "warn": "budget_exceeded_warn"}
_LIMITS = ("maxCostMicros", "maxTotalTokens")


def compile_budget(compiler: Compiler) -> None:
    """Check the budget of a document."""
    header = compiler.section(compiler.definition, "document", "")
    metadata = compiler.section(header, "metadata", "/document")
    pointer = "/document/metadata/stigmer.ai~1budget"
    budget = compiler.section(metadata, KEY, "/document/metadata")
    compiler.keys(budget, (*_LIMITS, "onExceeded"), pointer)
    for name in _LIMITS:
        if not isinstance(budget.get(name, 1), int) or budget.get(name, 1) < 1:
            compiler.problem(f"{pointer}/{name}", "expected a whole number above 0")
    if budget.get("onExceeded", "terminate") not in _POLICIES:
        compiler.problem(f"{pointer}/onExceeded", "unknown policy", ", ".join(_POLICIES))


def is_used_up(execution: Execution) -> bool:
    """Return whether nothing more may be spent; the run fails then, which no task can catch."""
    budget, spent = _of(execution), _spent(execution)
    cost_left, tokens_left = _left(budget, spent)
    if budget.get("onExceeded") == "warn" or (cost_left != 0 and tokens_left != 0):
        return False
    text = f"the budget is used up: {spent['cost']} micros and {spent['tokens']} tokens were spent"
    execution.fail(_ROOT, fault("runtime", text).error)
    return True


def cost_left(execution: Execution) -> int | None:
    """Return the micros that may still be spent, None for any number."""
    budget = _of(execution)
    return None if budget.get("onExceeded") == "warn" else _left(budget, _spent(execution))[0]


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
    is_over = any(budget.get(name, amount) < amount for name, amount in zip(_LIMITS, _amounts(spent), strict=True))
    execution.status.budget_checked(frame, _checkpoint(budget, spent, is_over=is_over))
    if not is_over or budget.get("onExceeded") == "warn":
        return False
    text = f"the budget is exceeded: {spent['cost']} micros and {spent['tokens']} tokens were spent"
    execution.fail(_ROOT, fault("runtime", text).error)
    return True


def _of(execution: Execution) -> Mapping[str, Any]:
    metadata = execution.document.definition["document"].get("metadata") or {}
    return metadata.get(KEY) or {}


def _spent(execution: Execution) -> Mapping[str, int]:
    return execution.state.get("spent") or {"cost": 0, "input": 0, "output": 0, "tokens": 0}


def _amounts(spent: Mapping[str, int]) -> tuple[int, int]:
    return spent["cost"], spent["tokens"]


def _left(budget: Mapping[str, Any], spent: Mapping[str, int]) -> list[int | None]:
    amounts = zip(_LIMITS, _amounts(spent), strict=True)
    return [max(0, budget[name] - amount) if name in budget else None for name, amount in amounts]


def _checkpoint(budget: Mapping[str, Any], spent: Mapping[str, int], *, is_over: bool) -> dict[str, Json]:
    cost, tokens = _left(budget, spent)
    return {
        "costConsumedMicros": spent["cost"],
        "costRemainingMicros": cost or 0,
        "tokensConsumed": spent["tokens"],
        "tokensRemaining": tokens or 0,
        "thresholdBreached": is_over,
        "onExceededPolicy": _POLICIES[budget.get("onExceeded", "terminate")],
    }
