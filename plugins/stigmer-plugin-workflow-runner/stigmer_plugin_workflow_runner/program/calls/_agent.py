"""`call: stigmer:agent`: runs an agent and waits for it; its answer is the output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_core.program import ActivityFailed
from stigmer_plugin_workflow_runner.program import budget, review
from stigmer_plugin_workflow_runner.program.availability import DEFINITION
from stigmer_plugin_workflow_runner.program.contract import compile_contract
from stigmer_plugin_workflow_runner.program.faults import TaskFault, error_of, fault
from stigmer_plugin_workflow_runner.program.secrets import hidden

if TYPE_CHECKING:
    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.contract import Contract
    from stigmer_plugin_workflow_runner.program.document import Answer
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.templates import Template

_KEYS = ("agent", "message", "env", "config", "harness", "workspaceEntries", "environmentRefs", "output")
_COMPLETED = "EXECUTION_COMPLETED"


@dataclass(frozen=True, slots=True)
class CallAgent:
    """Whom to tell what, and what the answer must look like."""

    arguments: Template
    contract: Contract | None

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Ask for the agent's run, unless there is nothing left to spend on it."""
        if budget.is_used_up(execution) or review.begin(execution, frame_id, ["resume", frame_id, None]):
            return
        arguments = execution.evaluate(self.arguments, frame_id)
        if not isinstance(arguments["message"], str) or not arguments["message"]:
            raise fault("configuration", "the message to an agent is a text that is not empty")
        public = {name: value for name, value in arguments.items() if name != "env"}
        if hidden(public) != public:  # a run of an agent is stored for everybody to read
            raise fault("configuration", "secrets can be given to an agent in 'env' only")
        execution.change(frame_id).update(arguments=arguments, attempt=0)
        self._ask(execution, frame_id, arguments)

    def answered(self, execution: Execution, frame_id: str, answer: Answer) -> None:
        """Complete with the agent's answer, ask again for one that fits, or fault."""
        if isinstance(answer, ActivityFailed):
            raise TaskFault(error_of(answer.failure))
        ended: dict[str, Json] = getattr(answer, "result", {})
        execution.status.agent_ended(execution.frame(frame_id), ended)
        if budget.spend(execution, frame_id, ended["usage"]):
            return
        if ended["phase"] != _COMPLETED:
            detail = f"the agent's run {ended['execution']} ended in {ended['phase']}"
            raise fault("runtime", f"{detail}: {ended['error']}" if ended["error"] else detail)
        self._check(execution, frame_id, ended)

    def _check(self, execution: Execution, frame_id: str, ended: dict[str, Json]) -> None:
        if self.contract is None:
            execution.complete(frame_id, ended["output"])
            return
        frame = execution.change(frame_id)
        try:
            self.contract.schema.validate(ended["output"])
        except TaskFault as error:
            if frame["attempt"] < self.contract.retries and not budget.is_used_up(execution):
                frame["attempt"] += 1
                message = f"Your answer cannot be used: {error}. Answer again, as the schema asks for."
                again = {**frame["arguments"], "message": message, "session": ended["session"]}
                if not review.begin(execution, frame_id, ["resume", frame_id, again]):
                    self._ask(execution, frame_id, again)
                return
            if self.contract.fallback is None:
                raise
            execution.complete(frame_id, ended["output"], then=self.contract.fallback)
            return
        execution.complete(frame_id, ended["output"])

    def resumed(self, execution: Execution, frame_id: str, value: Json) -> None:
        """Begin, or ask again, as was to be done before the budget was reviewed."""
        if value is None:
            self.begin(execution, frame_id)
        else:
            self._ask(execution, frame_id, value)

    def _ask(self, execution: Execution, frame_id: str, arguments: dict[str, Json]) -> None:
        attempt, left = execution.frame(frame_id)["attempt"], budget.cost_left(execution)
        asked = {**arguments, "costLeftMicros": left}
        if self.contract is not None:
            asked["schema"] = self.contract.document
        execution.call(frame_id, "agent_call", asked, key=f"{frame_id}?again{attempt}" if attempt else "")


def compile_call(compiler: Compiler, place: Place) -> CallAgent:
    """Compile a `call: stigmer:agent`."""
    section, pointer = compiler.section(place.definition, "with", place.pointer), place.at("with")
    compiler.keys(section, _KEYS, pointer)
    for key in ("agent", "message"):
        if not isinstance(section.get(key), str) or not section[key]:
            compiler.problem(pointer, f"a call of an agent has {'an' if key == 'agent' else 'a'} {key!r}")
    for key in ("env", "config"):
        compiler.section(section, key, pointer)
    arguments = {"message": "", **{key: section[key] for key in _KEYS if key in section and key != "output"}}
    return CallAgent(
        arguments=compiler.value(arguments, pointer, DEFINITION | place.variables),
        contract=compile_contract(compiler, place, section, pointer),
    )
