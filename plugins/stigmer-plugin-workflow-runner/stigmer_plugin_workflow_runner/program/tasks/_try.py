"""`try`: a list of tasks whose errors may be caught, and tried again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_core.program import Cancel
from stigmer_plugin_workflow_runner.expressions.values import truthy
from stigmer_plugin_workflow_runner.program import sequence
from stigmer_plugin_workflow_runner.program.availability import DEFINITION
from stigmer_plugin_workflow_runner.program.compensation import compensating
from stigmer_plugin_workflow_runner.program.durations import parse_duration
from stigmer_plugin_workflow_runner.program.faults import fault, is_caught
from stigmer_plugin_workflow_runner.program.retry import Retry, compile_retry
from stigmer_plugin_workflow_runner.program.templates import expression_text

if TYPE_CHECKING:
    from datetime import timedelta

    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compensation import CompensatingTry
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Answer, Child
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.templates import Template

KEYS = ("try", "catch")
LIMIT = "?limit"  # the suffix of the timer that ends an attempt


@dataclass(frozen=True, slots=True)
class Try:
    """What is tried, which errors are caught, and what is done about them."""

    tasks: str
    errors: Template
    variable: str
    when: Template | None
    except_when: Template | None
    retry: Retry | None
    handler: str | None  # the pointer of the list `catch.do`

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Begin the first attempt."""
        execution.change(frame_id).update(attempt=0, handling=False)
        self._attempt(execution, frame_id)

    def answered(self, execution: Execution, frame_id: str, answer: Answer) -> None:
        """Begin the next attempt when its delay is over; end one that took too long, as any error of its tasks."""
        if not answer.id.endswith(LIMIT):
            self._attempt(execution, frame_id)
            return
        for child in [name for name, frame in execution.frames.items() if frame["parent"] == frame_id]:
            execution.fail(child, fault("timeout", "the attempt took longer than its limit").error)

    def child_ended(self, execution: Execution, frame_id: str, child: Child) -> None:
        """Enter the next task, or complete with the last one's output."""
        if not sequence.advance(execution, frame_id, child):
            self.attempt_ended(execution, frame_id)
            execution.complete(frame_id, child.output)

    def catch(self, execution: Execution, frame_id: str, error: dict[str, Json]) -> bool:
        """Try again, handle the error, or let it pass."""
        frame = execution.change(frame_id)
        self.attempt_ended(execution, frame_id)
        if frame["handling"] or not self.is_meant(execution, frame_id, error):
            return False
        if self.retry is not None:
            delay = self.retry.delay(execution, frame_id, frame["attempt"])
            if delay is not None:
                self._again(execution, frame_id, delay, error)
                return True
            if self.handler is None:
                return False
        frame["handling"] = True
        if self.handler is None:
            execution.complete(frame_id, execution.input(frame_id))
            return True
        position = f"{frame_id}{_suffix(frame['attempt'])}/catch/do"
        sequence.begin(execution, frame_id, self.handler, position, execution.input(frame_id))
        return True

    def is_meant(self, execution: Execution, frame_id: str, error: dict[str, Json]) -> bool:
        """Return whether the handler is for an error; it becomes the handler's variable."""
        execution.change(frame_id)["variables"] = {self.variable: error}
        if not is_caught(error, execution.evaluate(self.errors, frame_id)):
            return False
        if self.when is not None and not truthy(execution.evaluate(self.when, frame_id)):
            return False
        return self.except_when is None or not truthy(execution.evaluate(self.except_when, frame_id))

    def attempt_ended(self, execution: Execution, frame_id: str) -> None:
        """Wait no longer for the end of an attempt's time."""
        timer = f"{frame_id}{_suffix(execution.frame(frame_id)['attempt'])}{LIMIT}"
        if execution.answer(timer) is not None:
            execution.commands.append(Cancel(timer))

    def _again(self, execution: Execution, frame_id: str, delay: timedelta, error: dict[str, Json]) -> None:
        frame = execution.change(frame_id)
        execution.status.retrying(frame, error, delay)
        frame["attempt"] += 1
        frame["variables"] = {}
        # Even without a delay a timer parts the attempts, so that a retry that never ends can be cancelled
        execution.wake(frame_id, f"{frame_id}{_suffix(frame['attempt'])}", delay)

    def _attempt(self, execution: Execution, frame_id: str) -> None:
        position = f"{frame_id}{_suffix(execution.frame(frame_id)['attempt'])}"
        if self.retry is not None and self.retry.attempt_duration is not None:
            after = parse_duration(execution.evaluate(self.retry.attempt_duration, frame_id))
            execution.wake(frame_id, f"{position}{LIMIT}", after)
        sequence.begin(execution, frame_id, self.tasks, f"{position}/try", execution.input(frame_id))


def _suffix(attempt: int) -> str:
    return f"@{attempt}" if attempt else ""


def compile_body(compiler: Compiler, place: Place) -> Try | CompensatingTry:
    """Compile a `try` task."""
    compiler.task_list(place.definition["try"], place.at("try"), place.variables)
    catch = compiler.section(place.definition, "catch", place.pointer)
    pointer = place.at("catch")
    compiler.keys(catch, ("errors", "as", "when", "exceptWhen", "retry", "do"), pointer)
    if "catch" not in place.definition:
        compiler.problem(
            place.pointer, "a 'try' says what to do about errors with 'catch'", "such as {catch: {do: […]}}"
        )
    errors = compiler.section(catch, "errors", pointer)
    compiler.keys(errors, ("with",), f"{pointer}/errors")
    wanted = compiler.section(errors, "with", f"{pointer}/errors")
    compiler.keys(wanted, ("type", "status", "title", "detail", "details", "instance"), f"{pointer}/errors/with")
    if "details" in wanted:  # the name in DSL 1.0.0
        wanted = {**wanted, "detail": wanted["details"]}
    status = wanted.get("status", 0)
    if isinstance(status, bool) or not (isinstance(status, int) or expression_text(str(status))):
        compiler.problem(f"{pointer}/errors/with/status", "a status is a whole number", "such as 404")
    variable = compiler.variable(catch, "as", "error", pointer)
    inner = place.variables | {variable}
    conditions = {
        key: compiler.expression(catch[key], f"{pointer}/{key}", DEFINITION | inner) if key in catch else None
        for key in ("when", "exceptWhen")
    }
    if "do" in catch:
        compiler.task_list(catch["do"], f"{pointer}/do", inner)
    body = Try(
        tasks=place.at("try"),
        errors=compiler.value(wanted, f"{pointer}/errors/with", DEFINITION | place.variables),
        variable=variable,
        when=conditions["when"],
        except_when=conditions["exceptWhen"],
        retry=compile_retry(compiler, catch["retry"], f"{pointer}/retry", inner) if "retry" in catch else None,
        handler=f"{pointer}/do" if "do" in catch else None,
    )
    return compensating(place, body)
