"""Which variables an expression may use, by where it stands.

Source: DSL, "Runtime Expression Arguments". Loops and `catch` add their own to all of them.
"""

from __future__ import annotations

# The text of the DSL gives $secrets to input.from only, its table to all; here they are everywhere, as marks.
WORKFLOW = frozenset({"workflow", "runtime", "secrets"})  # a workflow's own input and output have no task
WORKFLOW_OUTPUT = WORKFLOW | {"context", "input"}
BASE = WORKFLOW | {"context", "task"}
DEFINITION = BASE | {"input"}
EXPORT = DEFINITION | {"output"}
