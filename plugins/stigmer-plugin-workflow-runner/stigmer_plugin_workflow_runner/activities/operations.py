"""Operations of OpenAPI documents: where each is, what it takes, and where the servers are.

Source: OpenAPI 2.0 (Swagger), 3.0 and 3.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from stigmer_core.program import ActivityError
from stigmer_plugin_workflow_runner.activities.failures import misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.activities.descriptions import Description

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_VARIABLE = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation; `parameters` by name, of the operation itself before those of its path."""

    description: Description
    method: str
    path: str
    item: Mapping[str, Any]
    definition: Mapping[str, Any]

    @property
    def is_swagger(self) -> bool:
        """Whether the document is of version 2."""
        return "swagger" in self.description.root

    def url(self) -> str:
        """Return the URL, without its parameters.

        Raises:
            ActivityError: the standard configuration error: there is no server that speaks HTTP.
        """
        base = self._swagger_base() if self.is_swagger else self._server()
        if urlsplit(base).scheme not in ("http", "https"):
            raise misconfigured(f"{self.description.name} names no server that speaks HTTP: {base!r}")
        return f"{base.rstrip('/')}/{self.path.lstrip('/')}"

    def parameters(self) -> Sequence[dict[str, Any]]:
        """Return the parameters, and the keys that the operation's security asks for."""
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for listed in (self.item.get("parameters"), self.definition.get("parameters")):
            for entry in listed if isinstance(listed, list) else ():
                parameter = self.description.resolved(entry)
                if {"name", "in"} <= parameter.keys():
                    found[str(parameter["name"]), str(parameter["in"])] = parameter
        for key in self._keys():
            found.setdefault((str(key["name"]), str(key["in"])), {"name": key["name"], "in": key["in"]})
        return list(found.values())

    def body(self) -> Mapping[str, Any] | None:
        """Return the body of version 3; None where there is none, and in version 2, where a parameter is the body."""
        return self.description.resolved(self.definition.get("requestBody")) or None

    def consumed(self) -> Sequence[str]:
        """Return the media types that the body may have."""
        if self.is_swagger:
            return _texts(self.definition.get("consumes", self.description.root.get("consumes")))
        return _texts((self.body() or {}).get("content"))

    def produced(self) -> Sequence[str]:
        """Return the media types that a good response may have."""
        if self.is_swagger:
            return _texts(self.definition.get("produces", self.description.root.get("produces")))
        responses = self.description.resolved(self.definition.get("responses"))
        good = [self.description.resolved(entry) for code, entry in responses.items() if str(code).startswith("2")]
        return list(dict.fromkeys(kind for response in good for kind in _texts(response.get("content"))))

    def _keys(self) -> Iterator[dict[str, Any]]:
        root, resolved = self.description.root, self.description.resolved
        schemes = root.get("securityDefinitions") or resolved(root.get("components")).get("securitySchemes")
        wanted = self.definition.get("security", root.get("security"))
        for requirement in wanted if isinstance(wanted, list) else ():
            for name in requirement if isinstance(requirement, dict) else ():
                scheme = resolved(resolved(schemes).get(name))
                if scheme.get("type") == "apiKey" and {"name", "in"} <= scheme.keys():
                    yield scheme

    def _swagger_base(self) -> str:
        root, own = self.description.root, urlsplit(self.description.url)
        schemes = root.get("schemes")
        offered = [scheme for scheme in ("https", "http") if isinstance(schemes, list) and scheme in schemes]
        scheme = offered[0] if offered else own.scheme
        return f"{scheme}://{root.get('host') or own.netloc}/{str(root.get('basePath') or '').strip('/')}"

    def _server(self) -> str:
        for owner in (self.definition, self.item, self.description.root):
            servers = owner.get("servers")
            if isinstance(servers, list) and servers:
                server = self.description.resolved(servers[0])
                return urljoin(self.description.url, expanded(str(server.get("url", "/")), server.get("variables")))
        return urljoin(self.description.url, "/")


def _paths(description: Description) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the paths with their items; those of another document are not known here."""
    for path, entry in description.resolved(description.root.get("paths")).items():
        try:
            yield str(path), description.resolved(entry)
        except ActivityError:
            continue


def _texts(value: Json) -> list[str]:
    return [str(item) for item in value] if isinstance(value, (list, dict)) else []


def expanded(url: str, variables: Json, values: Mapping[str, Json] | None = None) -> str:
    """Return a server's URL with values, or the defaults, in the place of its variables.

    Raises:
        ActivityError: the standard configuration error: a variable has no value.
    """

    def replace(match: re.Match[str]) -> str:
        name = match.group(1)
        variable = variables.get(name) if isinstance(variables, dict) else None
        default = variable.get("default") if isinstance(variable, dict) else None
        value = (values or {}).get(name, default)
        if value is None:
            raise misconfigured(f"the server {url!r} has a variable {name!r} without a value")
        return str(value)

    return _VARIABLE.sub(replace, url)


def operation_of(description: Description, operation_id: Json) -> Operation:
    """Return an operation.

    Raises:
        ActivityError: the standard configuration error: there is none of that id.
    """
    known: list[str] = []
    if not {"swagger", "openapi"} & description.root.keys():
        raise misconfigured(f"{description.name} is no OpenAPI document")
    for path, item in _paths(description):
        for method in _METHODS:
            definition = item.get(method)
            if isinstance(definition, dict) and "operationId" in definition:
                if definition["operationId"] == operation_id:
                    return Operation(description, method.upper(), path, item, definition)
                known.append(str(definition["operationId"]))
    close = get_close_matches(str(operation_id), known, n=1)
    hint = f", did you mean {close[0]!r}?" if close else ""
    raise misconfigured(f"{description.name} has no operation {operation_id!r}{hint}")
