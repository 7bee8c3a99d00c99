"""Descriptions of APIs: documents of OpenAPI and AsyncAPI, fetched, read, and kept for a while."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from stigmer_plugin_workflow_runner.activities.failures import misconfigured

if TYPE_CHECKING:
    from collections.abc import Callable

    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.activities.http import HttpActivity

KEPT = 32  # documents
KEPT_SECONDS = 300.0
LARGEST = 5 * 1024 * 1024  # bytes of a document; reading YAML of this size takes seconds, in a thread of its own
_MOST_REFERENCES = 32  # from one to the next


@dataclass(frozen=True, slots=True)
class Description:
    """A document, and the URL it came from, to which relative URLs in it refer."""

    url: str
    root: dict[str, Any]
    shown: str = ""  # the URL in errors, where it holds a secret

    @property
    def name(self) -> str:
        """What errors call the document."""
        return self.shown or self.url

    def resolved(self, value: Json) -> dict[str, Any]:
        """Return an object, or what its `$ref` refers to; empty for anything else.

        Raises:
            ActivityError: the standard configuration error: the reference leads out of the document, or nowhere.
        """
        for _ in range(_MOST_REFERENCES):
            if not isinstance(value, dict):
                return {}
            reference = value.get("$ref")
            if not isinstance(reference, str):
                return value
            value = self._at(reference)
        raise misconfigured(f"a reference of {self.name} leads round in a circle")

    def _at(self, reference: str) -> Json:
        if reference != "#" and not reference.startswith("#/"):
            raise misconfigured(f"{reference!r} refers to another document than {self.name}, which is not read")
        value: Any = self.root
        for token in reference.split("/")[1:]:
            key = unquote(token).replace("~1", "/").replace("~0", "~")
            if isinstance(value, list) and key.isdecimal() and int(key) < len(value):
                value = value[int(key)]
            elif isinstance(value, dict) and key in value:
                value = value[key]
            else:
                raise misconfigured(f"{reference!r} refers to nothing in {self.name}")
        return value


class Descriptions:
    """Fetches documents; one that was fetched a moment ago is not fetched again.

    Args:
        http: what fetches.
        clock: seconds that only go up.
    """

    def __init__(self, http: HttpActivity, clock: Callable[[], float] = time.monotonic) -> None:
        self._http, self._clock = http, clock
        self._kept: OrderedDict[str, tuple[float, Description]] = OrderedDict()

    async def get(self, endpoint: Json) -> Description:
        """Return the document of an endpoint: who asks with other credentials, asks anew.

        Raises:
            ActivityError: the standard communication error, or the configuration error: it is no such document.
        """
        key = hashlib.sha256(json.dumps(endpoint, sort_keys=True).encode()).hexdigest()
        until, kept = self._kept.get(key, (0.0, None))
        if kept is not None and self._clock() < until:
            return kept
        url, body = await self._http.fetch(endpoint, largest=LARGEST)
        shown = str(endpoint.get("shown", ""))
        description = Description(url, await asyncio.to_thread(_read, shown or url, body), shown)
        self._kept.pop(key, None)
        self._kept[key] = (self._clock() + KEPT_SECONDS, description)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return description


def _read(url: str, body: bytes) -> dict[str, Any]:
    """Return a document in JSON or YAML."""
    import yaml  # noqa: PLC0415 - only for those who call what is described

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        try:
            root = json.loads(body)
        except ValueError:
            root = yaml.load(body, Loader=loader)  # noqa: S506 - a safe loader, ten times as fast
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise misconfigured(f"{url} is neither JSON nor YAML: {error}") from error
    if not isinstance(root, dict):
        raise misconfigured(f"{url} is no description of an API")
    return root
