"""`listen`: waits for events. The output is an array of what was consumed, in the order it came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_core.program import Signal
from stigmer_plugin_workflow_runner.expressions.values import truthy
from stigmer_plugin_workflow_runner.program import sequence
from stigmer_plugin_workflow_runner.program.availability import DEFINITION
from stigmer_plugin_workflow_runner.program.events import READS, event_of, read
from stigmer_plugin_workflow_runner.program.execution import KEPT_SIGNALS
from stigmer_plugin_workflow_runner.program.iterators import Iterator, compile_iterator
from stigmer_plugin_workflow_runner.program.strategies import Strategy, Taken, compile_strategy

if TYPE_CHECKING:
    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Child
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.fetching import FetchedSchema
    from stigmer_plugin_workflow_runner.program.schemas import Schema
    from stigmer_plugin_workflow_runner.program.templates import Template

KEYS = ("listen", "foreach")


@dataclass(frozen=True, slots=True)
class Listen:
    """Which events are consumed, how they are read, and what is done with each."""

    strategy: Strategy
    how: str
    foreach: Iterator | None

    @property
    def schemas(self) -> tuple[Schema | FetchedSchema | None, ...]:
        """The schemas that must be there before it begins."""
        return (self.foreach.output_schema, self.foreach.export_schema) if self.foreach is not None else ()

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Listen; what came before and nobody took counts too."""
        execution.change(frame_id).update(progress={}, outputs=[], queue=[], is_busy=False, is_last=False)
        execution.listen(frame_id)

    def signalled(self, execution: Execution, frame_id: str, signal: Signal) -> bool:
        """Consume an event; one that comes while tasks work on another waits for them."""
        event = event_of(signal)
        frame = execution.frame(frame_id)
        if event is None or frame["is_last"]:
            return False
        taken = self._consume(execution, frame_id, event)
        if taken is None or len(frame["queue"]) >= KEPT_SIGNALS:
            return False
        if frame["is_busy"]:
            kept = {"id": signal.id, "name": signal.name, "payload": signal.payload}
            execution.change(frame_id)["queue"] = [*frame["queue"], kept]
        else:
            self._take(execution, frame_id, event, taken)
        return True

    def child_ended(self, execution: Execution, frame_id: str, child: Child) -> None:
        """Enter the next task of the iteration, or take the next event."""
        if not sequence.advance(execution, frame_id, child):
            self._processed(execution, frame_id, child.output)
            self._drain(execution, frame_id)

    def _consume(self, execution: Execution, frame_id: str, event: dict[str, Json]) -> Taken | None:
        def evaluate(template: Template, value: Json) -> Json:
            return execution.evaluate(template, frame_id, value)

        return self.strategy.consume(execution.frame(frame_id)["progress"], event, evaluate)

    def _take(self, execution: Execution, frame_id: str, event: dict[str, Json], taken: Taken) -> None:
        frame = execution.change(frame_id)
        frame.update(progress=taken.progress, is_last=taken.is_last)
        if not taken.is_item:
            self._go_on(execution, frame_id)
            return
        item, at = read(event, self.how), len(frame["outputs"])
        if self.foreach is None:
            self._processed(execution, frame_id, item)
            return
        frame["variables"] = {self.foreach.item: item, self.foreach.at: at}
        if self.foreach.tasks is None:
            self._processed(execution, frame_id, item)
            return
        frame["is_busy"] = True
        sequence.begin(execution, frame_id, self.foreach.tasks, f"{frame_id}#{at}/foreach/do", item)

    def _processed(self, execution: Execution, frame_id: str, output: Json) -> None:
        if self.foreach is not None:
            output = self.foreach.transformed(execution, frame_id, output)
        frame = execution.change(frame_id)
        frame.update(outputs=[*frame["outputs"], output], is_busy=False, variables={})
        self._go_on(execution, frame_id)

    def _go_on(self, execution: Execution, frame_id: str) -> None:
        """Complete after the last event; an expression says of all the outputs so far whether it was that."""
        frame, until = execution.change(frame_id), self.strategy.until
        if until is not None and truthy(execution.evaluate(until, frame_id, frame["outputs"])):
            frame["is_last"] = True
        if frame["is_last"]:
            execution.stop_listening(frame_id)
            execution.complete(frame_id, frame["outputs"])

    def _drain(self, execution: Execution, frame_id: str) -> None:
        """Consume what waited; what is not meant any more is left to others."""
        while execution.frame(frame_id)["queue"] and not execution.frame(frame_id)["is_busy"]:
            frame = execution.change(frame_id)
            kept, *frame["queue"] = frame["queue"]
            signal = Signal(kept["id"], kept["name"], kept["payload"], execution.now)
            if not (execution.is_listening(frame_id) and self.signalled(execution, frame_id, signal)):
                execution.keep(signal)


def compile_body(compiler: Compiler, place: Place) -> Listen:
    """Compile a `listen` task."""
    section = compiler.section(place.definition, "listen", place.pointer)
    pointer, visible = place.at("listen"), DEFINITION | place.variables
    compiler.keys(section, ("to", "read"), pointer)
    strategy = compile_strategy(compiler, section.get("to"), f"{pointer}/to", visible)
    compiler.listens |= strategy.types()
    how = section.get("read", "data")
    if how not in READS:
        compiler.problem(f"{pointer}/read", f"events are read as {', '.join(READS)}, not {how!r}")
    return Listen(strategy, str(how), compile_iterator(compiler, place) if "foreach" in place.definition else None)
