"""The activity `shell`: a command of the shell, from the arguments of a `run: shell` task."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.activities.process import Processes, Program, text

if TYPE_CHECKING:
    from stigmer_core.program import ActivityContext, Json

_REFERS = re.compile(r"\$\{?[1-9@*#]")  # to the arguments


class ShellActivity:
    """Runs commands with `sh`, which reads them from a file: the list of processes shows no secret in them."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes

    async def __call__(self, arguments: Json, context: ActivityContext) -> Json:
        """Run the command; its arguments follow it, unless it refers to them itself (`$1`, `$@`).

        Raises:
            ActivityError: as `Processes.run_file` does.
        """
        command = text(arguments["command"]).rstrip("\n")
        if arguments.get("arguments") and not _REFERS.search(command):
            command += ' "$@"'
        return await self._processes.run_file(Program(["sh"], "command.sh", f"{command}\n"), arguments, context)
