"""The activity `asyncapi`: a message to a channel of an API that AsyncAPI describes; over HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.activities.failures import misconfigured

if TYPE_CHECKING:
    from stigmer_core.program import ActivityContext, Json
    from stigmer_plugin_workflow_runner.activities.descriptions import Descriptions
    from stigmer_plugin_workflow_runner.activities.http import HttpActivity


class AsyncApiActivity:
    """Finds the channel and its server, and has the message sent."""

    def __init__(self, http: HttpActivity, descriptions: Descriptions) -> None:
        self._http, self._descriptions = http, descriptions

    async def __call__(self, arguments: Json, context: ActivityContext) -> Json:
        """Send the message and return the content of the response.

        Raises:
            ActivityError: the standard communication error, with the response's status when there is one; the
                standard configuration error when there is no such channel, or no server that speaks HTTP.
        """
        from stigmer_plugin_workflow_runner.activities.channels import channel_of, server_url  # noqa: PLC0415 - httpx

        headers, payload = arguments.get("headers") or {}, arguments.get("payload")
        if not isinstance(headers, dict):
            raise misconfigured("the headers of the message are not an object")
        description = await self._descriptions.get(arguments["document"])
        channel = channel_of(description, arguments)
        server = server_url(description, channel, arguments)
        request = {
            "method": channel.method,
            "uri": f"{server.rstrip('/')}/{channel.address(headers, payload).lstrip('/')}",
            "headers": {"Content-Type": channel.content_type, **headers},
            "body": payload if payload is None or channel.takes(payload) else json.dumps(payload),
        }
        kept = {key: arguments[key] for key in ("authentication", "secret") if key in arguments}
        return await self._http({**kept, **request}, context)
