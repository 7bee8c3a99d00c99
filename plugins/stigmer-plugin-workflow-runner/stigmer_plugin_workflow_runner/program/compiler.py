"""Documents to compiled documents, and everything that is wrong with them.

The document is checked here and not against the official JSON schema, whose messages cannot say more than "not valid
under any of the given schemas".
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

from stigmer_core.errors import InvalidArgumentError, Problem
from stigmer_plugin_workflow_runner.expressions import UnsupportedExpressionError
from stigmer_plugin_workflow_runner.program.availability import BASE, DEFINITION, EXPORT, WORKFLOW, WORKFLOW_OUTPUT
from stigmer_plugin_workflow_runner.program.document import Document, Task
from stigmer_plugin_workflow_runner.program.durations import parse_duration
from stigmer_plugin_workflow_runner.program.faults import TaskFault
from stigmer_plugin_workflow_runner.program.plain import not_json
from stigmer_plugin_workflow_runner.program.tasks import BODIES, UNSUPPORTED
from stigmer_plugin_workflow_runner.program.tasks._do import Do
from stigmer_plugin_workflow_runner.program.templates import (
    Template,
    constant,
    escaped,
    expression_text,
    from_expression,
    from_value,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.document import Directive

CACHED = 256  # compiled documents; one of 50 tasks takes about 200 KB
DEEPEST = 40  # tasks inside tasks
DIRECTIVES = ("continue", "exit", "end")

_TASK_KEYS = ("if", "input", "output", "export", "timeout", "then", "metadata")
_WORKFLOW_KEYS = ("document", "input", "use", "do", "timeout", "output", "schedule", "evaluate", "metadata")
_USE_KEYS = ("authentications", "errors", "extensions", "functions", "retries", "secrets", "timeouts", "catalogs")
_USE_SUPPORTED = {"authentications", "errors", "retries", "secrets", "timeouts"}
_REQUIRED = ("dsl", "namespace", "name", "version")

_cache: OrderedDict[str, Document] = OrderedDict()


def check(document: Json) -> Sequence[Problem]:
    """Return what is wrong with a document; nothing when it can run."""
    return _Outcome.of(document).problems


def compile_document(document: Json, *, digest: str = "") -> Document:
    """Return the compiled document, from the cache when it is known.

    Args:
        document: the workflow as a dict.
        digest: what `digest_of` returns for it, when the caller has that already.

    Raises:
        InvalidArgumentError: something is wrong with it; `problems` say what.
    """
    key = digest or ("" if not_json(document) else digest_of(document))
    known = _cache.get(key)
    if known is not None:
        _cache.move_to_end(key)
        return known
    outcome = _Outcome.of(document)
    if outcome.document is None:
        raise InvalidArgumentError("the workflow document is not valid", problems=outcome.problems)
    _cache[key] = outcome.document
    if len(_cache) > CACHED:
        _cache.popitem(last=False)
    return outcome.document


def digest_of(document: Json) -> str:
    """Return the SHA-256 of the document's canonical JSON."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Outcome:
    document: Document | None
    problems: Sequence[Problem]

    @classmethod
    def of(cls, document: Json) -> _Outcome:
        if not isinstance(document, dict):
            return cls(None, [Problem("", "a workflow document is an object")])
        foreign = not_json(document)
        if foreign:
            return cls(None, foreign)
        compiler = Compiler(document)
        root = compiler.workflow()
        if compiler.problems:
            return cls(None, compiler.problems)
        return cls(Document(digest_of(document), document, compiler.tasks, compiler.lists, root), [])


@dataclass(frozen=True, slots=True)
class Place:
    """Where a task stands: its pointer, its definition, the variables of the loops around it, its list's names."""

    pointer: str
    name: str
    definition: dict[str, Json]
    variables: frozenset[str]
    siblings: Sequence[str]

    def at(self, *tokens: str | int) -> str:
        """Return the pointer of something inside the task."""
        return "".join([self.pointer, *(f"/{escaped(str(token))}" for token in tokens)])


@dataclass(slots=True)
class Compiler:
    """One compilation: what was compiled so far, and what was found to be wrong."""

    definition: dict[str, Json]
    problems: list[Problem] = field(default_factory=list)
    tasks: dict[str, Task] = field(default_factory=dict)
    lists: dict[str, Sequence[Task]] = field(default_factory=dict)
    depth: int = 0

    def problem(self, pointer: str, message: str, hint: str = "") -> None:
        """Note a problem."""
        self.problems.append(Problem(pointer, message, hint))

    # The workflow

    def workflow(self) -> Task:
        """Compile the document's root."""
        definition = self.definition
        self.keys(definition, _WORKFLOW_KEYS, "")
        self._header(definition.get("document"))
        self._use(self.section(definition, "use", ""))
        if definition.get("schedule"):
            self.problem("/schedule", "schedules are not supported by this version")
        self._evaluate(self.section(definition, "evaluate", ""))
        self.task_list(definition.get("do"), "/do", frozenset())
        place = Place("", "", definition, frozenset(), ())
        root = Task(
            pointer="",
            name=str(self.section(definition, "document", "").get("name", "")),
            kind="workflow",
            body=Do("/do"),
            definition=definition,
            input_from=self._part(place, "input", "from", WORKFLOW),
            output_as=self._part(place, "output", "as", WORKFLOW_OUTPUT),
            timeout=self._timeout(place),
        )
        self.tasks[""] = root
        return root

    def _header(self, header: Json) -> None:
        if not isinstance(header, dict):
            self.problem("/document", "the section 'document' is missing", "it names dsl, namespace, name and version")
            return
        self.keys(header, (*_REQUIRED, "title", "summary", "tags", "metadata", "description"), "/document")
        for key in _REQUIRED:
            if not isinstance(header.get(key), str) or not header[key]:
                self.problem(f"/document/{key}", f"{key!r} is required and is a string")
        dsl = header.get("dsl")
        if isinstance(dsl, str) and not dsl.startswith("1."):
            self.problem("/document/dsl", f"DSL version {dsl!r} is not supported", "use '1.0.3'")

    def _use(self, use: dict[str, Json]) -> None:
        self.keys(use, _USE_KEYS, "/use")
        for key, value in use.items():
            if key in _USE_KEYS and key not in _USE_SUPPORTED and value:
                self.problem(f"/use/{key}", f"'use.{key}' is not supported by this version")
        secrets = use.get("secrets", [])
        if not isinstance(secrets, list) or not all(isinstance(name, str) and name for name in secrets):
            self.problem("/use/secrets", "expected a list of names")

    def _evaluate(self, evaluate: dict[str, Json]) -> None:
        self.keys(evaluate, ("language", "mode"), "/evaluate")
        if evaluate.get("language", "jq") != "jq":
            self.problem("/evaluate/language", f"expression language {evaluate['language']!r} is not supported", "jq")
        if evaluate.get("mode", "strict") != "strict":
            self.problem("/evaluate/mode", f"mode {evaluate['mode']!r} is not supported by this version", "strict")

    # Tasks

    def task_list(self, value: Json, pointer: str, variables: frozenset[str]) -> None:
        """Compile a list of tasks; it is found in `lists` by its pointer."""
        if not isinstance(value, list) or not value:
            self.problem(pointer, "expected a list with at least one task")
            return
        if self.depth >= DEEPEST:
            self.problem(pointer, f"tasks are nested more than {DEEPEST} deep")
            return
        named = [(at, *next(iter(item.items()))) for at, item in enumerate(value) if self._is_entry(item, at, pointer)]
        names = [name for _, name, _ in named]
        self._unique(named, pointer)
        self.depth += 1
        self.lists[pointer] = tuple(
            self._task(Place(f"{pointer}/{at}/{escaped(name)}", name, definition, variables, names))
            for at, name, definition in named
        )
        self.depth -= 1

    def _is_entry(self, item: Json, at: int, pointer: str) -> bool:
        if not isinstance(item, dict) or len(item) != 1 or not isinstance(next(iter(item)), str):
            self.problem(f"{pointer}/{at}", "expected one task, as an object with its name as the only key")
            return False
        name, definition = next(iter(item.items()))
        if not isinstance(definition, dict):
            self.problem(f"{pointer}/{at}/{escaped(name)}", f"the task {name!r} is not an object")
            return False
        return True

    def _unique(self, named: Iterable[tuple[int, str, Json]], pointer: str) -> None:
        seen: set[str] = set()
        for at, name, _ in named:
            if name in seen:
                self.problem(f"{pointer}/{at}/{escaped(name)}", f"a task named {name!r} is in this list already")
            if name in DIRECTIVES:
                self.problem(f"{pointer}/{at}/{escaped(name)}", f"{name!r} is a flow directive and cannot name a task")
            seen.add(name)

    def _task(self, place: Place) -> Task:
        definition = place.definition
        kind = self._kind(place)
        visible = BASE | place.variables
        task = Task(
            pointer=place.pointer,
            name=place.name,
            kind=kind,
            body=BODIES[kind].compile_body(self, place) if kind in BODIES else Do(""),
            definition=definition,
            condition=self.expression(definition["if"], place.at("if"), visible) if "if" in definition else None,
            input_from=self._part(place, "input", "from", visible),
            output_as=self._part(place, "output", "as", DEFINITION | place.variables),
            export_as=self._part(place, "export", "as", EXPORT | place.variables),
            timeout=self._timeout(place),
            then=self.directive(definition.get("then", "continue"), place, place.at("then")),
        )
        self.tasks[place.pointer] = task
        return task

    def _kind(self, place: Place) -> str:
        found = [key for key in place.definition if key in BODIES or key in UNSUPPORTED]
        if "for" in found and "do" in found:
            found.remove("do")
        if len(found) == 1:
            kind = found[0]
            known = BODIES[kind].KEYS if kind in BODIES else tuple(place.definition)
            self.keys(place.definition, (*_TASK_KEYS, *known), place.pointer)
            if kind in UNSUPPORTED:
                self.problem(place.at(kind), f"the task {kind!r} is not supported by this version")
            return kind
        if found:
            self.problem(place.pointer, f"a task does one thing, this one has {' and '.join(map(repr, found))}")
        else:
            close = [match for key in place.definition for match in get_close_matches(key, BODIES, n=1)]
            self.problem(place.pointer, "the task does nothing", _meant(close[:1]) or f"one of {', '.join(BODIES)}")
        return ""

    def directive(self, value: Json, place: Place, pointer: str) -> Directive:
        """Return where a `then` goes."""
        if value in DIRECTIVES:
            return str(value)
        if isinstance(value, str) and value in place.siblings:
            return place.siblings.index(value)
        close = get_close_matches(str(value), [*place.siblings, *DIRECTIVES], n=1)
        hint = _meant(close) or "a target is a task of the same list, continue, exit or end"
        self.problem(pointer, f"there is no task {value!r} to go to", hint)
        return "continue"

    # Values

    def section(self, owner: dict[str, Json], key: str, pointer: str) -> dict[str, Json]:
        """Return an optional object of the document, empty when it is missing or no object."""
        value = owner.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.problem(f"{pointer}/{escaped(key)}", f"{key!r} is an object")
            return {}
        return value

    def keys(self, value: dict[str, Json], known: Collection[str], pointer: str) -> None:
        """Note the keys that are not known."""
        for key in value:
            if key not in known:
                close = get_close_matches(str(key), known, n=1)
                self.problem(f"{pointer}/{escaped(str(key))}", f"unknown key {key!r}", _meant(close))

    def named(self, section: str, name: str, pointer: str) -> Json:
        """Return a reusable definition of `use`, an empty object when there is none of that name."""
        use = self.definition.get("use")
        known = use.get(section) if isinstance(use, dict) else None
        known = known if isinstance(known, dict) else {}
        if name not in known:
            self.problem(pointer, f"'use.{section}' has no {name!r}", _meant(get_close_matches(name, known, n=1)))
        return known.get(name, {})

    def value(self, value: Json, pointer: str, visible: Collection[str]) -> Template:
        """Return the template of a value that may hold `${ }`."""
        template = from_value(value, lambda where, error: self._expression_problem(pointer + where, error))
        return self._visible(template, pointer, visible)

    def expression(self, value: Json, pointer: str, visible: Collection[str]) -> Template:
        """Return the template of a field that is an expression, with or without `${ }`."""
        if isinstance(value, bool):
            return constant(value)
        if not isinstance(value, str):
            self.problem(pointer, "expected an expression")
            return constant(None)
        try:
            template = from_expression(expression_text(value) or value)
        except UnsupportedExpressionError as error:
            self._expression_problem(pointer, error)
            return constant(None)
        return self._visible(template, pointer, visible)

    def duration(self, value: Json, pointer: str, visible: Collection[str]) -> Template:
        """Return the template of a duration; one without expressions is checked now."""
        template = self.value(value, pointer, visible)
        if template.is_constant and not any(problem.pointer.startswith(pointer) for problem in self.problems):
            try:
                parse_duration(value)
            except TaskFault as error:
                self.problem(pointer, str(error), "such as PT5S, or {seconds: 5}")
        return template

    def _visible(self, template: Template, pointer: str, visible: Collection[str]) -> Template:
        for name in sorted(template.variables - frozenset(visible)):
            self.problem(pointer, f"${name} is not defined here", _meant(get_close_matches(name, visible, n=1)))
        return template

    def _expression_problem(self, pointer: str, error: UnsupportedExpressionError) -> None:
        self.problem(pointer, f"the expression cannot be used: {error.message}", f"at character {error.position}")

    def _part(self, place: Place, key: str, part: str, visible: frozenset[str]) -> Template | None:
        section = self.section(place.definition, key, place.pointer)
        self.keys(section, ("schema", part), place.at(key))
        if "schema" in section:
            self.problem(place.at(key, "schema"), "schemas are not supported by this version")
        value = section.get(part)
        if value is None:
            return None
        if isinstance(value, str):
            return self.expression(value, place.at(key, part), visible)
        return self.value(value, place.at(key, part), visible)

    def _timeout(self, place: Place) -> Template | None:
        timeout, pointer = place.definition.get("timeout"), place.at("timeout")
        if isinstance(timeout, str):
            timeout = self.named("timeouts", timeout, pointer)
        if not timeout:
            return None
        if not isinstance(timeout, dict) or "after" not in timeout:
            self.problem(pointer, "a timeout has a duration 'after'")
            return None
        self.keys(timeout, ("after",), pointer)
        return self.duration(timeout["after"], f"{pointer}/after", DEFINITION | place.variables)


def _meant(close: Sequence[str]) -> str:
    return f"did you mean {close[0]!r}?" if close else ""
