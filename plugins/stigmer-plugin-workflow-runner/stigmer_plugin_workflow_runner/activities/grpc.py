"""The activity `grpc`: a method of a service, from the arguments of a `call: grpc` task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.activities.addresses import AddressPolicy
from stigmer_plugin_workflow_runner.activities.failures import misconfigured

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx

    from stigmer_core.program import ActivityContext, Json
    from stigmer_plugin_workflow_runner.activities.callers import Callers
    from stigmer_plugin_workflow_runner.activities.http import HttpActivity
    from stigmer_plugin_workflow_runner.activities.process import Processes
    from stigmer_plugin_workflow_runner.activities.protos import Protos


class GrpcActivity:
    """Finds out what the method takes, and calls it over a connection of its own.

    Args:
        http: what fetches proto documents.
        processes: where they are compiled.
        allow: hosts and networks (CIDR) that may be reached although they are private or loopback.
        transport: what carries HTTP requests instead of the network, for tests.
        roots: certificates of the authorities that are trusted, in PEM; None for the usual ones.
    """

    def __init__(
        self,
        http: HttpActivity,
        processes: Processes,
        *,
        allow: Sequence[str] = (),
        transport: httpx.AsyncBaseTransport | None = None,
        roots: bytes | None = None,
    ) -> None:
        self._http, self._processes = http, processes
        self._policy = AddressPolicy(allow)
        self._transport, self._roots = transport, roots
        self._callers: Callers | None = None
        self._protos: Protos | None = None

    async def __call__(self, arguments: Json, context: ActivityContext) -> Json:
        """Call the method and return its answer as JSON; the list of its answers when it streams them.

        Raises:
            ActivityError: the standard communication error, with the status that the code has over HTTP; the
                configuration error for a call that cannot be made.
        """
        import grpc  # noqa: PLC0415 - 100 ms, and most processes never call

        from stigmer_plugin_workflow_runner.activities.methods import refusal  # noqa: PLC0415
        from stigmer_plugin_workflow_runner.activities.targets import target_of  # noqa: PLC0415

        target = await target_of(arguments["service"], self._policy)
        caller = self._opened().caller(arguments.get("authentication"))
        key = ("idempotency-key", f"{context.run_id}{context.command_key}".encode("ascii", "backslashreplace").decode())
        headers: dict[str, str] | None = await caller.headers()
        async with target.channel(roots=self._roots) as channel:
            while headers is not None:
                try:
                    return await self._called(channel, arguments, [*headers.items(), key])
                except grpc.aio.AioRpcError as error:
                    is_stale = error.code() == grpc.StatusCode.UNAUTHENTICATED
                    headers = await caller.renewed() if is_stale else None
                    if headers is None:
                        shown = f"{arguments['service']['name']}/{arguments['method']} at {target.name}"
                        raise refusal(error, shown) from error
        return None

    async def close(self) -> None:
        """Close the connections to authorities."""
        if self._callers is not None:
            await self._callers.close()
            self._callers = None

    async def _called(self, channel: Any, arguments: Json, metadata: Sequence[tuple[str, str]]) -> Json:
        from stigmer_plugin_workflow_runner.activities.methods import called, method_of  # noqa: PLC0415
        from stigmer_plugin_workflow_runner.activities.protos import Protos  # noqa: PLC0415
        from stigmer_plugin_workflow_runner.activities.reflection import reflected  # noqa: PLC0415

        name, given = arguments["service"].get("name"), arguments.get("arguments") or {}
        if not isinstance(name, str) or not isinstance(given, dict):
            raise misconfigured("the service's name is a text, and the arguments of the call are an object")
        if "proto" in arguments:
            self._protos = self._protos or Protos(self._http, self._processes)
            pool = await self._protos.get(arguments["proto"])
        else:
            pool = await reflected(channel, name, metadata)
        return await called(channel, method_of(pool, name, arguments["method"]), given, metadata)

    def _opened(self) -> Callers:
        if self._callers is None:
            from stigmer_plugin_workflow_runner.activities.callers import Callers  # noqa: PLC0415

            self._callers = Callers(self._policy, self._transport)
        return self._callers
