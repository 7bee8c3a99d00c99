"""WorkerService is for workers of the home alone, and takes nothing that it cannot read."""

from __future__ import annotations

import zlib

import grpc
import grpc.aio
import pytest
from stigmer_plugin_engine_temporal import _home_service
from stigmer_plugin_engine_temporal._home_service import SERVICE, batch_json
from stigmer_plugin_engine_temporal._recording import StoreSink
from stigmer_plugin_engine_temporal._server_link import ServerLink, ServerSink
from stigmer_plugin_engine_temporal._store import add_run
from stigmer_plugin_engine_temporal.api.v1 import worker_pb2 as pb
from stigmer_plugin_engine_temporal.hooks import stigmer_migrations
from worker_service import TOKEN, served

from stigmer_core.cli import Target
from stigmer_core.errors import InvalidArgumentError
from stigmer_core.store import Store


@pytest.fixture
def store(tmp_path):
    """Return a store with the engine's tables."""
    store = Store.open(tmp_path / "stigmer.db", migrations=[stigmer_migrations()])
    yield store
    store.close()


async def code_of(target, rpc="GetConfiguration"):
    """Return the status of a call."""
    request = getattr(pb, f"{rpc}Request")
    async with grpc.aio.insecure_channel(target.name) as channel:
        call = channel.unary_unary(f"/{SERVICE}/{rpc}", request.SerializeToString)
        try:
            await call(request(), metadata=target.metadata)
        except grpc.aio.AioRpcError as error:
            return error.code().name
    return "OK"


async def test_only_the_operator_of_the_home_is_let_in(tmp_path, store):
    """By the token or the socket; a caller who is known by another token may not read secrets."""
    async with served(tmp_path, store) as server:
        for rpc in ("GetConfiguration", "GetValues", "Record", "CallShort"):
            let_in = "INVALID_ARGUMENT" if rpc == "CallShort" else "OK"  # it names no activity
            assert await code_of(server.target(TOKEN), rpc) == let_in
            assert await code_of(Target(server.socket, None, ()), rpc) == let_in
            assert await code_of(server.target("robot"), rpc) == "PERMISSION_DENIED"
            assert await code_of(server.target("wrong"), rpc) == "UNAUTHENTICATED"


async def test_nobody_comes_in_over_tcp_without_authentication(tmp_path, store):
    """A server that asks for no token cannot know its workers there; they use the socket."""
    async with served(tmp_path, store, token=None) as server:
        assert await code_of(server.target()) == "PERMISSION_DENIED"
        assert await code_of(Target(server.socket, None, ())) == "OK"


async def test_a_repeated_report_changes_nothing(tmp_path, store):
    """Each status is published once, in order, and none after the end."""
    await store.run(lambda tx: add_run(tx, "run_1", "test"))
    published = []
    sink = StoreSink(store, lambda _tx, _run_id, *statuses: published.extend(statuses))
    async with served(tmp_path, store, sink) as server:
        link = ServerLink(server.target())
        worker = ServerSink(link)
        first = {"run_id": "run_1", "first": 1, "entries": [["child", "run_1/a", "test"], ["publish", {"n": 1}]]}
        second = {"run_id": "run_1", "first": 3, "entries": [["publish", {"n": 2}]]}
        last = {"run_id": "run_1", "first": 4, "entries": [["ended", "run_1", "completed", "", None]]}
        for batch in (first, second, first, second, last, second):
            assert await worker.record(batch) == ""
        await link.close()

    assert published == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize(
    "entries",
    [b"", b"not zlib", zlib.compress(b"[")[:-2], zlib.compress(b"{}"), zlib.compress(b"[1]"), zlib.compress(b"[" * 99)],
)
def test_a_batch_that_cannot_be_read_is_refused(entries):
    """Not zlib, cut off, no JSON, no list of entries."""
    with pytest.raises(InvalidArgumentError):
        batch_json(pb.Batch(run_id="run_1", first=1, entries=entries))


def test_a_batch_that_grows_too_large_is_refused(monkeypatch):
    """While it is unpacked."""
    monkeypatch.setattr(_home_service, "LARGEST", 1_000)

    with pytest.raises(InvalidArgumentError, match="more than 1000 bytes"):
        batch_json(pb.Batch(run_id="run_1", first=1, entries=zlib.compress(b"[" + b" " * 100_000 + b"]")))
