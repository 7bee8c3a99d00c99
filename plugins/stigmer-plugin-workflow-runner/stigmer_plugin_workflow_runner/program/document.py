"""A compiled document: immutable, and shared by every run of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stigmer_core.program import ActivityDone, ActivityFailed, ChildDone, Json, Signal, TimerFired
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.extending import Extension
    from stigmer_plugin_workflow_runner.program.fetching import FetchedSchema
    from stigmer_plugin_workflow_runner.program.schemas import Schema
    from stigmer_plugin_workflow_runner.program.templates import Template

Directive: TypeAlias = "int | str"  # the index of a task in the same list, or continue, exit, end
Answer: TypeAlias = "ActivityDone | ActivityFailed | TimerFired | ChildDone"
ITERATION = "iteration"  # a kind that is no task of the document: nobody is shown it


class Body(Protocol):
    """What is special about a kind of task."""

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Start the task: complete it, ask for something, or enter its children.

        Raises:
            TaskFault: the task faults.
        """


class Composite(Body, Protocol):
    """A task that has children."""

    def child_ended(self, execution: Execution, frame_id: str, child: Child) -> None:
        """Go on after a child has ended."""


class Guard(Composite, Protocol):
    """A task that may catch what its children fault with."""

    def catch(self, execution: Execution, frame_id: str, error: dict[str, Json]) -> bool:
        """Handle an error of a child, which is gone already; return whether it is caught."""


class Waiting(Body, Protocol):
    """A task that asks for something."""

    def answered(self, execution: Execution, frame_id: str, answer: Answer) -> None:
        """Go on after the answer."""


class Listening(Body, Protocol):
    """A task that waits for what others send the run; `Execution.listen` puts it on the list."""

    def signalled(self, execution: Execution, frame_id: str, signal: Signal) -> bool:
        """Take a signal; return False when it is not meant for this task."""


class Resumable(Body, Protocol):
    """A task that waits in its middle for a review of the budget."""

    def resumed(self, execution: Execution, frame_id: str, value: Json) -> None:
        """Go on with what it has kept."""


@dataclass(frozen=True, slots=True)
class Child:
    """A child that has ended: its place in its list, its output, and where to go from there."""

    index: int
    output: Json
    then: Directive


@dataclass(frozen=True, slots=True)
class Task:
    """A task of the document; the workflow itself is one, with the empty pointer."""

    pointer: str
    name: str
    kind: str
    body: Body
    definition: Json
    condition: Template | None = None
    input_from: Template | None = None
    output_as: Template | None = None
    export_as: Template | None = None
    input_schema: Schema | FetchedSchema | None = None
    output_schema: Schema | FetchedSchema | None = None
    export_schema: Schema | FetchedSchema | None = None
    extensions: Sequence[Extension] = ()
    timeout: Template | None = None
    then: Directive = "continue"


@dataclass(frozen=True, slots=True)
class Document:
    """A document without problems. `tasks` and `lists` are found by their JSON pointers."""

    digest: str
    definition: Json
    tasks: Mapping[str, Task]
    lists: Mapping[str, Sequence[Task]]
    root: Task = field(repr=False)
    listens: Sequence[str] = ()  # the types of event that tasks listen to, sorted; `*` for all
