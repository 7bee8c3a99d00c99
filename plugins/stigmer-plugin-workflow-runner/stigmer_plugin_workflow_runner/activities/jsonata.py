"""The activity `jsonata`: one expression of JSONata, evaluated in a process of its own inside the sandbox.

An expression may loop for ever, or take all the memory there is: the process has limits, and is killed with the task.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.activities.failures import EXPRESSION, failed, misconfigured
from stigmer_plugin_workflow_runner.activities.interpreter import interpreter
from stigmer_plugin_workflow_runner.activities.process import Program

if TYPE_CHECKING:
    from stigmer_core.program import ActivityContext, ActivityError, Json
    from stigmer_plugin_workflow_runner.activities.process import Processes

SECONDS = 10  # of processor
_PROGRAM = Path(__file__).with_name("jsonata_process.py")
INSTALL = "pip install 'stigmer-plugin-workflow-runner[jsonata]'"


def library() -> Path | None:
    """Return the directory of the library, None when it is not installed."""
    found = importlib.util.find_spec("jsonata")
    return Path(found.origin).parent if found is not None and found.origin else None


class JsonataActivity:
    """Evaluates expressions.

    Args:
        processes: what runs the processes.
        seconds: of processor that an expression may take.
    """

    def __init__(self, processes: Processes, *, seconds: int = SECONDS) -> None:
        self._processes = processes
        self._seconds = seconds

    async def __call__(self, arguments: Json, context: ActivityContext) -> Json:
        """Return the `value` of an expression; one without a value is null.

        Raises:
            ActivityError: the library or the sandbox is not there, as the standard configuration error; the
                expression fails, as the standard expression error.
        """
        directory = library()
        if directory is None:
            raise misconfigured(f"JSONata is not installed here: {INSTALL}")
        program = Program(
            [interpreter(), "-I", "-B"], "expression.py", _PROGRAM.read_text(encoding="utf-8"), (directory,)
        )
        asked = {"arguments": [str(directory), str(self._seconds)], "stdin": json.dumps(arguments)}
        left = await self._processes.run_file(program, asked, context)
        try:
            answer: dict[str, Json] = json.loads(left["stdout"])
        except ValueError as error:
            detail = f"the expression took more than {self._seconds} s of processor, or too much memory"
            raise _failed(detail) from error
        if "error" in answer:
            raise _failed(str(answer["error"]))
        return answer


def _failed(detail: str) -> ActivityError:
    return failed(400, detail, kind=EXPRESSION)
