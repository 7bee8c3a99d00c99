"""The activity `script`: a program in Python or JavaScript, from the arguments of a `run: script` task."""

from __future__ import annotations

import base64
import re
import shutil
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.activities.failures import misconfigured
from stigmer_plugin_workflow_runner.activities.interpreter import interpreter
from stigmer_plugin_workflow_runner.activities.process import Processes, Program, text

if TYPE_CHECKING:
    from stigmer_core.program import Activity, ActivityContext, Json

LARGEST = 1024 * 1024  # characters of a script
_MODULE = re.compile(r"^\s*(import\s+[\w*{'\"]|export\s)", re.MULTILINE)


class ScriptActivity:
    """Runs scripts.

    Args:
        processes: what runs them.
        http: the activity that gets a script from elsewhere.
    """

    def __init__(self, processes: Processes, http: Activity) -> None:
        self._processes = processes
        self._http = http

    async def __call__(self, arguments: Json, context: ActivityContext) -> Json:
        """Run the script.

        Raises:
            ActivityError: there is no such interpreter, the script cannot be had, or as `Processes.run_file` does.
        """
        code = text(arguments["code"]) if "code" in arguments else await self._fetched(arguments["source"], context)
        if len(code) > LARGEST:
            raise misconfigured(f"the script has more than {LARGEST} characters")
        language = arguments["language"]
        program = _python(code) if language == "python" else _javascript(code)
        return await self._processes.run_file(program, arguments, context)

    async def _fetched(self, source: Json, context: ActivityContext) -> str:
        body = await self._http({**source, "method": "GET", "output": "raw", "redirect": True}, context)
        try:
            return base64.b64decode(body).decode()
        except UnicodeDecodeError as error:
            raise misconfigured(f"the script at {source.get('shown', source['uri'])} is no text in UTF-8") from error


def _python(code: str) -> Program:
    """Return a program for this Python without the server's packages: the standard library is what a script has."""
    return Program([interpreter(), "-I", "-B"], "script.py", code)


def _javascript(code: str) -> Program:
    node = shutil.which("node")
    if node is None:
        raise misconfigured("a script in JavaScript needs node, which is not on the PATH of the server")
    return Program([node], "script.mjs" if _MODULE.search(code) else "script.cjs", code)
