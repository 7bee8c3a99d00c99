"""Documents to compiled documents, and everything that is wrong with them.

The document is checked here and not against the official JSON schema, whose messages cannot say more than "not valid
under any of the given schemas".
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import chain, islice
from typing import TYPE_CHECKING

from stigmer_core.errors import InvalidArgumentError, Problem
from stigmer_plugin_workflow_runner.expressions import UnsupportedExpressionError
from stigmer_plugin_workflow_runner.program.availability import BASE, DEFINITION, EXPORT, WORKFLOW, WORKFLOW_OUTPUT
from stigmer_plugin_workflow_runner.program.budget import compile_budget
from stigmer_plugin_workflow_runner.program.calls import CALLS
from stigmer_plugin_workflow_runner.program.calls._endpoint import Endpoint, compile_endpoint
from stigmer_plugin_workflow_runner.program.compensation import compile_compensation
from stigmer_plugin_workflow_runner.program.digests import digest_of, known_digest
from stigmer_plugin_workflow_runner.program.document import Document, Task
from stigmer_plugin_workflow_runner.program.durations import duration_hint, is_duration, parse_duration
from stigmer_plugin_workflow_runner.program.faults import TaskFault
from stigmer_plugin_workflow_runner.program.fetching import FetchedSchema, compile_any_schema
from stigmer_plugin_workflow_runner.program.heading import check_heading
from stigmer_plugin_workflow_runner.program.loose import strict_form
from stigmer_plugin_workflow_runner.program.plain import not_json
from stigmer_plugin_workflow_runner.program.reuse import compile_rest, compile_use
from stigmer_plugin_workflow_runner.program.root import Root
from stigmer_plugin_workflow_runner.program.schedules import compile_schedule
from stigmer_plugin_workflow_runner.program.tasks import BODIES
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
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.document import Directive
    from stigmer_plugin_workflow_runner.program.extending import Extension
    from stigmer_plugin_workflow_runner.program.schemas import Schema

CACHED = 256  # compiled documents; one of 50 tasks takes about 200 KB
DEEPEST = 40  # tasks inside tasks
MOST_PROBLEMS = 100  # of one document
MOST_HINTS = 20
MOST_KNOWN = 200  # names among which a misspelled one is looked for
MOST_TASKS = 2_500
LONGEST_MESSAGE = 500  # characters
LONGEST_WORD = 100  # characters of what is looked for among what is known
DIRECTIVES = ("continue", "exit", "end")

_TASK_KEYS = ("if", "input", "output", "export", "timeout", "then", "metadata")
_WORKFLOW_KEYS = ("document", "input", "use", "do", "timeout", "output", "schedule", "evaluate", "metadata")

_VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_KINDS = {str: "a text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}

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
    key = digest or known_digest(document)
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
        compiler = Compiler(strict_form(document))
        root = compiler.workflow()
        if compiler.problems:
            return cls(None, compiler.problems)
        listens = sorted(compiler.listens)
        return cls(Document(digest_of(document), document, compiler.tasks, compiler.lists, root, tuple(listens)), [])


@dataclass(frozen=True, slots=True)
class Place:
    """Where a task stands: its pointer, its definition, the variables of the loops around it, its list's names."""

    pointer: str
    name: str
    definition: dict[str, Json]
    variables: frozenset[str]
    siblings: Mapping[str, int]  # the tasks of the same list: their places in it by their names

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
    listens: frozenset[str] = frozenset()
    extensions: Sequence[tuple[frozenset[str], Extension]] = ()
    variables: frozenset[str] = frozenset()  # of all loops and handlers
    used: set[str] = field(default_factory=set)  # pointers of the definitions in `use` that something names
    calls: dict[str, set[str]] = field(default_factory=dict)  # the functions that a function calls
    within: str = ""  # the function that is compiled
    unusable: list[str] = field(default_factory=list)  # pointers of what should be an object and is not
    depth: int = 0
    count: int = 0  # tasks

    def problem(self, pointer: str, message: str, hint: str = "") -> None:
        """Note a problem."""
        if len(self.problems) >= MOST_PROBLEMS:
            return
        if any(pointer == other or pointer.startswith(f"{other}/") for other in self.unusable):
            return  # follows from what is wrong around it
        problem = Problem(pointer, _cut(message), _cut(hint))
        if problem not in self.problems:  # a definition may be named twice
            self.problems.append(problem)

    def meant(self, word: Json, known: Iterable[str]) -> str:
        """Return the hint that names what is written alike, if anything is; not for hundreds of problems."""
        if len(self.problems) > MOST_HINTS or len(str(word)) > LONGEST_WORD:
            return ""
        close = get_close_matches(str(word), list(islice(known, MOST_KNOWN)), n=1)
        return f"did you mean {close[0]!r}?" if close else ""

    # The workflow

    def workflow(self) -> Task:
        """Compile the document's root."""
        definition = self.definition
        self.keys(definition, _WORKFLOW_KEYS, "")
        check_heading(self)
        use = self.section(definition, "use", "")
        compile_use(self, use)
        if "schedule" in definition:
            compile_schedule(self, self.section(definition, "schedule", ""))
        self.task_list(definition.get("do"), "/do", frozenset())
        compile_rest(self, use)
        compile_budget(self)
        place = Place("", "", definition, frozenset(), {})
        root = Task(
            pointer="",
            name=str(self.section(definition, "document", "").get("name", "")),
            kind="workflow",
            body=Root("/do"),
            definition=definition,
            input_from=self._part(place, "input", "from", WORKFLOW),
            output_as=self._part(place, "output", "as", WORKFLOW_OUTPUT),
            input_schema=self._schema(place, "input"),
            output_schema=self._schema(place, "output"),
            timeout=self._timeout(place),
        )
        self.tasks[""] = root
        return root

    # Tasks

    def task_list(self, value: Json, pointer: str, variables: frozenset[str]) -> None:
        """Compile a list of tasks; it is found in `lists` by its pointer."""
        if not isinstance(value, list) or not value:
            self.problem(pointer, "expected a list with at least one task", "such as [{wait-a-second: {wait: PT1S}}]")
            return
        if self.depth >= DEEPEST:
            self.problem(pointer, f"tasks are nested more than {DEEPEST} deep")
            return
        self.count += len(value)
        if self.count > MOST_TASKS:
            self.problem(pointer, f"the workflow has more than {MOST_TASKS} tasks", "run parts of it as workflows")
            return
        named = [(at, *next(iter(item.items()))) for at, item in enumerate(value) if self._is_entry(item, at, pointer)]
        names: dict[str, int] = {}
        for index, (_, name, _) in enumerate(named):
            names.setdefault(name, index)
        self._unique(named, pointer)
        self.depth += 1
        self.variables |= variables
        self.lists[pointer] = tuple(
            self.task(Place(f"{pointer}/{at}/{escaped(name)}", name, definition, variables, names))
            for at, name, definition in named
        )
        self.depth -= 1

    def _is_entry(self, item: Json, at: int, pointer: str) -> bool:
        if not isinstance(item, dict) or len(item) != 1 or not isinstance(next(iter(item)), str):
            hint = "such as {wait-a-second: {wait: PT1S}}"
            self.problem(f"{pointer}/{at}", "expected one task, an object with its name as the only key", hint)
            return False
        name, definition = next(iter(item.items()))
        if not isinstance(definition, dict):
            where = f"{pointer}/{at}/{escaped(name)}"
            self.problem(where, f"the task {name!r} is not an object", "such as {wait: PT1S}")
            return False
        return True

    def _unique(self, named: Iterable[tuple[int, str, Json]], pointer: str) -> None:
        seen: set[str] = set()
        for at, name, _ in named:
            where = f"{pointer}/{at}/{escaped(name)}"
            if name in seen:
                self.problem(where, f"a task named {name!r} is in this list already", "rename it")
            if name in DIRECTIVES:
                self.problem(where, f"{name!r} is a flow directive and cannot name a task", "rename it")
            seen.add(name)

    def task(self, place: Place) -> Task:
        """Compile a task; it is found in `tasks` by its pointer."""
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
            input_schema=self._schema(place, "input"),
            output_schema=self._schema(place, "output"),
            export_schema=self._schema(place, "export"),
            extensions=[extension for kinds, extension in self.extensions if not kinds or kind in kinds],
            timeout=self._timeout(place),
            then=self.directive(definition.get("then", "continue"), place, place.at("then")),
        )
        self.section(definition, "metadata", place.pointer)
        self.tasks[place.pointer] = task
        compile_compensation(self, place)
        return task

    def _kind(self, place: Place) -> str:
        found = [key for key in place.definition if key in BODIES]
        if "for" in found and "do" in found:
            found.remove("do")
        if len(found) == 1:
            kind = found[0]
            self.keys(place.definition, (*BODIES[kind].KEYS, *_TASK_KEYS), place.pointer)
            return kind
        if found:
            does = " and ".join(map(repr, found))
            self.problem(place.pointer, f"a task does one thing, this one has {does}", f"make {len(found)} tasks of it")
        else:
            hints = [hint for key in place.definition if (hint := self.meant(key, BODIES))]
            self.problem(place.pointer, "the task does nothing", hints[0] if hints else f"one of {', '.join(BODIES)}")
        return ""

    def directive(self, value: Json, place: Place, pointer: str) -> Directive:
        """Return where a `then` goes."""
        if value in DIRECTIVES:
            return str(value)
        if isinstance(value, str) and value in place.siblings:
            return place.siblings[value]
        known = chain(DIRECTIVES, place.siblings)
        hint = self.meant(value, known) or "a target is a task of the same list, continue, exit or end"
        self.problem(pointer, f"there is no task {value!r} to go to", hint)
        return "continue"

    # Functions

    def is_protocol(self, name: str) -> bool:
        """Return whether `call` knows a name without a definition."""
        return name in CALLS

    def function(self, name: str, definition: dict[str, Json]) -> None:
        """Compile a function of the document."""
        self.within = name
        self.task(Place(f"/use/functions/{escaped(name)}", name, definition, frozenset(), {}))
        self.within = ""

    def called(self, name: str) -> None:
        """Note that a function is called by the one that is compiled."""
        if self.within:
            self.calls.setdefault(self.within, set()).add(name)

    def catalog(self, name: str, catalog: Json, visible: frozenset[str]) -> Endpoint:
        """Return where a catalog is."""
        pointer = f"/use/catalogs/{escaped(name)}"
        self.used.add(pointer)
        if not isinstance(catalog, dict):
            self.problem(pointer, "a catalog has an 'endpoint'")
            catalog = {"endpoint": "missing"}
        self.keys(catalog, ("endpoint",), pointer)
        return compile_endpoint(self, catalog.get("endpoint"), f"{pointer}/endpoint", visible)

    # Values

    def section(self, owner: dict[str, Json], key: str, pointer: str) -> dict[str, Json]:
        """Return an optional object of the document, empty when it is missing or no object."""
        value = owner.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            where = f"{pointer}/{escaped(key)}"
            self.problem(where, f"{key!r} is an object, not {kind_of(value)}")
            if len(self.unusable) < MOST_PROBLEMS:
                self.unusable.append(where)
            return {}
        return value

    def keys(self, value: dict[str, Json], known: Collection[str], pointer: str) -> None:
        """Note the keys that are not known."""
        for key in value:
            if key not in known:
                hint = self.meant(key, known) or f"known are {', '.join(known)}"
                self.problem(f"{pointer}/{escaped(str(key))}", f"unknown key {key!r}", hint)

    def named(self, section: str, name: str, pointer: str) -> Json:
        """Return a reusable definition of `use`, an empty object when there is none of that name."""
        use = self.definition.get("use")
        known = use.get(section) if isinstance(use, dict) else None
        known = known if isinstance(known, dict) else {}
        if name not in known:
            hint = self.meant(name, known) or (f"it has {', '.join(known)}" if known else "there are none")
            self.problem(pointer, f"'use.{section}' has no {name!r}", hint)
        return known.get(name, {})

    def reused(self, section: str, value: Json, pointer: str) -> tuple[Json, str]:
        """Return a definition with its pointer: the value itself, or what it names in `use`, None without that."""
        if not isinstance(value, str):
            return value, pointer
        where = f"/use/{section}/{escaped(value)}"
        self.used.add(where)
        return self.named(section, value, pointer) or None, where

    def value(self, value: Json, pointer: str, visible: Collection[str]) -> Template:
        """Return the template of a value that may hold `${ }`."""
        return from_value(
            value,
            lambda where, error: self._expression_problem(pointer + where, error),
            found=lambda where, template: self._visible(template, pointer + where, visible),
        )

    def expression(self, value: Json, pointer: str, visible: Collection[str]) -> Template:
        """Return the template of a field that is an expression, with or without `${ }`."""
        if isinstance(value, bool):
            return constant(value)
        if not isinstance(value, str):
            self.problem(pointer, f"expected an expression, not {kind_of(value)}", "such as '.count > 1'")
            return constant(None)
        try:
            template = from_expression(expression_text(value) or value)
        except UnsupportedExpressionError as error:
            self._expression_problem(pointer, error)
            return constant(None)
        return self._visible(template, pointer, visible)

    def variable(self, owner: dict[str, Json], key: str, usual: str, pointer: str) -> str:
        """Return the name of a variable that a loop or a handler defines."""
        name = owner.get(key, usual)
        if isinstance(name, str) and _VARIABLE.fullmatch(name):
            return name
        self.problem(f"{pointer}/{key}", f"{name!r} cannot name a variable", f"letters, digits and _, such as {usual}")
        return usual

    def duration(self, value: Json, pointer: str, visible: Collection[str]) -> Template:
        """Return the template of a duration; one without expressions is checked now."""
        template = self.value(value, pointer, visible)
        if template.is_constant and not any(problem.pointer.startswith(pointer) for problem in self.problems):
            try:
                parse_duration(value)
            except TaskFault as error:
                self.problem(pointer, str(error), duration_hint(value))
        return template

    def _visible(self, template: Template, pointer: str, visible: Collection[str]) -> Template:
        for name in sorted(template.variables - frozenset(visible)):
            hint = self.meant(name, visible) or f"there are {', '.join(f'${known}' for known in sorted(visible))}"
            self.problem(pointer, f"${name} is not defined here", hint)
        return template

    def _expression_problem(self, pointer: str, error: UnsupportedExpressionError) -> None:
        self.problem(pointer, f"the expression cannot be used: {error.message}", f"at character {error.position}")

    def _part(self, place: Place, key: str, part: str, visible: frozenset[str]) -> Template | None:
        section = self.section(place.definition, key, place.pointer)
        self.keys(section, ("schema", part), place.at(key))
        value = section.get(part)
        if value is None:
            return None
        if isinstance(value, str):
            return self.expression(value, place.at(key, part), visible)
        if not isinstance(value, (dict, list)):
            self.problem(place.at(key, part), f"expected an expression, or an object, not {kind_of(value)}")
        return self.value(value, place.at(key, part), visible)

    def _schema(self, place: Place, key: str) -> Schema | FetchedSchema | None:
        section = place.definition.get(key)
        if not isinstance(section, dict) or "schema" not in section:
            return None
        what, visible = "context" if key == "export" else key, BASE | place.variables if place.pointer else WORKFLOW
        return compile_any_schema(self, section["schema"], place.at(key, "schema"), what, visible)

    def _timeout(self, place: Place) -> Template | None:
        timeout, pointer = place.definition.get("timeout"), place.at("timeout")
        if isinstance(timeout, str) and is_duration(timeout):
            self.problem(pointer, "a timeout has a duration 'after'", f"write {{after: {timeout}}}")
            return None
        timeout, pointer = self.reused("timeouts", timeout, pointer)
        return None if timeout is None else self.timeout(timeout, pointer, place.variables)

    def timeout(self, timeout: Json, pointer: str, variables: frozenset[str]) -> Template | None:
        """Return the template of a timeout's duration."""
        if not isinstance(timeout, dict) or "after" not in timeout:
            self.problem(pointer, "a timeout has a duration 'after'", "such as {after: PT30S}")
            return None
        self.keys(timeout, ("after",), pointer)
        return self.duration(timeout["after"], f"{pointer}/after", DEFINITION | variables)


def kind_of(value: Json) -> str:
    """Return what a value is, for people."""
    return _KINDS.get(type(value), "nothing")


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_MESSAGE else f"{text[:LONGEST_MESSAGE]}…"
