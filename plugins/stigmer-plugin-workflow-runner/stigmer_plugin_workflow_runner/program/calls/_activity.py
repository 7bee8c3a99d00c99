"""`call: stigmer:activity`: asks for an activity by its name; what it returns is the output.

The runner's own are for its tasks, which check what they ask for: of them only `http` can be called so. Those that an
installation adds to the runner have a name of two parts, such as `acme.render`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_core.program import ActivityFailed
from stigmer_plugin_workflow_runner.program.availability import DEFINITION
from stigmer_plugin_workflow_runner.program.faults import TaskFault, error_of

if TYPE_CHECKING:
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Answer
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.templates import Template

_OPEN = ("http",)


@dataclass(frozen=True, slots=True)
class CallActivity:
    """An activity and its argument."""

    activity: str
    argument: Template

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Ask for the activity."""
        execution.call(frame_id, self.activity, execution.evaluate(self.argument, frame_id))

    def answered(self, execution: Execution, frame_id: str, answer: Answer) -> None:
        """Complete with what it returned."""
        if isinstance(answer, ActivityFailed):
            raise TaskFault(error_of(answer.failure))
        execution.complete(frame_id, getattr(answer, "result", None))


def compile_call(compiler: Compiler, place: Place) -> CallActivity:
    """Compile a `call: stigmer:activity`."""
    section, pointer = compiler.section(place.definition, "with", place.pointer), place.at("with")
    compiler.keys(section, ("activity", "input"), pointer)
    name = section.get("activity")
    if not isinstance(name, str) or not name:
        compiler.problem(pointer, "a call of an activity names the 'activity'")
    elif name not in _OPEN and "." not in name.strip("."):
        hint = f"{' or '.join(_OPEN)}, or one that the installation adds, such as 'acme.render'"
        compiler.problem(f"{pointer}/activity", f"there is no activity {name!r} to call", hint)
    argument = compiler.value(section.get("input", {}), f"{pointer}/input", DEFINITION | place.variables)
    return CallActivity(str(name), argument)
