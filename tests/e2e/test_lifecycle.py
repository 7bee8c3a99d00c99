"""A server starts, is owned by one process, stops in good order, and goes on after a crash."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import grpc.aio
from ai.stigmer.agentic.workflowexecution.v1.api_pb2 import WorkflowExecution
from ai.stigmer.agentic.workflowexecution.v1.io_pb2 import SubscribeWorkflowExecutionRequest

from stigmer_core.testing.distributions import write_distribution
from stigmer_core.testing.server import ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
import crash_cases

QUERIES = "/ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionQueryController"
SLOW = {**crash_cases.DOCUMENT, "do": [{"nap": {"wait": {"seconds": 60}}}]}
STREAMS = 100


def stigmer(*arguments, home, **environment):
    command = [sys.executable, "-m", "stigmer_core", *arguments]
    surroundings = {**os.environ, "STIGMER_HOME": str(home), **environment}
    return subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)


def channel(server):
    return grpc.aio.insecure_channel(server.socket, options=[("grpc.use_local_subchannel_pool", 1)])


def subscribe(open_channel, run_id):
    method = open_channel.unary_stream(
        f"{QUERIES}/subscribe", SubscribeWorkflowExecutionRequest.SerializeToString, WorkflowExecution.FromString
    )
    return method(SubscribeWorkflowExecutionRequest(execution_id=run_id))


def test_a_second_server_of_a_home_is_refused_with_the_owner_named(server):
    """One process owns a database; who it is and where it listens is said."""
    done = stigmer("serve", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", home=server.home)

    assert done.returncode != 0
    assert str(server.pid) in done.stderr
    assert server.socket in done.stderr


def test_the_ready_file_is_what_server_json_says(server):
    """Both carry addresses, pid, version and engine."""
    description = json.loads((server.home / "server.json").read_text())

    assert description == server.description
    assert description["pid"] == server.pid
    assert description["engine"] == "local"
    assert description["http"].startswith("127.0.0.1:")


def test_everything_of_a_home_is_private(server):
    """The directory is 0700, the socket and the token 0600."""
    modes = {name: (server.home / name).stat().st_mode & 0o777 for name in ("api.sock", "token", "stigmer.db")}

    assert server.home.stat().st_mode & 0o777 == 0o700
    assert modes == {"api.sock": 0o600, "token": 0o600, "stigmer.db": 0o600}


async def test_sigterm_ends_a_hundred_open_streams_and_exits_with_zero(server, monkeypatch):
    """Streams end with UNAVAILABLE and words; the process says 0."""
    monkeypatch.setattr(crash_cases, "DOCUMENT", SLOW)
    async with channel(server) as opened:
        run_id = await crash_cases.start_run(opened)
        streams = [aiter(subscribe(opened, run_id)) for _ in range(STREAMS)]
        await asyncio.gather(*(anext(stream) for stream in streams))

        server.signal(signal.SIGTERM)
        ends = await asyncio.gather(*(drain(stream) for stream in streams))
        code = await asyncio.to_thread(server.wait)

    assert ends == [(grpc.StatusCode.UNAVAILABLE, "server is shutting down")] * STREAMS
    assert code == 0


async def drain(stream):
    try:
        async for _ in stream:
            pass
    except grpc.aio.AioRpcError as error:
        return error.code(), error.details()
    return grpc.StatusCode.OK, ""


async def test_a_run_goes_on_after_a_crash_and_after_a_stop(server):
    """What was waiting when the process ended is taken up by the next one."""
    async with channel(server) as opened:
        run_ids = [await crash_cases.start_run(opened) for _ in range(3)]
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)
    assert await asyncio.to_thread(server.stop) == 0
    await asyncio.to_thread(server.start)

    async with channel(server) as opened:
        for run_id in run_ids:
            assert (await drain(subscribe(opened, run_id)))[0] == grpc.StatusCode.OK
            assert await crash_cases.outcome(opened, run_id)


def test_a_broken_plugin_never_stops_the_server_but_strictness_does(home, tmp_path):
    """It is in the banner, and `--strict-plugins` makes it fatal."""
    folder = write_distribution(tmp_path, "broken", "import atlassian")
    path = {"PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}
    with ServerProcess(home, environment=path) as server:
        assert "No module named 'atlassian'" in server.errors()
        assert server.stop() == 0

    strict = stigmer("serve", "--strict-plugins", "--listen", "127.0.0.1:0", "--http", "", home=home, **path)
    assert strict.returncode != 0
    assert "broken is failed" in strict.stderr


def test_a_wide_address_without_token_and_tls_is_refused(home):
    """In one sentence, before anything listens."""
    done = stigmer("serve", "--listen", "0.0.0.0:0", "--http", "", home=home)

    assert done.returncode == 2
    assert "refused without TLS" in done.stderr
    assert "Traceback" not in done.stderr
