"""`stigmer.runner.v1.WorkflowRunnerService`: runs on a worker and Temporal, without the server's store."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from stigmer_plugin_engine_temporal.api.v1 import runner_pb2 as pb

sys.path.append(str(Path(__file__).parent))
from worker_hosts import Cluster, called, gate, open_gate

SERVICE = "stigmer.runner.v1.WorkflowRunnerService"
HEADING = "document: {dsl: '1.0.3', namespace: tests, name: direct, version: 1.0.0}\n"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Return a server that leaves the work to workers."""
    cluster = Cluster(tmp_path_factory.mktemp("c"))
    yield cluster
    cluster.close()


@pytest.fixture(scope="module")
def worker(cluster):
    """Return a worker that listens on a port and on a socket."""
    listen = ["--listen", "127.0.0.1:0", "--listen", f"unix:{cluster.folder / 'w.sock'}"]
    worker = cluster.worker("listens", "--runner", "workflow", *listen).start()
    yield worker
    worker.stop()


@pytest.fixture
async def call(worker):
    """Return what calls the service with the token of the server."""
    async with grpc.aio.insecure_channel(worker.description["grpc"][0]) as channel:

        async def call(rpc, token=None, **fields):
            method = pb.DESCRIPTOR.services_by_name["WorkflowRunnerService"].methods_by_name[rpc]
            request, response = getattr(pb, method.input_type.name), getattr(pb, method.output_type.name)
            made = channel.unary_unary(f"/{SERVICE}/{rpc}", request.SerializeToString, response.FromString)
            metadata = (("authorization", f"Bearer {token or worker.token}"),)
            return await made(request(**fields), metadata=metadata, timeout=60)

        yield call


@pytest.fixture
def doors():
    """Return a server whose answers to `/shut` wait until it is opened."""
    with gate() as doors:
        yield doors


def shut(doors, **document):
    """Return the text of a document that waits for a door, then names what came before it."""
    tasks = [{"first": {"set": {"n": "${ $input.n }"}}}, {"door": {"call": "http", "with": {}}}, {"last": {"set": {}}}]
    tasks[1]["door"]["with"] = {"method": "get", "endpoint": f"{doors.url}/shut"}
    tasks[2]["last"]["set"] = {"n": "${ $workflow.input.n + 1 }"}
    return HEADING + json.dumps({"do": tasks, **document})[1:-1].replace('"do":', "do:", 1)


async def refusal(call, rpc, **fields):
    """Return the status and the text of a call that is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(rpc, **fields)
    return caught.value.code(), caught.value.details()


async def test_a_document_runs_and_its_output_is_waited_for(call):
    """Nothing of it is stored by the server."""
    document = HEADING + "do:\n  - double: {set: {n: '${ .n * 2 }'}}\n"

    run_id = (await call("ExecuteAsync", document=document, input='{"n": 21}')).run_id
    ended = await call("Wait", run_id=run_id, seconds=60)

    assert run_id.startswith("direct-")
    assert (ended.phase, json.loads(ended.output)) == (pb.RUN_PHASE_COMPLETED, {"n": 42})
    assert ended.started_at < ended.ended_at


async def test_a_run_is_inspected_held_and_let_go(call, doors):
    """Its tasks under way and what it waits for; on hold nothing new begins, although the call ends."""
    run_id = (await call("ExecuteAsync", document=shut(doors), input='{"n": 1}')).run_id
    await called(doors, 1)
    running = await call("Inspect", run_id=run_id)

    await call("Pause", run_id=run_id)
    open_gate(doors)
    held = await call("Wait", run_id=run_id, seconds=1)
    await call("Resume", run_id=run_id)
    ended = await call("Wait", run_id=run_id, seconds=60)

    assert running.phase == pb.RUN_PHASE_RUNNING
    assert [frame.task for frame in running.frames][-1] == "/do/1/door"
    assert [(one.position, one.what) for one in running.outstanding] == [("/do/1/door", "http")]
    assert (held.phase, [frame.task for frame in held.frames][-1]) == (pb.RUN_PHASE_PAUSED, "/do/1/door")
    assert (ended.phase, json.loads(ended.output)) == (pb.RUN_PHASE_COMPLETED, {"n": 2})


async def test_a_run_is_cancelled_and_its_work_with_it(call, doors):
    """Cancelling it once more changes nothing; what has ended cannot be held."""
    run_id = (await call("ExecuteAsync", document=shut(doors), input='{"n": 1}')).run_id
    await called(doors, 1)

    await call("Cancel", run_id=run_id, reason="not needed")
    ended = await call("Wait", run_id=run_id, seconds=60)
    await call("Cancel", run_id=run_id)

    assert ended.phase == pb.RUN_PHASE_CANCELLED
    assert (await refusal(call, "Pause", run_id=run_id))[0] == grpc.StatusCode.FAILED_PRECONDITION


async def test_a_run_takes_signals_once_each(call):
    """The same id twice is one signal."""
    listens = {"listen": {"to": {"any": [{"with": {"type": "tests.go"}}]}}}
    tasks = [{"one": listens}, {"two": listens}, {"over": {"set": {"done": True}}}]
    run_id = (await call("ExecuteAsync", document=HEADING + f"do: {json.dumps(tasks)}")).run_id
    event = {"specversion": "1.0", "id": "1", "source": "https://tests", "type": "tests.go", "data": {}}

    sent = {"run_id": run_id, "name": "event", "payload": json.dumps(event)}
    for signal_id in ("a", "a", "b"):
        await call("Signal", **sent, signal_id=signal_id)
    ended = await call("Wait", run_id=run_id, seconds=60)

    assert (ended.phase, json.loads(ended.output)) == (pb.RUN_PHASE_COMPLETED, {"done": True})


async def test_a_failed_run_says_why(call):
    """As problem details, with the place in the document."""
    error = {"type": "https://tests/boom", "status": 418, "title": "Boom", "detail": "as asked"}
    document = HEADING + f"do: {json.dumps([{'boom': {'raise': {'error': error}}}])}"

    run_id = (await call("ExecuteAsync", document=document)).run_id
    ended = await call("Wait", run_id=run_id, seconds=60)

    assert ended.phase == pb.RUN_PHASE_FAILED
    assert (ended.failure.type, ended.failure.status) == ("https://tests/boom", 418)
    assert (ended.failure.detail, ended.failure.instance) == ("as asked", "/do/0/boom")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"document": HEADING + "do: [{a: {sett: {}}}]"}, "/do/0/a"),
        ({"document": "a: [1"}, "line 2"),
        ({"document": "[1]"}, "one YAML or JSON object"),
        ({"document": HEADING + "do: [{a: {set: {n: 1}}}]", "input": "{"}, "input is not JSON"),
        ({"document": HEADING + "do: [{a: {set: {n: 1}}}]", "run_id": "a/b"}, "run id"),
        ({"document": HEADING + "do: [{a: {set: {n: 1}}}]", "run_id": "wex_1"}, "run id"),
    ],
)
async def test_what_cannot_run_is_refused_before_it_starts(call, fields, words):
    """With the place and what would be right."""
    code, details = await refusal(call, "ExecuteAsync", **fields)

    assert (code, words in details) == (grpc.StatusCode.INVALID_ARGUMENT, True), details


async def test_an_id_is_used_once_and_an_unknown_one_is_not_found(call):
    """So starting a run again is harmless."""
    document = HEADING + "do: [{a: {set: {n: 1}}}]"

    await call("ExecuteAsync", document=document, run_id="mine")

    assert (await refusal(call, "ExecuteAsync", document=document, run_id="mine"))[0] == grpc.StatusCode.ALREADY_EXISTS
    for rpc in ("Inspect", "Cancel", "Pause", "Resume", "Wait"):
        assert (await refusal(call, rpc, run_id="nobody"))[0] == grpc.StatusCode.NOT_FOUND


async def test_runs_of_the_server_are_controlled_too(call, cluster, doors):
    """And the server shows what came of it."""
    task = {"call": "http", "with": {"method": "get", "endpoint": f"{doors.url}/shut"}}
    run_id = await cluster.start(task)
    await called(doors, 1)

    inspected = await call("Inspect", run_id=run_id)
    await call("Cancel", run_id=run_id, reason="by the controller")
    status = await cluster.ended(run_id)

    assert inspected.phase == pb.RUN_PHASE_RUNNING
    assert "by the controller" in str(status)


async def test_callers_over_tcp_need_the_token_those_on_the_socket_none(call, worker):
    """The token of the server is the worker's."""
    code, _ = await refusal(call, "Inspect", token="wrong", run_id="nobody")

    async with grpc.aio.insecure_channel(worker.description["grpc"][1]) as channel:
        inspect = channel.unary_unary(f"/{SERVICE}/Inspect", pb.InspectRequest.SerializeToString)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await inspect(pb.InspectRequest(run_id="nobody"))

    assert (code, caught.value.code()) == (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.NOT_FOUND)


async def test_reflection_lists_the_service_and_health_says_that_it_serves(worker):
    """What gRPC clients expect."""
    async with grpc.aio.insecure_channel(worker.description["grpc"][0]) as channel:
        reflection = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo
        asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        listed = [one.name async for answer in reflection(asked) for one in answer.list_services_response.service]
        health = health_pb2_grpc.HealthStub(channel)
        checked = await health.Check(health_pb2.HealthCheckRequest(service=SERVICE))

    assert SERVICE in listed
    assert checked.status == health_pb2.HealthCheckResponse.SERVING


async def test_while_temporal_is_away_nothing_starts_and_health_says_so(call, worker, cluster):
    """UNAVAILABLE; once it is back, it serves as before."""
    serving, document = health_pb2.HealthCheckResponse.SERVING, HEADING + "do: [{a: {set: {n: 1}}}]"
    async with grpc.aio.insecure_channel(worker.description["grpc"][0]) as channel, asyncio.timeout(60):
        watched = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=SERVICE))
        assert (await watched.read()).status == serving
        cluster.temporal._process.kill()
        cluster.temporal._process.wait()
        assert (await watched.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        code, details = await refusal(call, "ExecuteAsync", document=document)
        await cluster.temporal.ensure()
        assert (await watched.read()).status == serving

    run_id = (await call("ExecuteAsync", document=document)).run_id
    assert (code, "Temporal is away" in details) == (grpc.StatusCode.UNAVAILABLE, True)
    assert (await call("Wait", run_id=run_id, seconds=60)).phase == pb.RUN_PHASE_COMPLETED
