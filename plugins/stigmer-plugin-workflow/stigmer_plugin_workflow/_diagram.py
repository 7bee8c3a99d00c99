"""A workflow as a Mermaid flowchart: its tasks as boxes, what follows what as arrows."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.workflow.v1.api_pb2 import Workflow

from stigmer_core.resources.codec import from_dict
from stigmer_plugin_workflow.translation.document import dsl_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stigmer_core.program import Json

_LABEL_LENGTH = 60
_ACTIONS = ("set", "emit", "listen", "raise", "wait", "run", "switch", "call")
_SHAPES = {"switch": ("{", "}"), "wait": ("([", "])"), "listen": ("([", "])"), "raise": ("[[", "]]")}


def mermaid(resource: Mapping[str, Json]) -> str:
    """Return the flowchart of a Workflow's JSON, as text that Mermaid reads.

    Raises:
        UntranslatableError: the workflow was written by a version that knew more kinds of tasks.
    """
    document: Any = dsl_document(from_dict(resource, Workflow()))
    lines = _Flowchart().lines(document.get("do") or [])
    return "\n".join(["flowchart TD", *(f"  {line}" for line in lines)]) + "\n"


class _Flowchart:
    def __init__(self) -> None:
        self._numbers = count(1)
        self._edges: list[str] = []

    def lines(self, tasks: list[Any]) -> Iterator[str]:
        """Yield the lines of the chart: boxes first, arrows after them."""
        yield "start((start))"
        yield "finish((end))"
        first, *boxes = self._list(tasks, "finish")
        yield from boxes
        yield f"start --> {first}"
        yield from self._edges

    def _list(self, tasks: list[Any], after: str) -> Iterator[str]:
        """Yield the id of a list's first box, then the lines of its boxes."""
        named = [next(iter(item.items())) for item in tasks if isinstance(item, dict) and item]
        boxes = {name: f"n{next(self._numbers)}" for name, _ in named}
        order = [*boxes.values(), after]
        yield order[0]
        for index, (name, task) in enumerate(named):
            targets = {**boxes, "continue": order[index + 1], "exit": after, "end": "finish"}
            yield from self._task(boxes[name], name, task if isinstance(task, dict) else {}, targets)

    def _task(self, box: str, name: str, task: dict[str, Any], targets: Mapping[str, str]) -> Iterator[str]:
        if "switch" in task:
            self._cases(box, task["switch"], targets)
        else:
            target = targets.get(str(task.get("then", "continue")), "")
            if target and "raise" not in task:
                self._edges.append(f"{box} --> {target}")
        inner = _inner(task)
        if not inner:
            opening, closing = next((shape for key, shape in _SHAPES.items() if key in task), ("[", "]"))
            yield f"{box}{opening}{_label(_described(name, task))}{closing}"
            return
        yield f"subgraph {box}[{_label(_described(name, task))}]"
        for title, tasks in inner:
            yield from (f"  {line}" for line in self._part(box, title, tasks))
        yield "end"

    def _part(self, box: str, title: str, tasks: list[Any]) -> Iterator[str]:
        """Yield one list of tasks inside of a box, with a frame of its own when it has a title."""
        _, *lines = self._list(tasks, "")
        if not title:
            yield from lines
            return
        part = f"{box}_{next(self._numbers)}"
        if title == "catch":
            self._edges.append(f"{box} -. error .-> {part}")
        yield f"subgraph {part}[{_label(title)}]"
        yield from (f"  {line}" for line in lines)
        yield "end"

    def _cases(self, box: str, cases: list[Any], targets: Mapping[str, str]) -> None:
        named = [next(iter(case.items())) for case in cases if isinstance(case, dict) and case]
        for name, case in named:
            label = f"{name}: {case['when']}" if "when" in case else str(name)
            self._arrow(box, targets.get(str(case.get("then", "continue")), ""), label)
        if all("when" in case for _, case in named):
            self._arrow(box, targets["continue"], "else")

    def _arrow(self, box: str, target: str, label: str) -> None:
        if target:
            self._edges.append(f"{box} -->|{_label(label)}| {target}")


def _inner(task: dict[str, Any]) -> list[tuple[str, list[Any]]]:
    """Return the lists of tasks inside of a task, each with the title of its frame, if it has one."""
    catch = task.get("catch") or {}
    if "try" in task:
        return [("", task["try"]), *([("catch", catch["do"])] if catch.get("do") else [])]
    if "fork" in task:
        return [("", [branch]) for branch in task["fork"].get("branches") or []]
    foreach = task.get("foreach") or {}
    tasks = task.get("do") or foreach.get("do") or []
    return [("", tasks)] if tasks else []


def _described(name: str, task: dict[str, Any]) -> str:
    """Return what stands in a task's box: its name, and what it does in a few words."""
    name += f" if {task['if']}" if "if" in task else ""
    if "for" in task:
        return f"{name}: for {task['for'].get('each', 'item')} in {task['for'].get('in', '')}"
    if "fork" in task:
        return f"{name}: {'race' if task['fork'].get('compete') else 'fork'}"
    if "try" in task:
        return f"{name}: try"
    action = next((key for key in _ACTIONS if key in task), "")
    detail = task.get(action)
    if action == "run" and isinstance(detail, dict):
        detail = next(iter(detail), "")
    known = detail if isinstance(detail, str) else ""
    return f"{name}: {action} {known}".rstrip() if action else name


def _label(text: str) -> str:
    """Return a text between quotes, safe for Mermaid and short."""
    shown = " ".join(str(text).split())
    shown = shown if len(shown) <= _LABEL_LENGTH else shown[: _LABEL_LENGTH - 1] + "…"
    for character, entity in (("#", "#35;"), ("&", "#amp;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;")):
        shown = shown.replace(character, entity)
    return f'"{shown}"'
