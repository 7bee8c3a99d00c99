"""Messages of JSON-RPC, as the two ends of an MCP session send them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.activities.failures import RUNTIME, failed

if TYPE_CHECKING:
    from stigmer_core.program import Json

_TOLD = 500  # characters of what a server says of an error
_NO_SUCH_METHOD = -32601


def parsed(text: str | bytes) -> list[dict[str, Any]]:
    """Return the messages in a text: one, or those of a batch.

    Raises:
        ActivityError: there are others, as the standard communication error.
    """
    try:
        found = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise failed(500, f"the server's answer is no JSON: {error}") from error
    messages = found if isinstance(found, list) else [found]
    if not all(isinstance(message, dict) for message in messages):
        raise failed(500, "the server's answer is no JSON-RPC")
    return messages


def answers(message: dict[str, Any], request: dict[str, Any]) -> bool:
    """Return whether a message is the answer to a request; an error may come without an id."""
    is_answer = "method" not in message and ("result" in message or "error" in message)
    return is_answer and (message.get("id") == request.get("id") or ("error" in message and message.get("id") is None))


def reply_to(message: dict[str, Any]) -> dict[str, Any] | None:
    """Return what a server is told that asks something itself: all but a ping is declined; None for no question."""
    if "method" not in message or message.get("id") is None:
        return None
    heading = {"jsonrpc": "2.0", "id": message["id"]}
    if message["method"] == "ping":
        return {**heading, "result": {}}
    return {**heading, "error": {"code": _NO_SUCH_METHOD, "message": "not offered by this client"}}


def result_of(answer: dict[str, Any]) -> Json:
    """Return the result of an answer.

    Raises:
        ActivityError: the server answered with an error, as the standard runtime error.
    """
    error = answer.get("error")
    if error is not None:
        code, said = (error.get("code"), error.get("message")) if isinstance(error, dict) else ("", error)
        detail = f"the server answered with error {code}: {str(said)[:_TOLD]}"
        raise failed(500, detail, kind=RUNTIME)
    return answer["result"]


def _no_number(name: str) -> Json:
    raise ValueError(f"{name} is no value of JSON")
