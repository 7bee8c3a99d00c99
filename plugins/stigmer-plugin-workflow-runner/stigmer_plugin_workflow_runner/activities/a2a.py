"""The activity `a2a`: a method of another agent, by JSON-RPC over HTTP.

Source: Agent2Agent protocol 0.3, and the names that the card's parts have in 1.0.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from stigmer_plugin_workflow_runner.activities.failures import RUNTIME, failed, misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stigmer_core.program import ActivityContext, Json
    from stigmer_plugin_workflow_runner.activities.descriptions import Description, Descriptions
    from stigmer_plugin_workflow_runner.activities.http import HttpActivity

_STREAMS = ("message/stream", "tasks/resubscribe")
_MESSAGES = ("message/send", "message/stream")
_TOLD = 500  # characters of what the agent says of an error


class A2aActivity:
    """Finds out where the agent is, and sends it one request.

    Args:
        http: what sends.
        descriptions: what fetches cards, and keeps them for a while.
    """

    def __init__(self, http: HttpActivity, descriptions: Descriptions) -> None:
        self._http, self._descriptions = http, descriptions

    async def __call__(self, arguments: Json, context: ActivityContext) -> Json:
        """Return the result; the list of results of a method that streams them.

        Raises:
            ActivityError: the standard runtime error when the agent answers with one; the communication or
                configuration error, as `call: http` has them.
        """
        method, parameters = arguments["method"], arguments.get("parameters") or {}
        if not isinstance(parameters, dict):
            raise misconfigured("the parameters of the call are not an object")
        key = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{context.run_id}{context.command_key}"))
        server = arguments["server"] if "card" not in arguments else await self._server(arguments["card"])
        streams = method in _STREAMS
        request = {
            "method": "POST",
            "uri": server["uri"],
            "authentication": server.get("authentication"),
            "headers": {"Accept": "text/event-stream" if streams else "application/json"},
            "body": {"jsonrpc": "2.0", "id": key, "method": method, "params": _completed(method, parameters, key)},
        }
        content = await self._http(request, context)
        results = [_result(answer) for answer in _answers(content)]
        if not streams and len(results) != 1:
            raise failed(500, f"the agent gave {len(results)} answers to one request")
        return results if streams else results[0]

    async def _server(self, card: Json) -> dict[str, Json]:
        """Return the endpoint that a card names; the card's credentials are for its own origin only."""
        description = await self._descriptions.get(card)
        uri = urljoin(description.url, _url(description))
        is_same = urlsplit(uri)[:2] == urlsplit(card["uri"])[:2]
        return {"uri": uri, "authentication": card.get("authentication") if is_same else None}


def _url(card: Description) -> str:
    """Return where an agent speaks JSON-RPC.

    Raises:
        ActivityError: the standard configuration error: nowhere.
    """
    root = card.root
    if isinstance(root.get("url"), str) and root.get("preferredTransport", "JSONRPC") == "JSONRPC":
        return str(root["url"])
    for name, binding in (("supportedInterfaces", "protocolBinding"), ("additionalInterfaces", "transport")):
        listed = root.get(name)
        for entry in listed if isinstance(listed, list) else ():
            if isinstance(entry, dict) and entry.get(binding) == "JSONRPC" and isinstance(entry.get("url"), str):
                return str(entry["url"])
    raise misconfigured(f"{card.url} names no place where the agent speaks JSON-RPC")


def _completed(method: str, parameters: dict[str, Any], key: str) -> dict[str, Any]:
    """Return parameters with what a message has by default; its id is the same for a repeated call."""
    message = parameters.get("message")
    if method not in _MESSAGES or not isinstance(message, dict):
        return parameters
    return {**parameters, "message": {"kind": "message", "messageId": key, "role": "user", **message}}


def _answers(content: Json) -> Iterator[dict[str, Any]]:
    """Yield the messages of JSON-RPC in a body: one of JSON, or a stream of events.

    Raises:
        ActivityError: there are others.
    """
    if isinstance(content, dict):
        yield content
        return
    text = content.replace("\r\n", "\n").replace("\r", "\n") if isinstance(content, str) else ""
    for event in text.split("\n\n"):
        data = [line.partition(":")[2].removeprefix(" ") for line in event.split("\n") if line.startswith("data:")]
        if not data:
            continue
        try:
            answer = json.loads("\n".join(data))
        except (ValueError, RecursionError) as error:
            raise failed(500, f"the agent's answer is no JSON: {error}") from error
        if not isinstance(answer, dict):
            raise failed(500, "the agent's answer is no JSON-RPC")
        yield answer


def _result(answer: dict[str, Any]) -> Json:
    error = answer.get("error")
    if isinstance(error, dict):
        detail = f"the agent answered with error {error.get('code')}: {str(error.get('message'))[:_TOLD]}"
        raise failed(500, detail, kind=RUNTIME)
    if "result" not in answer:
        raise failed(500, "the agent's answer is no JSON-RPC")
    return answer["result"]
