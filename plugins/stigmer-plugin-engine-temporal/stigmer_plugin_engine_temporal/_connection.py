"""The way to Temporal: connected, with workers, as long as it can be; found again when it was lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.runtime import LogForwardingConfig, LoggingConfig, Runtime, TelemetryConfig
from temporalio.service import KeepAliveConfig, RPCError

from stigmer_core.errors import StigmerError
from stigmer_plugin_engine_temporal._names import SEARCH_ATTRIBUTE
from stigmer_plugin_engine_temporal._worker import Share, Workers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from temporalio.converter import DataConverter

    from stigmer_core.program import Runner
    from stigmer_plugin_engine_temporal._devserver import DevServer
    from stigmer_plugin_engine_temporal._options import Options
    from stigmer_plugin_engine_temporal._recording import Sink

logger = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 1.0
ANSWER_WITHIN = timedelta(seconds=2)
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 5.0
SAY_FROM_SECONDS = 1.0  # a server that has just been started is away for a moment


class Connection:
    """Keeps a client and its workers; `client` is None while Temporal is away."""

    def __init__(
        self,
        options: Options,
        runners: Mapping[str, Runner],
        sink: Sink,
        converter: DataConverter,
        server: DevServer | None,
        *,
        share: Share = Share(),  # noqa: B008 - it cannot be changed
    ) -> None:
        self.client: Client | None = None
        self.knows_attribute = False  # whether the cluster has the search attribute
        self.problem = "it is not connected yet"
        self._options = options
        self._runners = runners
        self._sink = sink
        self._converter = converter
        self._server = server
        self._share = share
        self._told = ""  # the reason for which Temporal is away, as far as it was logged
        self._back = asyncio.Event()
        self._settled = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None

    @property
    def address(self) -> str:
        """Where Temporal is; empty when a server of one's own has not been started yet."""
        return self._server.address if self._server is not None else self._options.address

    def start(self) -> None:
        """Begin to connect, on the running event loop."""
        self._keeping = asyncio.create_task(self._keep())

    async def connected(self) -> Client:
        """Return the client, once Temporal answers."""
        while self.client is None:
            await self._back.wait()
        return self.client

    async def settled(self) -> None:
        """Return once Temporal answers, or somebody has to do something before it can."""
        await self._settled.wait()

    def lost(self, error: BaseException) -> None:
        """Take note that Temporal does not answer."""
        if self.client is not None:
            self._tell(error)
        self.client, self.problem = None, str(error)
        self._back.clear()

    def _tell(self, reason: BaseException) -> None:
        """Log why Temporal is away, each reason once."""
        if str(reason) != self._told:
            self._told = str(reason)
            logger.warning("temporal is away reason=%s", reason)

    async def stop(self) -> None:
        """Stop the workers, and the server if it is one's own."""
        self.client, self.problem = None, "it is closed"
        self._back.clear()
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        if self._server is not None:
            await self._server.stop()

    async def _keep(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                await self._serve()
            except (RPCError, RuntimeError, OSError, StigmerError) as error:
                self.lost(error)
                if isinstance(error, StigmerError):  # such as no program: waiting alone does not help
                    self._tell(error)
                    self._settled.set()
                    pause = LONGEST_PAUSE_SECONDS
                elif pause >= SAY_FROM_SECONDS:
                    self._tell(error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS if self._server is None else SAY_FROM_SECONDS)

    async def _serve(self) -> None:
        """Connect, work until a worker gives up, and stop."""
        address = self._options.address
        if self._server is not None:
            await self._server.ensure()
            address = self._server.address
        client = await Client.connect(
            address,
            namespace=self._options.namespace,
            data_converter=self._converter,
            api_key=self._options.api_key or None,
            tls=self._options.tls(),
            runtime=_runtime(),
            keep_alive_config=KeepAliveConfig(interval_millis=5_000, timeout_millis=5_000),
        )
        self.knows_attribute = await _knows_attribute(client)
        workers = Workers(client, self._runners, self._sink, self._share)
        workers.start()
        try:
            while not workers.failed:
                await self._look(client)
                await asyncio.sleep(LOOK_EVERY_SECONDS)
        finally:
            await workers.stop()

    async def _look(self, client: Client) -> None:
        """See whether Temporal answers; a server of one's own that has died is started again."""
        if self._server is not None and not self._server.alive:
            self.lost(ConnectionError("the Temporal server has died"))
            await self._server.ensure()
        try:
            await client.service_client.check_health(timeout=ANSWER_WITHIN)
        except RPCError as error:
            self.lost(error)
            return
        if self.client is None:
            level = logging.WARNING if self._told else logging.INFO  # who was told that it is away waits for this
            logger.log(level, "temporal is there namespace=%s", client.namespace)
        self.client, self.problem, self._told = client, "", ""
        self._back.set()
        self._settled.set()


async def _knows_attribute(client: Client) -> bool:
    """Return whether runs can be found by their ids; a cluster without the attribute does without."""
    with contextlib.suppress(RPCError):  # one may also not be allowed to ask
        request = ListSearchAttributesRequest(namespace=client.namespace)
        known = await client.operator_service.list_search_attributes(request, timeout=ANSWER_WITHIN)
        return SEARCH_ATTRIBUTE in known.custom_attributes
    return False


@lru_cache(maxsize=1)
def _runtime() -> Any:
    """Return the SDK's threads, one set per process; what it logs goes where everything goes, never to stdout."""
    forwarding = LogForwardingConfig(logger=logging.getLogger("temporalio.core"))
    return Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filter="temporalio=WARN", forwarding=forwarding)))
