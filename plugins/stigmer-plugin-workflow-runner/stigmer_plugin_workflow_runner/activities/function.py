"""The activities `function` and `schema`: the definition of one, from a catalog or wherever a URL leads."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.activities.failures import misconfigured
from stigmer_plugin_workflow_runner.program.secrets import hidden

if TYPE_CHECKING:
    from collections.abc import Callable

    from stigmer_core.program import ActivityContext, Json
    from stigmer_plugin_workflow_runner.activities.http import HttpActivity

KEPT = 64  # definitions
KEPT_SECONDS = 300.0
LARGEST = 256 * 1024  # bytes of a definition: it becomes a part of the run's journal


class FunctionActivity:
    """Fetches definitions; one that was fetched a moment ago is not fetched again.

    Args:
        http: what fetches.
        clock: seconds that only go up.
        what: what is defined.
    """

    def __init__(
        self, http: HttpActivity, clock: Callable[[], float] = time.monotonic, *, what: str = "function"
    ) -> None:
        self._http, self._clock, self._what = http, clock, what
        self._kept: OrderedDict[str, tuple[float, Json]] = OrderedDict()

    async def __call__(self, arguments: Json, context: ActivityContext) -> Json:  # noqa: ARG002 - as every activity
        """Return the definition of an endpoint: who asks with other credentials, asks anew.

        Raises:
            ActivityError: the standard communication error, or the configuration error: it is no definition.
        """
        key = hashlib.sha256(json.dumps(arguments, sort_keys=True).encode()).hexdigest()
        until, kept = self._kept.get(key, (0.0, None))
        if kept is not None and self._clock() < until:
            return kept
        url, body = await self._http.fetch(arguments, largest=LARGEST)
        definition = await asyncio.to_thread(_read, str(arguments.get("shown") or url), body, self._what)
        self._kept.pop(key, None)
        self._kept[key] = (self._clock() + KEPT_SECONDS, definition)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return definition


def _read(url: str, body: bytes, what: str) -> Json:
    """Return a definition, without the marks of secrets that somebody may have put into it."""
    from stigmer_core.cli.yaml_nodes import YamlError, yaml_documents  # noqa: PLC0415 - only for those who fetch

    try:
        documents = list(yaml_documents(body.decode()))
    except (YamlError, ValueError) as error:
        place = f" at line {error.line}, column {error.column}" if isinstance(error, YamlError) else ""
        raise misconfigured(f"{url} is no {what}: {error}{place}") from error
    meaning = ", which is a task" if what == "function" else ""
    if len(documents) != 1 or not isinstance(documents[0].value, dict):
        raise misconfigured(f"{url} is no {what}: expected one object{meaning}")
    return hidden(documents[0].value)
