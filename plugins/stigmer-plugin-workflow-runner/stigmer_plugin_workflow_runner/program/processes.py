"""`run: script`, `run: shell` and `run: container`: an activity runs the process, the task says what it puts out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_core.program import ActivityFailed
from stigmer_plugin_workflow_runner.program.availability import DEFINITION
from stigmer_plugin_workflow_runner.program.calls._resource import compile_resource
from stigmer_plugin_workflow_runner.program.faults import TaskFault, error_of, fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.calls._endpoint import Endpoint
    from stigmer_plugin_workflow_runner.program.compiler import Compiler, Place
    from stigmer_plugin_workflow_runner.program.document import Answer
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.templates import Template

LANGUAGES = {"python": "python", "javascript": "javascript", "js": "javascript"}
RETURNS = ("stdout", "stderr", "code", "all", "none")
PULL_POLICIES = ("ifNotPresent", "always", "never")
_COMMON = ("stdin", "arguments", "environment")
PROCESSES: Mapping[str, tuple[str, ...]] = {
    "container": ("image", "name", "command", "ports", "volumes", "lifetime", "pullPolicy", *_COMMON),
    "script": ("language", "code", "source", *_COMMON),
    "shell": ("command", *_COMMON),
}
_SHAPES = {"arguments": (list, "a list"), "environment": (dict, "an object"), "stdin": (str, "a text")}
_TOLD = 500  # characters of stderr in a fault


@dataclass(frozen=True, slots=True)
class Process:
    """The arguments of the activity, and which part of what the process left behind is the output."""

    activity: str
    arguments: Template
    returns: str
    awaits: bool
    source: Endpoint | None = None  # of a script that is somewhere else

    def begin(self, execution: Execution, frame_id: str) -> None:
        """Ask for the process."""
        arguments = execution.evaluate(self.arguments, frame_id)
        if self.source is not None:
            arguments = {**arguments, "source": self.source.evaluate(execution, frame_id)}
        execution.call(frame_id, self.activity, arguments)

    def answered(self, execution: Execution, frame_id: str, answer: Answer) -> None:
        """Complete with what the process left; with its input when nobody waits for it."""
        if isinstance(answer, ActivityFailed):
            raise TaskFault(error_of(answer.failure))
        result: dict[str, Json] = getattr(answer, "result", {})
        execution.change(frame_id)["sandbox"] = result["sandbox"]
        if not self.awaits:
            execution.complete(frame_id, execution.input(frame_id))
            return
        if result["code"] and self.returns not in ("code", "all"):
            told = result["stderr"].strip()[-_TOLD:]
            raise fault("runtime", f"the process ended with code {result['code']}" + (f": {told}" if told else ""))
        execution.complete(frame_id, _output(result, self.returns))


def _output(result: Mapping[str, Json], returns: str) -> Json:
    if returns == "all":
        return {name: result[name] for name in ("code", "stdout", "stderr")}
    return None if returns == "none" else result[returns]


def compile_process(compiler: Compiler, place: Place, section: dict[str, Json], kind: str) -> Process:
    """Compile a process of a `run` task."""
    process, pointer = compiler.section(section, kind, place.at("run")), place.at("run", kind)
    compiler.keys(process, PROCESSES[kind], pointer)
    for key, (shape, words) in _SHAPES.items():
        value = process.get(key)
        if value is not None and not isinstance(value, (shape, str)):
            compiler.problem(f"{pointer}/{key}", f"{key!r} is {words}, or an expression that makes one")
    returns = section.get("return", "stdout")
    if returns not in RETURNS:
        compiler.problem(place.at("run", "return"), f"unknown return {returns!r}", ", ".join(RETURNS))
    arguments = {**_COMPILERS[kind](compiler, process, pointer), "await": section.get("await") is not False}
    arguments |= {key: process[key] for key in _COMMON if process.get(key) is not None}
    visible = DEFINITION | place.variables
    return Process(
        activity=kind,
        arguments=compiler.value(arguments, pointer, visible),
        returns=str(returns),
        awaits=section.get("await") is not False,
        source=compile_resource(compiler, process, "source", pointer, visible) if kind == "script" else None,
    )


def _shell(compiler: Compiler, shell: dict[str, Json], pointer: str) -> dict[str, Json]:
    _text(compiler, shell, "command", pointer)
    return {"command": shell.get("command")}


def _script(compiler: Compiler, script: dict[str, Json], pointer: str) -> dict[str, Json]:
    language = script.get("language")
    if not isinstance(language, str) or language not in LANGUAGES:
        compiler.problem(f"{pointer}/language", f"unknown language {language!r}", "python or javascript")
    if ("code" in script) == ("source" in script):
        compiler.problem(pointer, "a script has either 'code' or 'source'")
    if "source" in script:
        return {"language": LANGUAGES.get(str(language))}
    _text(compiler, script, "code", pointer)
    return {"language": LANGUAGES.get(str(language)), "code": script.get("code")}


def _container(compiler: Compiler, container: dict[str, Json], pointer: str) -> dict[str, Json]:
    _text(compiler, container, "image", pointer)
    for key in ("ports", "volumes"):
        if container.get(key):
            compiler.problem(f"{pointer}/{key}", f"{key} of containers are not supported by this version")
    policy = container.get("pullPolicy", "ifNotPresent")
    if policy not in PULL_POLICIES:
        compiler.problem(f"{pointer}/pullPolicy", f"unknown pull policy {policy!r}", ", ".join(PULL_POLICIES))
    lifetime = compiler.section(container, "lifetime", pointer)
    compiler.keys(lifetime, ("cleanup", "after"), f"{pointer}/lifetime")
    if lifetime.get("cleanup", "always") not in ("always", "never"):
        message = f"the cleanup {lifetime['cleanup']!r} is not supported by this version"
        compiler.problem(f"{pointer}/lifetime/cleanup", message, "always or never")
    kept = {key: container[key] for key in ("image", "name", "command") if container.get(key) is not None}
    return {**kept, "pullPolicy": policy, "cleanup": lifetime.get("cleanup", "always")}


def _text(compiler: Compiler, section: dict[str, Json], key: str, pointer: str) -> None:
    if not isinstance(section.get(key), str) or not section[key]:
        compiler.problem(pointer, f"{key!r} is required and is a text")


_COMPILERS = {"container": _container, "script": _script, "shell": _shell}
