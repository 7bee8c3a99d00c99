"""Open streams: what a server keeps for one, what it counts at its end, and that its place is free again."""

from __future__ import annotations

import asyncio
import contextlib
import gc

import grpc
import pytest
from ai.stigmer.agentic.agentexecution.v1.api_pb2 import AgentExecution
from ai.stigmer.agentic.agentexecution.v1.io_pb2 import AgentExecutionId
from ai.stigmer.agentic.workflowexecution.v1.api_pb2 import WorkflowExecution
from ai.stigmer.agentic.workflowexecution.v1.io_pb2 import SubscribeWorkflowExecutionRequest
from google.protobuf.struct_pb2 import Struct

from stigmer_core.api.v1.resources_pb2 import WatchEvent, WatchRequest
from stigmer_core.errors import Code, NotFoundError
from stigmer_core.resources.codec import to_json
from stigmer_core.server import (
    Authenticator,
    CallLog,
    Dispatcher,
    GrpcServer,
    InProcessChannel,
    Limits,
    Method,
    standard_interceptors,
)
from stigmer_core.server.interceptor import Call
from stigmer_core.testing.installation import installation

AGENTIC = "/ai.stigmer.agentic"
WATCH = "/stigmer.core.v1.ResourceService/Watch"
RUNS = {
    f"{AGENTIC}.agentexecution.v1.AgentExecutionQueryController/subscribe": (
        AgentExecutionId(value="run-1"),
        AgentExecution(kind="AgentExecution"),
    ),
    f"{AGENTIC}.workflowexecution.v1.WorkflowExecutionQueryController/subscribe": (
        SubscribeWorkflowExecutionRequest(execution_id="run-1"),
        WorkflowExecution(kind="WorkflowExecution"),
    ),
}


async def insert(store, run):
    """Make a run that does not end."""
    run.metadata.id, run.status.phase = "run-1", 2
    columns = {"org": "local", "slug": "run", "data": to_json(run), "body": run.SerializeToString()}
    await store.run(lambda tx: tx.insert(kind=run.kind, resource_id="run-1", **columns))


async def kept(app, path, request):
    """Return the requests and calls that are in memory while a stream over TCP waits for its second message."""
    server, token = GrpcServer(app.dispatcher, app.authenticator), app.home.token()
    (address,) = await server.start(["127.0.0.1:0"])
    async with grpc.aio.insecure_channel(address) as channel:
        bearer = (("authorization", f"Bearer {token}"),)
        events = channel.unary_stream(path)(request.SerializeToString(), metadata=bearer)
        await events.read()
        held = [one for one in gc.get_objects() if type(one) in (type(request), Call) and one is not request]
        events.cancel()
    await server.stop()
    return [one for one in held if getattr(one, "peer", "") != "in-process"]


async def test_an_open_watch_holds_neither_its_request_nor_its_metadata(home):
    """Thousands may be open for days."""
    async with installation(home) as api:
        assert await kept(api.app, WATCH, WatchRequest(kind="Session")) == []


@pytest.mark.parametrize(("path", "request_", "run"), [(path, *one) for path, one in RUNS.items()])
async def test_an_open_subscription_holds_neither_its_request_nor_its_metadata(home, path, request_, run):
    """Thousands may be open for days."""
    async with installation(home) as api:
        await insert(api.app.store, run)

        assert await kept(api.app, path, request_) == []


async def ends(_request):
    """Answer once."""
    yield Struct()


async def fails(_request):
    """Answer, then fail."""
    yield Struct()
    raise NotFoundError("thing", "t-1")


async def errs(_request):
    """Answer with something else than was declared."""
    yield WatchEvent()


async def waits(_request):
    """Answer once and stay."""
    yield Struct()
    await asyncio.Event().wait()


def refuses(_request):
    """Refuse before there is a stream."""
    raise NotFoundError("thing", "t-1")


HANDLERS = [
    (ends, Code.OK),
    (fails, Code.NOT_FOUND),
    (errs, Code.INTERNAL),
    (waits, Code.CANCELLED),
    (refuses, Code.NOT_FOUND),
]


@contextlib.asynccontextmanager
async def connected(dispatcher, home, *, remote):
    """Yield a channel over a socket, or in process."""
    if not remote:
        yield InProcessChannel(dispatcher)
        return
    server = GrpcServer(dispatcher, Authenticator())
    (address,) = await server.start([f"unix:{home}/s"])
    async with grpc.aio.insecure_channel(address) as channel:
        yield channel
    await server.stop()


async def read(responses, *, to_end):
    """Read one response, then the others or cancel."""
    await responses.read()
    while to_end and await responses.read() is not grpc.aio.EOF:
        pass
    responses.cancel()


@pytest.mark.parametrize("remote", [True, False], ids=["socket", "in process"])
@pytest.mark.parametrize(("handler", "code"), HANDLERS, ids=[handler.__name__ for handler, _ in HANDLERS])
async def test_a_stream_is_counted_once_under_what_ended_it(home, handler, code, remote):
    """And its place is free again."""
    log, limits = CallLog(), Limits()
    method = Method("/tests.v1.Made/rpc", Struct, Struct, streaming=True, handler=handler)
    dispatcher = Dispatcher([method], standard_interceptors(log=log, limits=limits))
    async with connected(dispatcher, home, remote=remote) as channel:
        responses = channel.unary_stream(method.path)(b"")
        with contextlib.suppress(grpc.aio.AioRpcError):
            await read(responses, to_end=handler is not waits)
        async with asyncio.timeout(30):
            while not list(log):  # noqa: ASYNC110 - as in test_watch.py: within a few turns of the loop
                await asyncio.sleep(0)

    (figures,) = log
    assert {number: count for number, count in enumerate(figures.codes) if count} == {code: 1}
    assert limits.streams_open == 0
