"""Requests for operations of OpenAPI documents: each parameter in its place."""

from __future__ import annotations

import json
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.activities.failures import misconfigured
from stigmer_plugin_workflow_runner.activities.parameters import written

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.activities.operations import Operation

_BODY = "body"  # the name of a body, for version 3 gives it none
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_JSON = "application/json"


def request_arguments(operation: Operation, values: Mapping[str, Json]) -> dict[str, Json]:
    """Return the arguments of the activity `http` that call an operation.

    Args:
        operation: what is called.
        values: the parameters by name. The body is the one of that name in version 2, or `body`, or an object of
            everything that names no other parameter.

    Raises:
        ActivityError: the standard configuration error: a value is missing, or nothing takes it.
    """
    request = _Request(operation, values)
    for parameter in operation.parameters():
        request.place(parameter)
    return request.arguments()


class _Request:
    """A request that is being made."""

    def __init__(self, operation: Operation, values: Mapping[str, Json]) -> None:
        self._operation, self._values = operation, values
        self._left = dict(values)  # what no parameter has taken yet
        self._uri = operation.url()
        self._query: list[str] = []
        self._cookies: list[str] = []
        self._headers: dict[str, str] = {}
        self._form: dict[str, Json] = {}
        self._body: Mapping[str, Any] | None = operation.body()
        self._body_name = _BODY

    def place(self, parameter: Mapping[str, Any]) -> None:
        """Put a parameter's value where it belongs."""
        name, where = str(parameter.get("name")), parameter.get("in")
        if where == "body":
            self._body, self._body_name = parameter, name
            return
        value = self._values.get(name)
        self._left.pop(name, None)
        if value is None:
            if parameter.get("required") or where == "path":
                raise misconfigured(f"the operation needs the parameter {name!r}")
        elif where == "formData":
            self._form[name] = value
        else:
            self._write(name, str(where), written(parameter, value))

    def _write(self, name: str, where: str, pairs: Sequence[tuple[str, str]]) -> None:
        match where:
            case "path":
                if pairs[0][1] in (".", ".."):  # they would lead to another operation
                    raise misconfigured(f"the parameter {name!r} is {pairs[0][1]!r}, which a path cannot hold")
                self._uri = self._uri.replace(f"{{{name}}}", pairs[0][1])
            case "query":
                self._query += [f"{key}={text}" for key, text in pairs]
            case "header":
                self._headers[name] = pairs[0][1]
            case "cookie":
                self._cookies += [f"{key}={text}" for key, text in pairs]

    def arguments(self) -> dict[str, Json]:
        """Return the arguments, when every parameter has its place."""
        body = self._content()
        if self._left:
            name, known = next(iter(self._left)), [str(entry.get("name")) for entry in self._operation.parameters()]
            close = get_close_matches(name, known, n=1)
            hint = f", did you mean {close[0]!r}?" if close else ""
            raise misconfigured(f"the operation has no parameter {name!r}{hint}")
        if self._cookies:
            self._headers["Cookie"] = "; ".join(self._cookies)
        if accepted := self._operation.produced():
            chosen = [kind for kind in accepted if _is_json(kind)][:1] or accepted
            self._headers.setdefault("Accept", ", ".join(chosen))
        uri = f"{self._uri}?{'&'.join(self._query)}" if self._query else self._uri
        return {"method": self._operation.method, "uri": uri, "headers": self._headers, "body": body}

    def _content(self) -> Json:
        """Return the body as the activity `http` takes it, and set its type."""
        kinds = self._operation.consumed()
        if self._form:
            kind = next((kind for kind in kinds if kind in _FORMS), _FORMS[0])
            self._headers["Content-Type"] = kind
            return self._form
        if self._body is None:
            return None
        value = self._left.pop(self._body_name if self._body_name in self._left else _BODY, None)
        if value is None and self._left:
            value, self._left = self._left, {}
        if value is None:
            if self._body.get("required"):
                raise misconfigured(f"the operation needs a body, as the parameter {self._body_name!r}")
            return None
        kind = _chosen(kinds)
        self._headers["Content-Type"] = kind
        if kind in _FORMS or (isinstance(value, str) and not _is_json(kind)):
            return value
        return json.dumps(value)


def _chosen(kinds: Sequence[str]) -> str:
    """Return the type of a body: JSON when it may be, else a form, else what comes first."""
    found = [kind for kind in kinds if _is_json(kind)] or [kind for kind in kinds if kind in _FORMS] or list(kinds)
    return found[0] if found and "*" not in found[0] else _JSON


def _is_json(kind: str) -> bool:
    return kind.partition(";")[0].strip().lower().endswith(("/json", "+json"))
