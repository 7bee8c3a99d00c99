"""The activity `deliver`: sends a payload to webhooks and, as a signal, to other runs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.activities.rpc import Rpc, refused

if TYPE_CHECKING:
    from stigmer_core.program import Activity, ActivityContext, Json
    from stigmer_plugin_workflow_runner.wiring import Wiring


class Deliver:
    """Delivers in order, each receiver under a key of its own; a repeated call delivers to all of them again."""

    def __init__(self, wiring: Wiring, http: Activity) -> None:
        self._http = http
        self._runs = Rpc(wiring, "WorkflowExecution", "stigmer-plugin-workflow")

    async def __call__(self, arguments: Json, context: ActivityContext) -> Json:
        """Deliver to every target, and return how many there were.

        Raises:
            ActivityError: the standard error of the first that could not be reached.
        """
        for index, target in enumerate(arguments["targets"]):
            own = replace(context, command_key=f"{context.command_key}?to{index}")
            if "webhook" in target:
                await self._post(target["webhook"], arguments["shown"][index], arguments, own)
            else:
                await self._signal(target["signal"], arguments["payload"], own)
        return {"delivered": len(arguments["targets"])}

    async def _post(self, webhook: Json, shown: str, arguments: Json, context: ActivityContext) -> None:
        headers = {**webhook.get("headers", {}), "Content-Type": arguments["contentType"]}
        request = {"method": "POST", "uri": webhook["uri"], "headers": headers, "body": arguments["payload"]}
        await self._http({**request, "shown": shown, "output": "raw"}, context)

    async def _signal(self, signal: Json, payload: Json, context: ActivityContext) -> None:
        import grpc  # noqa: PLC0415 - with the server

        request = {
            "execution_id": signal["execution"],
            "signal_name": signal["name"],
            "payload": payload,
            "idempotency_key": f"{context.run_id}{context.command_key}",
        }
        try:
            await self._runs.call("sendSignal", request)
        except grpc.aio.AioRpcError as error:
            raise refused(error, f"the signal to {signal['execution']} cannot be sent") from error
