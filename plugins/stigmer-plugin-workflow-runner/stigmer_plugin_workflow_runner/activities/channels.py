"""Channels of AsyncAPI documents, and the servers they are on.

Source: AsyncAPI 2.6 and 3.0, and their HTTP binding. Whether the document is written from the side of the one who sends
or of the one who receives is not looked at: the workflow sends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from stigmer_plugin_workflow_runner.activities.authentication import text_of
from stigmer_plugin_workflow_runner.activities.failures import misconfigured
from stigmer_plugin_workflow_runner.activities.operations import expanded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.activities.descriptions import Description

_VARIABLE = re.compile(r"\{([^{}]+)\}")
_LOCATION = re.compile(r"\$message\.(header|payload)#(/.*)?")
_HTTP = ("http", "https")
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Channel:
    """Where messages go: an address with `{parameters}`, a method of HTTP, a media type."""

    template: str
    parameters: Mapping[str, Any]
    servers: Sequence[str]  # the names of those it is on; none for all
    method: str
    content_type: str

    def address(self, headers: Mapping[str, Json], payload: Json) -> str:
        """Return the address of a message.

        Raises:
            ActivityError: the standard configuration error: a parameter has no value.
        """

        def replace(match: re.Match[str]) -> str:
            parameter = self.parameters.get(match.group(1), {})
            value = _located(str(parameter.get("location", "")), {"header": headers, "payload": payload})
            value = parameter.get("default", (parameter.get("schema") or {}).get("default")) if value is None else value
            if value is None or value in (".", ".."):
                raise misconfigured(f"the channel's parameter {match.group(1)!r} has no value it can have")
            return quote(text_of(value), safe="")

        return _VARIABLE.sub(replace, self.template)

    def takes(self, payload: Json) -> bool:
        """Return whether the activity `http` makes the right body of a payload: of a text, or a form."""
        is_json = self.content_type.partition(";")[0].strip().lower().endswith(("/json", "+json"))
        return not is_json and (isinstance(payload, str) or self.content_type.startswith(_FORM))


def channel_of(description: Description, arguments: Json) -> Channel:
    """Return the channel that a call names, or the one its operation is for.

    Raises:
        ActivityError: the standard configuration error: there is none.
    """
    root = description.root
    if "asyncapi" not in root:
        raise misconfigured(f"{description.name} is no AsyncAPI document")
    is_third = str(root["asyncapi"]).startswith("3")
    found = _third(description, arguments) if is_third else _second(description, arguments)
    name, channel, operation, messages = found
    bindings = description.resolved(description.resolved(operation.get("bindings")).get("http"))
    named = next((message["contentType"] for message in messages if "contentType" in message), None)
    parameters = description.resolved(channel.get("parameters"))
    servers = channel.get("servers") or []
    return Channel(
        template=str(channel.get("address") or name) if is_third else name,
        parameters={key: description.resolved(value) for key, value in parameters.items()},
        servers=[_last(server) for server in servers],
        method=str(bindings.get("method", "POST")).upper(),
        content_type=str(named or root.get("defaultContentType") or "application/json"),
    )


def server_url(description: Description, channel: Channel, arguments: Json) -> str:
    """Return the URL of the server that a call names, or of the first that speaks HTTP.

    Raises:
        ActivityError: the standard configuration error: there is no such server.
    """
    wanted, protocol = arguments.get("server") or {}, arguments.get("protocol")
    known = description.resolved(description.root.get("servers"))
    if "name" in wanted and wanted["name"] not in known:
        raise _unknown(description, "server", wanted["name"], known)
    names = [wanted["name"]] if "name" in wanted else channel.servers or list(known)
    spoken: list[str] = []
    for name in names:
        server = description.resolved(known.get(name))
        spoken.append(str(server.get("protocol", "")))
        if spoken[-1] in _HTTP and protocol in (None, spoken[-1]):
            return expanded(_url(server, spoken[-1]), server.get("variables"), wanted.get("variables"))
    told = ", ".join(dict.fromkeys(spoken)) or "nothing"
    raise misconfigured(f"no server of {description.name} speaks {protocol or 'http'}: this version calls no {told}")


def _url(server: Mapping[str, Any], protocol: str) -> str:
    if "host" in server:  # version 3
        return f"{protocol}://{server['host']}/{str(server.get('pathname', '')).strip('/')}"
    url = str(server.get("url", ""))
    return url if "://" in url else f"{protocol}://{url.lstrip('/')}"


def _third(description: Description, arguments: Json) -> tuple[str, dict[str, Any], dict[str, Any], list[Any]]:
    known = description.resolved(description.root.get("operations"))
    name = _last(arguments.get("operation") or "")
    if name not in known:
        raise _unknown(description, "operation", name, known)
    operation = description.resolved(known[name])
    channel = description.resolved(operation.get("channel"))
    messages = operation.get("messages") or list(description.resolved(channel.get("messages")).values())
    key = _last(operation.get("channel") or "")
    return key, channel, operation, [description.resolved(message) for message in messages]


def _second(description: Description, arguments: Json) -> tuple[str, dict[str, Any], dict[str, Any], list[Any]]:
    channels = description.resolved(description.root.get("channels"))
    wanted, names = arguments.get("channel"), list(channels)
    if wanted is not None and wanted not in channels:
        raise _unknown(description, "channel", wanted, names)
    known: list[str] = []
    for name in names if wanted is None else [wanted]:
        channel = description.resolved(channels[name])
        for operation in _operations(description, channel):
            known.append(str(operation.get("operationId")))
            if arguments.get("operation") in (None, operation.get("operationId")):
                message = description.resolved(operation.get("message"))
                one_of = message.get("oneOf")
                listed = one_of if isinstance(one_of, list) else [message]
                return name, channel, operation, [description.resolved(entry) for entry in listed]
    raise _unknown(description, "operation", arguments.get("operation"), known)


def _operations(description: Description, channel: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for kind in ("publish", "subscribe"):
        if kind in channel:
            yield description.resolved(channel[kind])


def _last(reference: Json) -> str:
    """Return the name at the end of a reference, or a name as it is."""
    text = str(reference.get("$ref", "") if isinstance(reference, dict) else reference)
    return text.rpartition("/")[2].replace("~1", "/").replace("~0", "~")


def _located(location: str, message: Mapping[str, Json]) -> Json:
    """Return what a runtime expression of AsyncAPI finds in a message."""
    match = _LOCATION.fullmatch(location)
    value = message.get(match.group(1)) if match else None
    for token in (match.group(2) or "").split("/")[1:] if match else ():
        value = value.get(token.replace("~1", "/").replace("~0", "~")) if isinstance(value, dict) else None
    return value


def _unknown(description: Description, kind: str, name: Json, known: Mapping[str, Any] | Sequence[str]) -> Exception:
    close = get_close_matches(str(name), list(known), n=1)
    hint = f", did you mean {close[0]!r}?" if close else ""
    return misconfigured(f"{description.name} has no {kind} {name!r}{hint}")
