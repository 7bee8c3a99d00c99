"""The in-process channel is a channel: same codes and words as a socket, copies, deadlines, streams that end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading

import grpc
import pytest
from ai.stigmer.agentic.agent.v1.api_pb2 import Agent
from ai.stigmer.agentic.agent.v1.io_pb2 import AgentId
from ai.stigmer.agentic.workflowexecution.v1 import io_pb2
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from stigmer_plugin_workflow.api.v1.documents_pb2 import ExecuteDocumentRequest

from stigmer_core.errors import FailedPreconditionError
from stigmer_core.server import (
    Dispatcher,
    GrpcServer,
    InProcessChannel,
    Limits,
    Method,
    SyncInProcessChannel,
    standard_interceptors,
)
from stigmer_core.testing.installation import installation

QUERY = "/ai.stigmer.agentic.agent.v1.AgentQueryController/get"
CREATE = "/ai.stigmer.agentic.agent.v1.AgentCommandController/create"
CALLS = {
    "not found": (QUERY, AgentId(value="agt_none")),
    "invalid": (QUERY, AgentId()),
    "broken rules": (CREATE, Agent(kind="Agnet")),
    "not served": ("/ai.stigmer.agentic.memory.v1.MemoryQueryController/get", Empty()),
}


def dispatcher(handler, *, streaming=False, limits=None):
    method = Method("/tests.v1.Made/rpc", Struct, Struct, streaming=streaming, handler=handler)
    return Dispatcher([method], standard_interceptors(limits=limits))


def unary(channel):
    return channel.unary_unary("/tests.v1.Made/rpc", Struct.SerializeToString, Struct.FromString)


def stream(channel):
    return channel.unary_stream("/tests.v1.Made/rpc", Struct.SerializeToString, Struct.FromString)


def numbered(number):
    made = Struct()
    made["n"] = number
    return made


def paused(seconds):
    made = Struct()
    made["pause"] = seconds
    return made


async def status_of(awaitable):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await awaitable
    return caught.value.code(), caught.value.details()


@pytest.mark.parametrize(("path", "request_"), CALLS.values(), ids=CALLS)
async def test_in_process_and_over_a_socket_a_call_fails_alike(home, path, request_):
    """Code and words are the same."""
    async with installation(home) as api:
        server = GrpcServer(api.app.dispatcher, api.app.authenticator)
        (address,) = await server.start([f"unix:{home}/s"])
        async with grpc.aio.insecure_channel(address) as socket:
            calls = [channel.unary_unary(path, type(request_).SerializeToString) for channel in (api.channel, socket)]
            inside, outside = [await status_of(call(request_)) for call in calls]
        await server.stop()

    assert inside == outside


@pytest.mark.parametrize(("path", "request_"), CALLS.values(), ids=CALLS)
async def test_the_synchronous_channel_fails_as_the_other_does(home, path, request_):
    """Code and words are the same without an event loop."""
    async with installation(home) as api:
        expected = await status_of(api.channel.unary_unary(path)(request_))
        sync = SyncInProcessChannel(api.app.dispatcher, asyncio.get_running_loop())

        with pytest.raises(grpc.RpcError) as caught:
            await asyncio.to_thread(sync.unary_unary(path), request_)

    assert (caught.value.code(), caught.value.details()) == expected


async def test_a_handler_that_raises_shows_an_id_and_none_of_its_text():
    """INTERNAL, with the id that the log has."""

    async def leak(_request):
        raise ValueError("secret=sk-12345")

    code, details = await status_of(unary(InProcessChannel(dispatcher(leak)))(Struct()))

    assert code == grpc.StatusCode.INTERNAL
    assert "secret" not in details
    assert "ValueError" not in details
    assert details.startswith("internal error ")


async def test_caller_and_handler_share_no_message():
    """What the handler changes, or the caller later, is not seen by the other."""
    kept = []

    async def handler(request):
        kept.append(request)
        request["changed"] = True
        return request

    asked = Struct()
    answer = await unary(InProcessChannel(dispatcher(handler)))(asked)
    kept[0]["later"] = True

    assert dict(asked) == {}
    assert dict(answer) == {"changed": True}


async def test_a_deadline_cancels_the_handler():
    """DEADLINE_EXCEEDED for the caller, CancelledError in the handler."""
    cancelled = asyncio.Event()

    async def slow(_request):
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    code, _ = await status_of(unary(InProcessChannel(dispatcher(slow)))(Struct(), timeout=0.01))

    assert code == grpc.StatusCode.DEADLINE_EXCEEDED
    assert cancelled.is_set()


async def test_a_stream_is_read_to_its_end():
    """Every message in order, then EOF, as often as it is asked for; the status is OK."""

    async def numbers(_request):
        for number in range(3):
            yield numbered(number)

    call = stream(InProcessChannel(dispatcher(numbers, streaming=True)))(Struct())
    seen = [response["n"] async for response in call]

    assert seen == [0, 1, 2]
    assert await call.read() is grpc.aio.EOF
    assert await call.code() == grpc.StatusCode.OK


@pytest.fixture
def endless():
    """A stream without end, with what tells that its handler ended and how many are open."""
    ended, limits = asyncio.Event(), Limits()

    async def handler(request):
        try:
            while True:
                yield Struct()
                await asyncio.sleep(request["pause"])
        finally:
            ended.set()

    return stream(InProcessChannel(dispatcher(handler, streaming=True, limits=limits))), ended, limits


async def test_cancelling_a_stream_ends_its_handler(endless):
    """Nothing goes on for a reader that has gone, and its place is free."""
    begin, ended, limits = endless
    call = begin(paused(0))
    await call.read()
    assert limits.streams_open == 1

    call.cancel()

    await asyncio.wait_for(ended.wait(), 30)
    assert limits.streams_open == 0


async def test_closing_an_iteration_early_ends_the_handler(endless):
    """By the time the iterator is closed."""
    begin, ended, limits = endless
    call = begin(paused(0))

    async with contextlib.aclosing(aiter(call)) as responses:
        await anext(responses)

    assert ended.is_set()
    assert limits.streams_open == 0
    assert await call.code() == grpc.StatusCode.CANCELLED


@pytest.mark.parametrize(("pause", "idle"), [(600, 0), (0, 0.1)], ids=["while it is read", "between two reads"])
async def test_the_deadline_of_a_stream_ends_its_handler(endless, pause, idle):
    """DEADLINE_EXCEEDED, wherever the handler was, and its place is free."""
    begin, ended, limits = endless
    call = begin(paused(pause), timeout=0.05)
    await call.read()
    await asyncio.sleep(idle)

    code, _ = await status_of(call.read())

    assert code == grpc.StatusCode.DEADLINE_EXCEEDED
    assert ended.is_set()
    assert limits.streams_open == 0


async def test_a_subscription_has_its_deadline(home):
    """A run that waits is followed until then, and no longer."""
    document = {"document": {"dsl": "1.0.3", "namespace": "n", "name": "nap", "version": "1.0.0"}}
    document["do"] = [{"nap": {"wait": {"seconds": 600}}}]
    path = "/ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionQueryController/subscribe"
    async with installation(home) as api:
        request = ExecuteDocumentRequest(document=json.dumps(document))
        run = await api.call("stigmer.workflow.v1.WorkflowDocumentController", "execute", request)
        subscribe = api.channel.unary_stream(path)
        call = subscribe(io_pb2.SubscribeWorkflowExecutionRequest(execution_id=run.metadata.id), timeout=0.3)

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            [frame async for frame in call]

    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED


async def test_more_streams_than_the_bound_are_refused_at_once():
    """RESOURCE_EXHAUSTED; a stream that is closed makes room."""

    async def endless(_request):
        while True:
            yield Struct()

    begin = stream(InProcessChannel(dispatcher(endless, streaming=True, limits=Limits(streams=1))))
    async with contextlib.aclosing(aiter(begin(Struct()))) as first:
        await anext(first)
        code, _ = await status_of(begin(Struct()).read())
    third = begin(Struct())

    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert await third.read() == Struct()
    third.cancel()


async def test_more_calls_than_the_bound_are_refused_at_once():
    """RESOURCE_EXHAUSTED; those in flight go on."""
    entered, release = asyncio.Event(), asyncio.Event()

    async def wait(request):
        entered.set()
        await release.wait()
        return request

    call = unary(InProcessChannel(dispatcher(wait, limits=Limits(unary=1))))
    first = asyncio.ensure_future(asyncio.wait_for(call(Struct()), 30))
    await entered.wait()
    code, _ = await status_of(call(Struct()))
    release.set()

    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert await first == Struct()


@pytest.fixture
def elsewhere():
    """An event loop that runs in another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_the_synchronous_channel_answers_streams_and_fails_alike(elsewhere):
    """For code without an event loop."""

    async def numbers(_request):
        for number in range(3):
            yield numbered(number)
        raise FailedPreconditionError("no more")

    responses = stream(SyncInProcessChannel(dispatcher(numbers, streaming=True), elsewhere))(Struct())

    assert [next(responses)["n"] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(grpc.RpcError, match="no more"):
        next(responses)
