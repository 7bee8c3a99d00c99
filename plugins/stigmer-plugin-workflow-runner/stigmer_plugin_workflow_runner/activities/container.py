"""The activity `container`: an image run by docker or podman, from the arguments of a `run: container` task."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.activities.failures import misconfigured
from stigmer_plugin_workflow_runner.activities.process import (
    Left,
    Processes,
    argument_list,
    environment,
    run_process,
    text,
    workplace,
)
from stigmer_plugin_workflow_runner.activities.sandbox import succeeds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stigmer_core.program import ActivityContext, Json

ENGINES = ("docker", "podman")
_PULL = {"ifNotPresent": "missing", "always": "always", "never": "never"}
_LIMITS = ("--memory=2g", "--pids-limit=1024", "--security-opt=no-new-privileges")
_CLIENT = ("PATH", "HOME", "LANG", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "XDG_RUNTIME_DIR")


class ContainerActivity:
    """Runs containers, each with a name of its own, by which it is removed when the task is stopped.

    Args:
        processes: what tells how a process ended.
        network: whether containers may use the network.
    """

    def __init__(self, processes: Processes, *, network: bool = False) -> None:
        self._processes = processes
        self._network = network
        self._engine = ""

    async def __call__(self, arguments: Json, context: ActivityContext) -> Json:
        """Run the container.

        Raises:
            ActivityError: neither docker nor podman works here, or the process writes more than it may.
        """
        engine = await self._usable()
        name = text(arguments.get("name")) or _name(context)
        argv = [engine, *self._options(arguments, name), _image(arguments), *_command(arguments)]
        stdin = None if arguments.get("stdin") is None else text(arguments["stdin"])
        env = _client() | {key: value for key, value in _given(arguments).items() if key not in _CLIENT}

        async def run() -> Left:
            if context.attempt > 1:  # the server was gone; the first one may be running
                await succeeds([engine, "rm", "--force", name], _client())
            async with workplace() as (_, work):
                try:
                    return await run_process(argv, env=env, cwd=work, stdin=stdin)
                except BaseException:  # stopped: the client is gone, the container is not
                    await asyncio.shield(succeeds([engine, "rm", "--force", name], _client()))
                    raise

        return await self._processes.answer(run, arguments, context, f"container:{Path(engine).name}")

    def _options(self, arguments: Json, name: str) -> list[str]:
        options = ["run", f"--name={name}", f"--pull={_PULL[arguments['pullPolicy']]}", *_LIMITS]
        options += [] if arguments["cleanup"] == "never" else ["--rm"]
        options += [] if self._network else ["--network=none"]
        options += [] if arguments.get("stdin") is None else ["--interactive"]
        for key, value in _given(arguments).items():  # by name only, for the list of processes shows arguments
            options += ["--env", f"{key}={value}" if key in _CLIENT else key]
        return options

    async def _usable(self) -> str:
        if not self._engine:
            found = [path for path in map(shutil.which, ENGINES) if path is not None]
            for path in found:
                if await succeeds([path, "info"], _client()):
                    self._engine = path
                    return path
            what = f"{' and '.join(found)} cannot reach an engine" if found else "docker and podman are not on the PATH"
            raise misconfigured(f"a container needs docker or podman: {what} of the server")
        return self._engine


def _name(context: ActivityContext) -> str:
    """Return the name of the task's container, the same for each attempt."""
    digest = hashlib.sha256(f"{context.run_id}\n{context.command_key}".encode()).hexdigest()
    return f"stigmer-{digest[:16]}"


def _image(arguments: Json) -> str:
    image = text(arguments["image"])
    if not image or image.startswith("-"):
        raise misconfigured(f"{image!r} cannot name an image")
    return image


def _command(arguments: Json) -> list[str]:
    try:
        return [*shlex.split(text(arguments.get("command"))), *argument_list(arguments.get("arguments"))]
    except ValueError as error:
        raise misconfigured(f"the container's command cannot be read: {error}") from error


def _given(arguments: Json) -> Mapping[str, str]:
    given = arguments.get("environment") or {}
    everything = environment(given, Path())
    return {key: everything[key] for key in given}


def _client() -> dict[str, str]:
    return {name: os.environ[name] for name in _CLIENT if name in os.environ}
