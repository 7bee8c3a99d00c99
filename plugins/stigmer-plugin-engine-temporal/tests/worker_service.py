"""WorkerService on a port and a socket, over a sink that remembers what it was given."""

from __future__ import annotations

import asyncio
import contextlib
from types import SimpleNamespace

from stigmer_plugin_engine_temporal._home_service import SERVICE, WorkerController
from stigmer_plugin_engine_temporal._options import Options

from stigmer_core.cli import Target
from stigmer_core.kind import Service
from stigmer_core.program import ActivityError, Failure
from stigmer_core.server import Authenticator, Caller, Dispatcher, GrpcServer, methods_of, standard_interceptors

TOKEN = "the-token"


class Remembering:
    """A sink. While `gate` is closed nobody gets an answer; `refusals` are by run."""

    def __init__(self):
        self.batches = []
        self.refusals = {}
        self.arrived = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def record(self, batch):
        """Remember a batch."""
        self.batches.append(batch)
        self.arrived.set()
        await self.gate.wait()
        return self.refusals.get(batch["run_id"], "")


async def double(arguments, context):
    """Double a number, and say who asked."""
    return [arguments * 2, context.run_id, context.command_key, context.attempt]


async def refuse(_arguments, _context):
    """Fail as activities do."""
    raise ActivityError(REFUSAL)


REFUSAL = Failure("about:blank", "Refused", 400, "not \ud800 here", retryable=True)
SHORT = {("workflow", "double"): double, ("workflow", "refuse"): refuse}


class Served:
    """A server that can be stopped, and started again at the same address."""

    def __init__(self, folder, store, sink, token=TOKEN):
        self.socket = f"unix:{folder / 's.sock'}"
        self.sink = sink
        self.calls = []  # how many batches each call had
        engine = SimpleNamespace(options=Options(namespace="ours"), address="there:7233", claims="/claims", sink=sink)
        engine.payload_keys = str
        engine.short_at_home = lambda runner, name: SHORT.get((runner, name))
        self._controller = WorkerController(SimpleNamespace(store=store, kinds={}), engine)
        self._record, self._controller.record = self._controller.record, self._counted
        self._token = token
        self._server = None
        self.address = "127.0.0.1:0"

    async def _counted(self, request):
        self.calls.append(len(request.batches))
        return await self._record(request)

    async def start(self):
        """Listen."""
        authenticator = Authenticator(self._token, [lambda token: Caller("robot") if token == "robot" else None])
        interceptors = standard_interceptors(authenticator=authenticator)
        dispatcher = Dispatcher(methods_of(Service(SERVICE, self._controller)), interceptors)
        self._server = GrpcServer(dispatcher, authenticator)
        _, self.address = await self._server.start([self.socket, self.address])

    async def stop(self):
        """Stop listening."""
        await self._server.stop_now()

    def target(self, token=TOKEN):
        """Return the way to it over TCP."""
        return Target(self.address, None, (("authorization", f"Bearer {token}"),))


@contextlib.asynccontextmanager
async def served(folder, store=None, sink=None, **more):
    """Run a server."""
    server = Served(folder, store, sink or Remembering(), **more)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
