"""The activity `openapi`: an operation of an API, called as its description says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.activities.failures import misconfigured

if TYPE_CHECKING:
    from stigmer_core.program import ActivityContext, Json
    from stigmer_plugin_workflow_runner.activities.descriptions import Descriptions
    from stigmer_plugin_workflow_runner.activities.http import HttpActivity


class OpenApiActivity:
    """Finds the operation, makes a request of its parameters, and has it sent."""

    def __init__(self, http: HttpActivity, descriptions: Descriptions) -> None:
        self._http, self._descriptions = http, descriptions

    async def __call__(self, arguments: Json, context: ActivityContext) -> Json:
        """Call the operation and return its response, as `content`, `response` or `raw`.

        Raises:
            ActivityError: the standard communication error, with the response's status when there is one; the
                standard configuration error when the operation is not there or does not take the parameters.
        """
        # As the parts that know httpx, these are for those who call
        from stigmer_plugin_workflow_runner.activities.calling import request_arguments  # noqa: PLC0415
        from stigmer_plugin_workflow_runner.activities.operations import operation_of  # noqa: PLC0415

        parameters = arguments.get("parameters") or {}
        if not isinstance(parameters, dict):
            raise misconfigured("the parameters of the call are not an object")
        description = await self._descriptions.get(arguments["document"])
        operation = operation_of(description, arguments["operationId"])
        request = request_arguments(operation, parameters)
        kept = {key: arguments[key] for key in ("output", "redirect", "authentication", "secret") if key in arguments}
        return await self._http({**kept, **request}, context)
